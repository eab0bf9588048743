// The opened image on the page: its size, saving and copying. Its bytes are a blob of this page; `close` frees it.

import { one, show, tell } from "../shared/dom.js";
import { percent, word } from "../shared/words.js";

const STEP = 1.5;
const LARGEST = 8;

export class OpenedImage {
  constructor(section, blob, filename) {
    this.section = section;
    this.blob = blob;
    this.url = URL.createObjectURL(blob);
    this.image = one(".picture", section);
    this.image.src = this.url;
    const save = one(".save", section);
    save.href = this.url;
    save.download = filename;
    const copy = one(".copy", section);
    show(copy, Boolean(navigator.clipboard && window.ClipboardItem));
    copy.onclick = () => this.copy(copy);
    one(".in", section).onclick = () => this.zoom(STEP);
    one(".out", section).onclick = () => this.zoom(1 / STEP);
    one(".fit", section).onclick = () => this.fit();
    one(".frame", section).onkeydown = (event) => this.key(event);
    this.image.ondblclick = () => (this.image.style.inlineSize ? this.fit() : this.zoom(STEP * STEP));
    this.fit(false);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own zoom
    const act = {
      "+": () => this.zoom(STEP),
      "=": () => this.zoom(STEP),
      "-": () => this.zoom(1 / STEP),
      0: () => this.fit(),
    };
    if (!act[event.key]) return;
    event.preventDefault();
    act[event.key]();
  }

  zoom(step) {
    const { naturalWidth, clientWidth } = this.image;
    const width = Math.min(clientWidth * step, naturalWidth * LARGEST);
    if (width < 32) return;
    this.section.classList.add("zoomed");
    this.image.style.inlineSize = `${Math.round(width)}px`;
    tell(word("zoom", { percent: percent(width / naturalWidth) }));
  }

  fit(told = true) {
    this.section.classList.remove("zoomed");
    this.image.style.inlineSize = "";
    if (told) tell(word("zoom", { percent: percent(this.image.clientWidth / this.image.naturalWidth) }));
  }

  async copy(button) {
    const name = button.textContent;
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": this.png() })]);
      button.textContent = word("copied");
      tell(word("copied"));
    } catch {
      button.textContent = word("copy_failed");
    }
    setTimeout(() => {
      button.textContent = name;
    }, 2000);
  }

  // Clipboards take PNG and nothing else from a page.
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
    URL.revokeObjectURL(this.url);
    this.image.removeAttribute("src");
    const save = one(".save", this.section);
    save.removeAttribute("href");
    save.removeAttribute("download");
    this.blob = null;
  }
}
