// The changes to a chosen picture before it is sent: black boxes, a crop, a smaller JPEG.

import { one, show, tell } from "../shared/dom.js";
import { errorWord, word } from "../shared/words.js";
import { isStill } from "./limits.js";

const LONGEST = 2048; // pixels
// Bytes; for a larger picture the page offers to make it smaller.
const LARGE = 2 ** 20;
const JPEG = "image/jpeg";
const MENDED = new Set(["too_large", "too_many_pixels", "not_an_image", "sandbox_missing"]);
// While it is drawn, the buttons stay in their places and keep the focus.
const UNSENT = new Set(["waiting", "failed", "cancelled", "refused", "making"]);
const NOTHING = { boxes: [], crop: null };

export class Changes {
  // `why` names the text that says why the picture can't be sent as it is, if so; `changed` is called when that may
  // have changed.
  constructor(item, limits, changed, why) {
    Object.assign(this, { item, limits, changed, why, original: item.file, still: true, busy: false });
    Object.assign(this, { edits: NOTHING, longest: 0, pixels: 0, side: 0 });
    one(".thumb", item.element).addEventListener("load", (event) => this.measure(event.target), {
      once: true,
    });
    isStill(item.file).then((still) => still || this.forbid());
    const orders = { smaller: LONGEST, whole: Infinity, original: 0 };
    item.button("edit").onclick = () => this.edit();
    for (const [name, longest] of Object.entries(orders))
      item.button(name).onclick = () => this.make(longest ? this.edits : NOTHING, longest);
    for (const name of ["edit", ...Object.keys(orders)])
      item.button(name).setAttribute("aria-description", item.file.name);
  }

  get state() {
    return this.item.element.dataset.state;
  }

  // For an animation, or a file that this browser can't show.
  forbid() {
    this.still = false;
    this.show();
  }

  measure({ naturalWidth: width, naturalHeight: height }) {
    this.side = Math.max(width, height);
    this.pixels = width * height;
    if (this.state === "waiting" && this.pixels > this.limits.mostPixels) {
      this.why = `${errorWord("too_many_pixels")} ${word("as_jpeg")}`;
      this.item.wait(this.why);
      this.changed();
    }
    this.show();
  }

  // For a file that the server has refused.
  refused(code) {
    if (MENDED.has(code)) this.why ||= errorWord(code);
    this.show();
  }

  show() {
    const { item, longest, state, why } = this;
    const large = why || state === "refused" || this.original.size > LARGE;
    show(one(".item-tools", item.element), this.still && UNSENT.has(state));
    show(item.button("smaller"), this.side > LONGEST && large && longest !== LONGEST);
    show(item.button("whole"), why && this.pixels <= this.limits.mostPixels && longest !== Infinity);
    show(item.button("original"), longest || this.edits !== NOTHING);
  }

  async edit() {
    if (this.busy) return;
    try {
      this.busy = true;
      const { edit } = await import("../edit/editor.js");
      this.busy = false;
      const edits = await edit(this.original, this.edits);
      const asJpeg = this.why ? Infinity : 0;
      if (edits) await this.make(edits.boxes.length || edits.crop ? edits : NOTHING, this.longest || asJpeg);
    } catch {
      this.item.state(this.state, word("not_redrawn"));
    } finally {
      this.busy = false;
    }
  }

  // `ready` resolves when it is drawn, or can't be.
  make(edits, longest) {
    if (!this.busy) this.ready = this.redraw(edits, longest);
    return this.ready;
  }

  // Until it is drawn, or if it can't be, there is no file to send: the old one still shows what should be covered.
  async redraw(edits, longest) {
    Object.assign(this, { edits, longest, busy: true });
    let left = word("not_redrawn");
    this.item.state("making", word("making"));
    this.changed();
    try {
      const { file, notes } = edits === NOTHING && !longest ? this.untouched : await this.drawn();
      if (!this.item.element.isConnected) return;
      this.item.renew(file, notes);
      left = this.limits.refusal(file) ? errorWord("too_large") : "";
    } catch {
      // The text that says so is shown already.
    }
    this.busy = false;
    this.item.wait(left);
    this.changed();
    tell(one(".item-body", this.item.element).innerText);
  }

  get untouched() {
    return { file: this.original, notes: "" };
  }

  async drawn() {
    const { redraw } = await import("../edit/redraw.js");
    const { edits, longest, original } = this;
    const type = longest || original.type === JPEG ? JPEG : "image/png";
    const made = await redraw(original, { ...edits, longest: longest || Infinity, type });
    const name = original.name.replace(/\.\w+$/, type === JPEG ? ".jpg" : ".png");
    const notes = [
      word("redrawn", { kind: type === JPEG ? "JPEG" : "PNG", ...made }),
      edits.boxes.length && word("boxes", { number: edits.boxes.length }),
      edits.crop && word("cropped"),
      made.space && word("colours", made),
      made.white && word("white"),
    ];
    return { file: new File([made.blob], name, { type }), notes: notes.filter(Boolean).join(" · ") };
  }
}
