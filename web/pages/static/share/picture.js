// One image of the link, and its state: new, looking, ready, opening, open, or gone, cut, over, failed.

import { countDown } from "../shared/clock.js";
import { ask, describe, Refused, Unreachable } from "../shared/server.js";
import { refusalWord, word } from "../shared/words.js";
import { isLink } from "./links.js";

const PASSWORDS = new Set(["password_asked", "password_wrong", "too_many_guesses"]);

export class Picture {
  // All three are called with this picture: `changed` when its state is another one, `moved` when more bytes have
  // arrived, `ticked` several times a second with the seconds left.
  constructor(link, { changed, moved, ticked }) {
    Object.assign(this, { link, changed, moved, ticked });
    this.state = isLink(link) ? "new" : "cut";
    // Counts attempts: an answer to an earlier one is ignored.
    this.turn = 0;
    this.stop = () => {};
    this.clear();
  }

  clear() {
    this.blob = this.headers = this.refusal = null;
  }

  // Whether it opens at a click alone.
  get asks() {
    return this.seen.password || this.seen.views_left !== null;
  }

  become(state) {
    this.state = state;
    this.changed(this);
  }

  // Removes the image from the page, and ignores every answer that is still to come.
  drop() {
    this.turn += 1;
    this.stop();
    this.clear();
  }

  end(state) {
    this.drop();
    this.become(state);
  }

  fail(error, sentence) {
    if (error instanceof Refused && error.status === 404) {
      this.end("gone");
      return;
    }
    this.why = error instanceof Refused ? refusalWord(error) : word(sentence);
    this.become("failed");
  }

  look() {
    return (this.under_way = this.looking());
  }

  async looking() {
    const mine = ++this.turn;
    this.stop();
    this.become("looking");
    try {
      const seen = await describe(this.link);
      if (mine !== this.turn) return;
      this.seen = seen;
    } catch (error) {
      if (mine === this.turn) this.fail(error, "look_failed");
      return;
    }
    const { expires_in: left, since } = this.seen;
    this.stop = countDown(left, since, {
      tick: (seconds) => this.ticked(this, (this.left = seconds)),
      end: () => this.end("over"),
    });
    if (mine === this.turn) this.become("ready");
  }

  open(password = "") {
    return (this.under_way = this.opening(password));
  }

  async opening(password) {
    const mine = ++this.turn;
    this.refusal = null;
    this.become("opening");
    const { link } = this;
    try {
      const { answer } = await ask("/s/open", password ? { link, password } : { link });
      const blob = await this.received(answer);
      if (mine !== this.turn) return;
      Object.assign(this, { blob, headers: answer.headers });
      this.become("open");
    } catch (error) {
      if (mine !== this.turn) return;
      if (error instanceof Refused && PASSWORDS.has(error.code)) {
        this.refusal = error;
        this.become("ready");
      } else this.fail(error, "open_failed");
    }
  }

  // Opens it unless that would use up a view or needs a password, and waits for a request that is under way.
  async openFreely() {
    if (this.state === "new") this.look();
    await this.under_way;
    if (this.state === "ready" && !this.asks) await this.open();
  }

  // Collects the bytes and tells how many there are; they come whole or not at all.
  async received(answer) {
    const total = Number(answer.headers.get("Content-Length"));
    const parts = [];
    let size = 0;
    try {
      for (const reader = answer.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        size += value.length;
        this.moved(this, size, total);
      }
    } catch {
      throw new Unreachable();
    }
    if (size !== total) throw new Unreachable();
    return new Blob(parts, { type: answer.headers.get("Content-Type") });
  }

  get name() {
    const disposition = this.headers.get("Content-Disposition") ?? "";
    const [, encoded] = disposition.match(/filename\*=UTF-8''([^;]+)/) ?? [];
    const [, plain] = disposition.match(/filename="([^"]*)"/) ?? [];
    return encoded ? decodeURIComponent(encoded) : plain || "image";
  }

  get description() {
    return decodeURIComponent(this.headers.get("Image-Description") ?? "");
  }
}
