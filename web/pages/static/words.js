// The page brings its words along, in the reader's language.

const said = JSON.parse(document.getElementById("words").textContent);
const format = (options) => new Intl.NumberFormat(said.language, options);
const UNITS = [[2 ** 20, "megabyte"], [2 ** 10, "kilobyte"], [1, "byte"]];

export function word(name, values = {}) {
  return said.words[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export function errorWord(code) {
  return said.errors[code] ?? said.errors.other;
}

export function bytes(number) {
  const [size, unit] = UNITS.find(([size]) => number >= size) ?? UNITS[2];
  return format({ style: "unit", unit, maximumFractionDigits: unit === "megabyte" ? 1 : 0 }).format(number / size);
}

export function percent(part) {
  return format({ style: "percent" }).format(part);
}

export function seconds(number) {
  return format({ style: "unit", unit: "second", unitDisplay: "long" }).format(number);
}

// 4:05 or 1:00:00, the digits of a clock; rounded up, so that 0:00 is the moment it is over.
export function clockFace(left) {
  const whole = Math.max(0, Math.ceil(left));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
