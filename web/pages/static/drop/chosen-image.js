// An image that was chosen and has no link yet: its preview, its way up, and what went wrong.

import { copyOf, one, show, tell } from "../shared/dom.js";
import { Refused } from "../shared/server.js";
import { bytes, percent, refusalWord, word } from "../shared/words.js";
import { Cancelled, upload } from "./upload.js";

export class ChosenImage {
  // `again` is called when somebody wants this one sent once more, `gone` when it was taken off the list.
  constructor(file, { again, gone }) {
    this.file = file;
    this.element = copyOf("item");
    this.preview = URL.createObjectURL(file);
    this.sending = null;
    this.refusal = "";
    const thumb = one(".thumb", this.element);
    thumb.onerror = () => {
      thumb.replaceWith(Object.assign(document.createElement("span"), { className: "thumb" }));
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
    this.state("waiting", word("waiting"));
  }

  button(name) {
    return one(`.${name}`, this.element);
  }

  state(name, text) {
    const { dataset } = this.element;
    const busy = name === "sending" || name === "sealing";
    const held = this.element.contains(document.activeElement);
    dataset.state = name;
    one(".state", this.element).textContent =
      `${text}${name === "waiting" ? ` · ${bytes(this.file.size)}` : ""}`;
    show(one("progress", this.element), busy);
    show(this.button("cancel"), busy);
    show(this.button("retry"), name === "failed" || name === "cancelled");
    show(this.button("remove"), !busy);
    // The button that was pressed may have vanished; the keyboard stays at this image.
    if (held && document.activeElement === document.body) {
      (busy
        ? this.button("cancel")
        : name === "failed"
          ? this.button("retry")
          : this.button("remove")
      ).focus();
    }
  }

  get waits() {
    return ["waiting", "queued"].includes(this.element.dataset.state);
  }

  // Sends it; returns what the server answered, or null when there is no link now and the item says why.
  async send(options) {
    const bar = one("progress", this.element);
    bar.value = 0;
    let quarters = 0;
    const sent = (loaded, total) => {
      bar.value = loaded / total;
      if (Math.floor((4 * loaded) / total) > quarters) {
        quarters = Math.floor((4 * loaded) / total);
        tell(`${this.file.name}: ${percent(quarters / 4)}`);
      }
      this.state("sending", word("sent_of", { sent: bytes(loaded), total: bytes(total) }));
    };
    const sealing = () => {
      bar.removeAttribute("value");
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
      this.state(error.passing ? "failed" : "refused", refusalWord(error));
    else this.state("failed", word("unreachable"));
    tell(`${this.file.name}: ${one(".state", this.element).textContent}`);
  }

  // Hands the preview over to the card that takes this item's place.
  handOver() {
    this.element.remove();
    return this.preview;
  }

  close() {
    URL.revokeObjectURL(this.preview);
    this.element.remove();
  }
}
