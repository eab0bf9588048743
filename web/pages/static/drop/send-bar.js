// The bar at the foot of the window: the button and, while images are sent, their progress and the time it takes.

import { elapsed } from "../shared/clock.js";
import { one, show, unseen } from "../shared/dom.js";
import { duration, percent, word } from "../shared/words.js";

// Milliseconds after which the speed is known well enough.
const SURE = 1000;
const STEP = 500;

export class SendBar {
  constructor(stop) {
    this.element = one(".send-bar");
    this.timer = 0;
    one("#stop").onclick = stop;
  }

  get busy() {
    return Boolean(this.timer);
  }

  // Adds images to those that are being sent.
  add(items) {
    if (!this.busy) {
      Object.assign(this, { images: 0, bytes: 0, done: 0, past: 0, moved: 0, loaded: 0, sealing: false });
      this.since = this.heard = elapsed();
      this.timer = setInterval(() => this.draw(), STEP);
    }
    this.images += items.length;
    this.bytes += items.reduce((sum, item) => sum + item.file.size, 0);
    this.draw();
  }

  sent(bytes) {
    this.loaded = bytes;
    this.heard = elapsed();
    this.sealing = false;
    this.draw();
  }

  seals() {
    this.sealing = true;
    this.draw();
  }

  // One image is done: it has its link, or it was stopped after so many bytes.
  next(item) {
    this.done += 1;
    this.past += item.file.size;
    this.moved += this.loaded;
    this.loaded = 0;
    this.sealing = false;
  }

  end() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  get secondsLeft() {
    const moved = this.moved + this.loaded;
    if (!moved || this.heard - this.since < SURE) return null;
    const perByte = (this.heard - this.since) / moved;
    const left = (this.bytes - this.past - this.loaded) * perByte - (elapsed() - this.heard);
    return Math.max(1, Math.round(left / 1000));
  }

  draw() {
    const part = (this.past + this.loaded) / this.bytes;
    const left = this.secondsLeft;
    const values = {
      number: Math.min(this.done + 1, this.images),
      count: this.images,
      percent: percent(Math.floor(100 * part) / 100),
    };
    const far = word(this.images > 1 ? "sending_of" : "sending", values);
    const last = this.sealing && this.done + 1 === this.images;
    one("#sum").textContent = last
      ? word("sealing")
      : left
        ? word("about", { far, time: duration(left, "short") })
        : far;
    one("progress", this.element).value = part;
  }

  // While images are sent, the button is shown only if others wait.
  show(waiting, again) {
    const focused = document.activeElement;
    const button = one("#send");
    show(one(".under-way", this.element), this.busy);
    show(button, !this.busy || waiting > 0);
    if (waiting > 1) button.textContent = word("make_links", { number: waiting });
    else button.textContent = word(waiting && again ? "again" : "make_link");
    if (this.element.contains(focused) && unseen(focused)) {
      // The focus doesn't go to Cancel: a key that is held a moment too long would press it.
      (button.hidden ? one("#sum") : button).focus();
    }
  }
}
