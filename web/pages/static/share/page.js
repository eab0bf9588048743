// The share page: reads the link behind #, shows what is known of the image, and opens it. Where opening uses up a view
// or needs a password, it waits for a click.

import { all, one, problem, show, tell } from "../shared/dom.js";
import { bytes, clockFace, refusalWord, word } from "../shared/words.js";
import { Album } from "./album.js";
import { isLink, linksIn } from "./links.js";
import { OpenedImage } from "./opened-image.js";
import { Picture } from "./picture.js";

const section = (name) => one(`[data-state="${name}"]`);
const title = document.title;
const on = { changed, moved: showMoved, ticked: showLeft };
const album = new Album(visit);
let here = null; // the picture that is shown
let image = null;

function enter(state) {
  all("[data-state]", one("#main")).forEach((other) => show(other, other === section(state)));
  if (!album.hasFocus) one("h1", section(state)).focus({ preventScroll: true });
}

function leave() {
  document.title = title;
  image?.close();
  image = null;
}

// Shows a picture, and opens it if that needs no click.
function visit(picture) {
  here = picture;
  if (here.state === "new") here.look();
  else changed(here);
}

function changed(picture) {
  if (picture === here) showHere();
  album.mark(picture);
}

function showHere() {
  leave();
  if (here.state === "ready" && !here.asks) here.open();
  else if (here.state === "ready") showReady();
  else if (here.state === "open") showImage();
  else if (here.state === "failed") showFailed();
  else enter(here.state);
}

function showFailed() {
  enter("failed");
  one(".why", section("failed")).textContent = here.why;
  one(".again", section("failed")).onclick = () => here.look();
}

function showReady() {
  const ready = section("ready");
  const { seen, refusal } = here;
  const field = one("[name=password]", ready);
  one(".views-left", ready).textContent = seen.views_left ?? "∞";
  show(one(".views-left", ready).parentElement, seen.views_left !== null);
  one(".size", ready).textContent = bytes(seen.size);
  show(one(".counts", ready), seen.views_left !== null);
  show(one(".password", ready), seen.password);
  field.required = seen.password;
  field.value = "";
  field.toggleAttribute("aria-invalid", false);
  problem(one(".problem", ready), refusal ? refusalWord(refusal) : "");
  showLeft(here, here.left);
  enter("ready");
  if (!refusal) return;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function showLeft(picture, left) {
  if (picture !== here) return;
  const opened = section("open");
  one(".left", section("ready")).textContent = clockFace(left);
  one(".left", opened).textContent = word("left", { time: clockFace(left) });
  if (image && left <= 60 && !opened.classList.contains("late"))
    tell(word("left", { time: clockFace(left) }));
  one(".life span", opened).style.inlineSize = `${(100 * left) / here.seen.expires_in}%`;
  opened.classList.toggle("late", left <= 60);
  const named = `${clockFace(left)} · ${title}`;
  if (document.title !== named) document.title = named;
}

function showMoved(picture, size, total) {
  if (picture !== here) return;
  one("progress", section("opening")).value = size / total;
  one(".state", section("opening")).textContent = word("opened_of", {
    sent: bytes(size),
    total: bytes(total),
  });
}

async function showImage() {
  const opened = section("open");
  const mine = new OpenedImage(opened, here.blob, here.name);
  image = mine;
  await image.decoded;
  if (mine !== image) return;
  one(".file-name", opened).textContent = here.name;
  problem(one(".description", opened), here.description);
  const after = one(".after", opened);
  const left = here.headers.get("Views-Left");
  after.textContent = left === "0" ? word("last_view") : word("views_left", { number: left });
  show(after, left !== null);
  showLeft(here, here.left);
  enter("open");
  image.begin();
  tell(`${album.place} ${word("image_open")}`.trim());
}

function start() {
  const links = linksIn(location.hash);
  leave();
  here = null;
  const pictures = album.begin(links, (link) => new Picture(link, on));
  if (pictures.length) visit(pictures[0]);
  else enter(location.hash ? "gone" : "ask");
}

one("#open").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = one("[name=password]", section("ready"));
  here.open(here.seen.password ? field.value : "");
  field.value = "";
});
one("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const pasted = linksIn(one("#ask [name=link]").value);
  if (!pasted.some(isLink)) enter(pasted.length ? "cut" : "gone");
  else if (location.hash === `#${pasted.join(".")}`) start();
  else location.hash = pasted.join(".");
});
window.addEventListener("hashchange", start);
start();
