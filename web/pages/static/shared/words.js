// Texts, numbers and times in the reader's language; the texts and the units of sizes come with the page.

const said = JSON.parse(document.getElementById("words").textContent);
const format = (options) => new Intl.NumberFormat(said.language, options);
const forms = new Intl.PluralRules(said.language);

// A file name between the Unicode marks that isolate its direction of writing from the sentence around it, like <bdi>.
function isolated(name) {
  return document.dir === "rtl" || /[\u0590-\u08ff\ufb1d-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name;
}

export function word(name, values = {}) {
  const shown = values.name ? { ...values, name: isolated(values.name) } : values;
  const text = said.words[name];
  const form = typeof text === "string" ? text : (text[forms.select(values.number)] ?? text.other);
  return form.replace(/\{(\w+)\}/g, (whole, key) => shown[key] ?? whole);
}

export function errorWord(code) {
  return said.errors[code] ?? said.errors.other;
}

// The text of a refusal, and when to try again if the server told a time.
export function refusalWord({ code, wait }) {
  if (wait && code === "too_many_guesses") return word("wait", { time: duration(wait) });
  if (wait && code === "too_many_requests") return word("come_back", { time: duration(wait) });
  return errorWord(code);
}

export function bytes(number) {
  const [size, unit, digits] = said.sizes.find(([least]) => number >= least) ?? said.sizes.at(-1);
  return format({ style: "unit", unit, maximumFractionDigits: digits }).format(number / size);
}

export function percent(part) {
  return format({ style: "percent" }).format(part);
}

// "15 seconds", or "3 minutes" for two minutes and more; rounded up.
export function duration(seconds, unitDisplay = "long") {
  const [size, unit] = seconds < 120 ? [1, "second"] : [60, "minute"];
  return format({ style: "unit", unit, unitDisplay }).format(Math.ceil(seconds / size));
}

// "15:03", or "3:03 PM" where the reader's region writes it so.
export function timeOfDay(time) {
  const spoken = navigator.languages.find((tag) => tag.startsWith(said.language)) ?? said.language;
  return new Date(time).toLocaleTimeString(spoken, { timeStyle: "short" });
}

const two = (number) => String(number).padStart(2, "0");

// "4:05" or "1:00:00". Rounded up, so that "0:00" is shown only when the time is over.
export function clockFace(left) {
  const whole = Math.max(0, Math.ceil(left));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
