// The opened image on the page: zooming, saving and copying. Its bytes are a blob of this page; `close` frees it.

import { sayCopied } from "../shared/clipboard.js";
import { all, one, show, tell } from "../shared/dom.js";
import { percent, word } from "../shared/words.js";
import { pinched } from "./pinch.js";

const STEP = 1.5;
const LARGEST = 8;
const SMALLEST = 32; // pixels
// An image at least so many times as high as wide is first shown by its width, not whole.
const TALL = 3;

export class OpenedImage {
  constructor(section, blob, filename) {
    this.section = section;
    this.blob = blob;
    this.url = URL.createObjectURL(blob);
    this.frame = one(".frame", section);
    // HTML allows no <img> without `src`, so the element is made only now.
    this.image = one("template", this.frame).content.firstElementChild.cloneNode();
    this.frame.append(this.image);
    this.image.src = this.url;
    // Width and height are set before the image loads, so that what is below it doesn't move.
    this.decoded = this.image.decode().catch(() => {});
    const save = one(".save", section);
    save.href = this.url;
    save.download = filename;
    const copy = one(".copy", section);
    show(copy, Boolean(navigator.clipboard && window.ClipboardItem));
    copy.onclick = () => this.copy(copy);
    one(".in", section).onclick = () => this.step(STEP);
    one(".out", section).onclick = () => this.step(1 / STEP);
    for (const button of all("button[data-size]", section))
      button.onclick = () => this.size(button.dataset.size);
    this.frame.onkeydown = (event) => this.key(event);
    this.image.ondblclick = (event) =>
      this.frame.dataset.size === "fit" ? this.step(STEP * STEP, event) : this.size("fit");
    this.listening = pinched(
      this.frame,
      () => this.image.clientWidth,
      (width, from, to) => this.zoom(width, from, to),
    );
  }

  // Shows the image; its section is visible already, so its size can be measured.
  begin() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const tall = height > TALL * width && height > this.frame.clientHeight;
    this.size(tall ? (width < this.frame.parentElement.clientWidth ? "full" : "width") : "fit", false);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own zoom
    const act = {
      "+": () => this.step(STEP),
      "=": () => this.step(STEP),
      "-": () => this.step(1 / STEP),
      0: () => this.size("fit"),
      1: () => this.size("full"),
      2: () => this.size("width"),
    };
    if (!act[event.key]) return;
    event.preventDefault();
    act[event.key]();
  }

  // Sets one of the named sizes; page.css defines them.
  size(name, told = true) {
    this.frame.dataset.size = name;
    this.image.style.inlineSize = "";
    for (const button of all("button[data-size]", this.section)) {
      button.setAttribute("aria-pressed", button.dataset.size === name);
    }
    if (told) this.tell();
  }

  step(factor, at = null) {
    const box = this.frame.getBoundingClientRect();
    const centre = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
    this.zoom(this.image.clientWidth * factor, at ?? centre);
    this.tell();
  }

  // Sets the width. The point of the image that was at one place of the window is then at the other.
  zoom(wished, from, to = from) {
    const width = Math.min(wished, this.image.naturalWidth * LARGEST);
    if (width < SMALLEST) return;
    const before = this.image.getBoundingClientRect();
    const part = {
      x: (from.clientX - before.left) / before.width,
      y: (from.clientY - before.top) / before.height,
    };
    this.size("free", false);
    this.image.style.inlineSize = `${Math.round(width)}px`;
    const after = this.image.getBoundingClientRect();
    this.frame.scrollLeft += after.left + part.x * after.width - to.clientX;
    this.frame.scrollTop += after.top + part.y * after.height - to.clientY;
  }

  tell() {
    tell(word("zoom", { percent: percent(this.image.clientWidth / this.image.naturalWidth) }));
  }

  async copy(button) {
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": this.png() })]);
      sayCopied(button, word("copied"));
      tell(word("copied"));
    } catch {
      sayCopied(button, word("copy_failed"));
    }
  }

  // A page may put images into the clipboard as PNG only.
  async png() {
    if (this.blob.type === "image/png") return this.blob;
    const bitmap = await createImageBitmap(this.blob);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    return new Promise((done) => {
      canvas.toBlob(done, "image/png");
    });
  }

  close() {
    this.listening.abort();
    URL.revokeObjectURL(this.url);
    this.image.remove();
    const save = one(".save", this.section);
    save.removeAttribute("href");
    save.removeAttribute("download");
    this.blob = null;
  }
}
