// The share page: reads the link behind #, shows what is there, and opens it; at a click where opening counts.

import { countDown } from "../shared/clock.js";
import { all, one, problem, show, tell } from "../shared/dom.js";
import { ask, describe, Refused, Unreachable } from "../shared/server.js";
import { bytes, clockFace, refusalWord, word } from "../shared/words.js";
import { OpenedImage } from "./opened-image.js";

const PASSWORDS = new Set(["password_asked", "password_wrong", "too_many_guesses"]);
const section = (name) => one(`[data-state="${name}"]`);
const title = document.title;
let link = "";
let seen = null;
let stop = () => {};
let image = null;
let turn = 0; // counts links and attempts: an answer to an earlier one is ignored

function enter(state) {
  all("[data-state]").forEach((other) => show(other, other === section(state)));
  one("h1", section(state)).focus({ preventScroll: true });
}

function leave() {
  document.title = title;
  stop();
  stop = () => {};
  image?.close();
  image = null;
}

function fail(error, again, sentence) {
  if (error instanceof Refused && error.status === 404) {
    leave();
    enter("gone");
    return;
  }
  enter("failed");
  one(".why", section("failed")).textContent = error instanceof Refused ? refusalWord(error) : word(sentence);
  one(".again", section("failed")).onclick = again;
}

async function look() {
  const mine = ++turn;
  leave();
  enter("looking");
  try {
    const found = await describe(link);
    if (mine !== turn) return;
    seen = found;
  } catch (error) {
    if (mine === turn) fail(error, look, "look_failed");
    return;
  }
  stop = countDown(seen.expires_in, seen.since, { tick: showLeft, end: over });
  if (seen.password || seen.views_left !== null) showReady();
  else open("");
}

function showReady() {
  const ready = section("ready");
  one(".views-left", ready).textContent = seen.views_left ?? "∞";
  show(one(".views-left", ready).parentElement, seen.views_left !== null);
  one(".size", ready).textContent = bytes(seen.size);
  show(one(".counts", ready), seen.views_left !== null);
  show(one(".password", ready), seen.password);
  one("[name=password]", ready).required = seen.password;
  one("[name=password]", ready).removeAttribute("aria-invalid");
  problem(one(".problem", ready), "");
  enter("ready");
}

function showLeft(left) {
  const opened = section("open");
  one(".left", section("ready")).textContent = clockFace(left);
  one(".left", opened).textContent = word("left", { time: clockFace(left) });
  if (image && left <= 60 && !opened.classList.contains("late"))
    tell(word("left", { time: clockFace(left) }));
  one(".life span", opened).style.inlineSize = `${(100 * left) / seen.expires_in}%`;
  opened.classList.toggle("late", left <= 60);
  const named = `${clockFace(left)} · ${title}`;
  if (document.title !== named) document.title = named;
}

function over() {
  turn += 1;
  leave();
  enter("over");
}

async function open(password) {
  const mine = ++turn;
  enter("opening");
  try {
    const { answer } = await ask("/s/open", password ? { link, password } : { link });
    const blob = await received(answer);
    if (mine === turn) await showImage(blob, answer.headers, mine);
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof Refused && PASSWORDS.has(error.code)) refusePassword(error);
    else fail(error, look, "open_failed");
  }
}

// Collects the bytes and tells how many there are; they come whole or not at all.
async function received(answer) {
  const total = Number(answer.headers.get("Content-Length"));
  const bar = one("progress", section("opening"));
  const parts = [];
  let size = 0;
  try {
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      size += value.length;
      bar.value = size / total;
      one(".state", section("opening")).textContent = word("opened_of", {
        sent: bytes(size),
        total: bytes(total),
      });
    }
  } catch {
    throw new Unreachable();
  }
  if (size !== total) throw new Unreachable();
  return new Blob(parts, { type: answer.headers.get("Content-Type") });
}

async function showImage(blob, headers, mine) {
  const opened = section("open");
  const name = fileName(headers.get("Content-Disposition") ?? "");
  image = new OpenedImage(opened, blob, name);
  await image.decoded;
  if (mine !== turn) return;
  one(".file-name", opened).textContent = name;
  const description = decodeURIComponent(headers.get("Image-Description") ?? "");
  problem(one(".description", opened), description);
  const after = one(".after", opened);
  const left = headers.get("Views-Left");
  after.textContent = left === "0" ? word("last_view") : word("views_left", { number: left });
  show(after, left !== null);
  enter("open");
  image.begin();
  tell(word("image_open"));
}

function fileName(disposition) {
  const [, encoded] = disposition.match(/filename\*=UTF-8''([^;]+)/) ?? [];
  const [, plain] = disposition.match(/filename="([^"]*)"/) ?? [];
  return encoded ? decodeURIComponent(encoded) : plain || "image";
}

function refusePassword(error) {
  showReady();
  const field = one("[name=password]", section("ready"));
  field.value = "";
  field.setAttribute("aria-invalid", "true");
  problem(one(".problem", section("ready")), refusalWord(error));
  field.focus();
}

function start() {
  turn += 1;
  link = linkIn(location.hash);
  if (link) look();
  else {
    leave();
    enter(location.hash ? noLink(location.hash) : "ask");
  }
}

function linkIn(text) {
  return text.match(/(?:^|[#<("\s]|[^/]\/)([\w-]{32})(?![\w-])/)?.[1] ?? "";
}

// What is there in place of a link: one that lacks some characters, or nothing that looks like one.
function noLink(text) {
  return /(?:^|[#<("\s]|[^/]\/)[\w-]{20,31}(?![\w-])/.test(text) ? "cut" : "gone";
}

one("#open").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = one("[name=password]", section("ready"));
  open(seen.password ? field.value : "");
  field.value = "";
});
one("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const pasted = linkIn(one("#ask [name=link]").value);
  if (!pasted) enter(noLink(one("#ask [name=link]").value));
  else if (location.hash === `#${pasted}`) look();
  else location.hash = pasted;
});
window.addEventListener("hashchange", start);
start();
