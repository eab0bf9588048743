// An image that was chosen and has no link yet: its preview, its upload, and its error.

import { copyOf, one, show, tell, unseen } from "../shared/dom.js";
import { Refused } from "../shared/server.js";
import { bytes, errorWord, percent, refusalWord, word } from "../shared/words.js";
import { Changes } from "./changes.js";
import { Cancelled, upload } from "./upload.js";

// Errors that this image will get each time, with any options and at any time.
const OF_THE_IMAGE = new Set([413, 415, 422]);

export class ChosenImage {
  // `again` is called when somebody wants to send the image again, `gone` when it was removed from the list, `changed`
  // when it was drawn anew. `why` names the text that says why it can't be sent as it is, if so.
  constructor(file, { again, gone, changed, limits, why }) {
    this.file = file; // what is sent
    this.element = copyOf("item");
    this.preview = URL.createObjectURL(file);
    this.sending = null;
    // Its options, while it waits for its turn.
    this.wished = null;
    this.refusal = "";
    const thumb = one(".thumb", this.element);
    thumb.onerror = () => {
      thumb.replaceWith(Object.assign(document.createElement("span"), { className: "thumb" }));
      this.changes.forbid();
    };
    thumb.src = this.preview;
    one(".name", this.element).textContent = file.name;
    this.button("cancel").onclick = () => this.sending?.cancel();
    this.button("retry").onclick = () => again(this);
    this.button("remove").onclick = () => {
      this.close();
      gone(this);
    };
    for (const name of ["cancel", "retry", "remove"]) {
      this.button(name).setAttribute("aria-description", file.name);
    }
    this.changes = new Changes(this, limits, changed, why);
    this.wait(why);
  }

  // Makes it ready to be sent, or shows the text that says why it can't be.
  wait(why) {
    if (why) this.state("refused", why);
    else this.state("waiting", word("waiting"));
  }

  // Replaces the file that is sent, and its preview.
  renew(file, notes) {
    URL.revokeObjectURL(this.preview);
    this.file = file;
    this.preview = URL.createObjectURL(file);
    one(".thumb", this.element).src = this.preview;
    one(".notes", this.element).textContent = notes;
  }

  button(name) {
    return one(`.${name}`, this.element);
  }

  state(name, text) {
    const { dataset } = this.element;
    const busy = name === "sending" || name === "sealing";
    const focused = document.activeElement;
    dataset.state = name;
    one(".state", this.element).textContent =
      `${text}${name === "waiting" ? ` · ${bytes(this.file.size)}` : ""}`;
    show(one("progress", this.element), busy);
    show(this.button("cancel"), busy);
    show(this.button("retry"), name === "failed" || name === "cancelled");
    show(this.button("remove"), !busy);
    this.changes.show();
    // The button that was pressed may be hidden now: the focus stays at this image.
    if (this.element.contains(focused) && unseen(focused)) {
      (busy
        ? this.button("cancel")
        : name === "failed"
          ? this.button("retry")
          : this.button("remove")
      ).focus();
    }
  }

  // Whether the send button includes it: it was not sent yet, or that failed.
  get waits() {
    return ["waiting", "failed", "cancelled"].includes(this.element.dataset.state);
  }

  // Whether it is being drawn anew, and can be sent soon.
  get making() {
    return this.element.dataset.state === "making";
  }

  get under_way() {
    return ["queued", "sending", "sealing"].includes(this.element.dataset.state);
  }

  get failed() {
    return this.waits && this.element.dataset.state !== "waiting";
  }

  queue(wished) {
    this.wished = wished;
    this.state("queued", word("queued"));
  }

  stop() {
    if (this.wished) this.fail(new Cancelled());
    this.wished = null;
    this.sending?.cancel();
  }

  // Sends it and tells the bar. Returns the server's answer, or null if there is no link; then the item shows why.
  async send(options, whole) {
    const bar = one("progress", this.element);
    bar.value = 0;
    let quarters = 0;
    const sent = (loaded, total) => {
      bar.value = loaded / total;
      if (Math.floor((4 * loaded) / total) > quarters) {
        quarters = Math.floor((4 * loaded) / total);
        tell(`${this.file.name}: ${percent(quarters / 4)}`);
      }
      whole.sent((loaded / total) * this.file.size);
      this.state("sending", word("sent_of", { sent: bytes(loaded), total: bytes(total) }));
    };
    const sealing = () => {
      bar.removeAttribute("value");
      whole.seals();
      this.state("sealing", word("sealing"));
      tell(word("sealing"));
    };
    sent(0, this.file.size);
    this.sending = upload(this.file, options, { sent, sealing });
    try {
      return await this.sending.promise;
    } catch (error) {
      this.fail(error);
      return null;
    } finally {
      this.sending = null;
    }
  }

  fail(error) {
    this.refusal = error instanceof Refused ? error.code : "";
    if (this.refusal.startsWith("upload_code")) this.state("waiting", errorWord(this.refusal));
    else if (error instanceof Cancelled) this.state("cancelled", word("cancelled"));
    else if (error instanceof Refused)
      this.state(OF_THE_IMAGE.has(error.status) ? "refused" : "failed", refusalWord(error));
    else this.state("failed", word("unreachable"));
    this.changes.refused(this.refusal);
    tell(`${this.file.name}: ${one(".state", this.element).textContent}`);
  }

  // The card takes the item's place and its preview.
  become(card) {
    const held = this.element.contains(document.activeElement);
    this.element.replaceWith(card.element);
    if (held) one(".url", card.element).focus({ preventScroll: true });
  }

  close() {
    URL.revokeObjectURL(this.preview);
    this.element.remove();
  }
}
