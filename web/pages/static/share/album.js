// The bar of an album: which image is shown, the way to the others, and saving all of them.

import { all, one, problem, show, tell } from "../shared/dom.js";
import { word } from "../shared/words.js";
import { swiped } from "./swipe.js";

// Milliseconds that a browser has to begin with saving.
const KEPT = 60_000;
const BUSY = new Set(["looking", "opening"]);
const NAMES = { gone: "picture_gone", over: "picture_gone", cut: "picture_cut", asks: "picture_asks" };
const bar = one("#album");
const part = (selector) => one(selector, bar);

export class Album {
  // `visit` is called with the picture that is to be shown.
  constructor(visit) {
    this.visit = visit;
    this.pictures = [];
    part(".previous").onclick = () => this.go(this.at - 1);
    part(".next").onclick = () => this.go(this.at + 1);
    part(".save-all").onclick = () => this.saving || this.saveAll();
    document.addEventListener("keydown", (event) => this.key(event));
    swiped(one("#main"), (step) => this.go(this.at + step));
  }

  get hasFocus() {
    return bar.contains(document.activeElement);
  }

  // "Image 2 of 7", or nothing where there is only one image.
  get place() {
    const count = this.pictures.length;
    return count > 1 ? word("place", { number: this.at + 1, count }) : "";
  }

  // Replaces the pictures by those of these links; `make` makes a picture of a link.
  begin(links, make) {
    const most = Number(bar.dataset.most);
    this.pictures.forEach((picture) => picture.drop());
    this.pictures = links.slice(0, most).map(make);
    this.at = 0;
    show(bar, links.length > 1);
    problem(part(".problem"), links.length > most ? word("album_most", { most }) : "");
    part(".saved").textContent = "";
    part(".strip").replaceChildren(...this.pictures.map((_, at) => this.button(at)));
    this.pictures.forEach((picture) => this.paint(picture));
    return this.pictures;
  }

  button(at) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: at + 1, onclick: () => this.go(at) });
    item.append(button);
    return item;
  }

  go(at) {
    if (!this.pictures[at]) return;
    const held = part(".strip").contains(document.activeElement);
    this.at = at;
    this.visit(this.pictures[at]);
    const button = all("button", part(".strip"))[at];
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (held) button.focus();
    if (this.pictures[at].state !== "open") tell(button.ariaLabel);
  }

  // Shows the state of a picture, and begins the next request.
  mark(picture) {
    if (!this.pictures.includes(picture) || this.pictures.length < 2) return;
    this.paint(picture);
    this.loadNext();
  }

  paint(picture) {
    const buttons = all("button", part(".strip"));
    const at = this.pictures.indexOf(picture);
    const { state } = picture;
    const told = state === "ready" && picture.asks ? "asks" : state;
    buttons[at].dataset.is = told;
    buttons[at].ariaLabel = word(NAMES[told] ?? "picture", { number: at + 1 });
    buttons.forEach((other, place) => {
      other.ariaCurrent = place === this.at;
    });
    part(".place").textContent = this.place;
    part(".previous").ariaDisabled = this.at === 0;
    part(".next").ariaDisabled = this.at === this.pictures.length - 1;
  }

  // Opens the next image ahead of time where that uses up no view, then asks about the others; one request at a time.
  loadNext() {
    if (this.pictures.some(({ state }) => BUSY.has(state))) return;
    const next = this.pictures[this.at + 1];
    if (this.pictures[this.at].blob && next?.state === "ready" && !next.asks) next.open();
    else this.pictures.find(({ state }) => state === "new")?.look();
  }

  key(event) {
    const { key, target } = event;
    if (this.pictures.length < 2 || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (target.closest("input, textarea, select")) return;
    const step = document.dir === "rtl" ? -1 : 1;
    const to = {
      ArrowRight: this.at + step,
      ArrowLeft: this.at - step,
      Home: 0,
      End: this.pictures.length - 1,
    }[key];
    if (to === undefined) return;
    const frame = target.closest(".frame");
    const scrolls = key.startsWith("Arrow")
      ? frame?.scrollWidth > frame?.clientWidth
      : frame?.scrollHeight > frame?.clientHeight;
    if (scrolls) return;
    event.preventDefault();
    this.go(to);
  }

  // Saves one ZIP file of all images that are open already or that open without using up a view.
  async saveAll() {
    const { pictures } = this;
    this.saving = true;
    try {
      for (const [at, picture] of pictures.entries()) {
        say(word("saving", { number: at + 1, count: pictures.length }));
        await picture.openFreely();
        if (pictures !== this.pictures) return;
      }
      const there = pictures.filter((picture) => picture.blob);
      const { zipOf } = await import("../later/zip.js");
      if (there.length) save(await zipOf(there));
      const left = pictures.filter((picture) => picture.state === "ready" && picture.asks).length;
      const saved = word("saved", { number: there.length, count: pictures.length });
      say(left ? `${saved} ${word("left_out", { number: left })}` : saved);
    } finally {
      this.saving = false;
    }
  }
}

function say(text) {
  part(".saved").textContent = text;
}

function save(zip) {
  const href = URL.createObjectURL(zip);
  Object.assign(document.createElement("a"), { href, download: "mayfly.zip" }).click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT);
}
