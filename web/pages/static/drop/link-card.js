// The card of a link: copy, share, delete, the time that is left, and whether the image was opened.

import { copyText, sayCopied } from "../shared/clipboard.js";
import { countDown } from "../shared/clock.js";
import { copyOf, one, problem, show, tell } from "../shared/dom.js";
import { ask, Refused } from "../shared/server.js";
import { clockFace, refusalWord, timeOfDay, word } from "../shared/words.js";
import { offerPassword } from "./card-password.js";
import { forgetLink } from "./kept-links.js";

const UNDO = 5000;

export class LinkCard {
  // The page has the password until it is left or reloaded, and stores it nowhere.
  constructor(receipt, preview = null, password = "") {
    this.receipt = receipt;
    this.password = password;
    this.deleting = 0;
    this.preview = preview;
    this.element = copyOf("card");
    this.stop = null;
    this.over = false;
    this.fill();
    this.listen();
  }

  // A card with everything that a card may show, to measure how much room that takes.
  static sample(password) {
    const element = copyOf("card");
    show(one(".share", element), Boolean(navigator.share));
    offerPassword(element, password);
    for (const part of [".thumb", ".copy"]) show(one(part, element));
    for (const part of [".name", ".terms", ".left"]) one(part, element).textContent = "0";
    return element;
  }

  get url() {
    return this.receipt.url;
  }

  part(selector) {
    return one(selector, this.element);
  }

  fill() {
    const { receipt } = this;
    this.part(".name").textContent = receipt.filename;
    this.part(".url").value = receipt.url;
    this.part("[name=image_key]").value = receipt.image_key;
    this.curlLines();
    show(this.part(".hdr"), Boolean(receipt.dropped?.includes("gain_map")));
    if (this.preview) {
      this.part(".thumb").src = this.preview;
      show(this.part(".thumb"));
    }
    show(this.part(".copy"));
    show(this.part(".share"), Boolean(navigator.share));
    for (const button of [
      ".copy",
      ".share",
      ".show-password",
      ".copy-password",
      ".undo",
      ".delete button",
      ".dismiss",
    ]) {
      this.part(button).setAttribute("aria-description", receipt.filename);
    }
    this.terms();
  }

  // Fills in the `curl` lines of the template, and removes the options that this image doesn't need.
  curlLines() {
    const {
      asks_password: locked,
      views_left: views,
      image_url: url,
      image_key: key,
      content_type: type,
    } = this.receipt;
    if (!locked && views == null) this.part(".by-post")?.remove();
    if (!locked) this.part(".by-password")?.remove();
    this.part(".open-line .ending").textContent = type.replace("image/", "");
    this.part(".open-line .address").textContent = url;
    this.part(".delete-line .address").textContent =
      `${url.slice(0, url.lastIndexOf("/image/"))}/images/${key}`;
  }

  terms() {
    const { views_left: views, asks_password: locked } = this.receipt;
    const terms = [views != null && this.views(), locked && word("has_password")];
    this.part(".terms").textContent = terms.filter(Boolean).join(" · ");
    this.element.classList.toggle("opened", Boolean(this.receipt.opened_at?.length));
  }

  views() {
    const { views_left: number, opened_at: opened } = this.receipt;
    if (!opened?.length) return word("views_left", { number });
    return word(number === 1 ? "opened_once_more" : "opened", { number, time: timeOfDay(opened.at(-1)) });
  }

  listen() {
    const url = this.part(".url");
    url.onfocus = () => url.select();
    this.part(".copy").onclick = () => this.copy();
    this.part(".share").onclick = () => navigator.share({ url: this.receipt.url }).catch(() => {});
    this.part(".qr").ontoggle = () => this.draw();
    this.part(".dismiss").onclick = () => this.leave();
    offerPassword(this.element, this.password);
    this.part(".undo").onclick = () => this.leaving(false);
    this.part(".delete").onsubmit = (event) => {
      event.preventDefault();
      this.leaving(true);
    };
    window.addEventListener("pagehide", () => this.deleting && this.delete());
  }

  live(seconds, since) {
    let told = seconds <= 60;
    this.stop = countDown(seconds, since, {
      tick: (left) => {
        this.part(".left").textContent = word("left", { time: clockFace(left) });
        this.part(".life span").style.inlineSize = `${(100 * left) / this.receipt.lifetime}%`;
        this.element.classList.toggle("late", left <= 60);
        if (left <= 60 && !told) {
          told = true;
          tell(word("minute_left", { name: this.receipt.filename }));
        }
      },
      end: () => this.gone(),
    });
  }

  gone() {
    this.end(word("time_over"), word("gone", { name: this.receipt.filename }));
  }

  // Takes the server's receipt of the image, or null where it is gone.
  stand(seen, since) {
    if (this.over) return;
    if (!seen) {
      this.gone();
      return;
    }
    const { views_left, opened_at } = seen;
    const news = this.stop && opened_at?.length > (this.receipt.opened_at?.length ?? 0);
    Object.assign(this.receipt, { views_left, opened_at });
    const say = (text) => word("of_image", { name: this.receipt.filename, text });
    if (views_left === 0) {
      const text = word("last_view_used", { time: timeOfDay(opened_at.at(-1)) });
      this.end(text, say(text));
      return;
    }
    this.terms();
    if (!this.stop) this.live(seen.expires_in, since);
    if (news) tell(say(this.views()));
  }

  async copy() {
    // In some browsers the copy command does nothing without a selection.
    this.part(".url").select();
    if (await copyText(this.receipt.url)) {
      this.copied();
      tell(word("copied"));
    } else problem(this.part(".problem"), word("copy_failed"));
  }

  copied() {
    if (!this.over) sayCopied(this.part(".copy"), word("copied"));
  }

  async draw() {
    const squares = this.part(".squares");
    if (!this.part(".qr").open || squares.firstChild) return;
    try {
      const { answer } = await ask("/s/qr", { link: this.receipt.hash });
      const image = new Image();
      const drawn = URL.createObjectURL(await answer.blob());
      image.onload = () => URL.revokeObjectURL(drawn);
      image.alt = word("qr_of", { name: this.receipt.filename });
      image.src = drawn;
      squares.removeAttribute("role");
      squares.removeAttribute("aria-label");
      squares.replaceChildren(image);
    } catch (error) {
      this.part(".qr").open = false;
      problem(this.part(".problem"), refusalWord(error));
    }
  }

  // For a few seconds it can be undone.
  leaving(leaves) {
    clearTimeout(this.deleting);
    this.deleting = leaves ? setTimeout(() => this.delete(), UNDO) : 0;
    problem(this.part(".problem"), "");
    show(this.part(".alive"), !leaves);
    show(this.part(".leaving"), leaves);
    this.part(leaves ? ".undo" : ".delete button").focus();
    tell(word(leaves ? "deleting" : "kept"));
  }

  async delete() {
    clearTimeout(this.deleting);
    this.deleting = 0;
    try {
      await ask("/s/delete", { image_key: this.receipt.image_key }, { keepalive: true });
    } catch (error) {
      if (!(error instanceof Refused)) {
        this.failed(word("offline_delete"));
        return;
      }
      if (error.status !== 404) {
        this.failed(refusalWord(error));
        return;
      }
    }
    this.end(word("deleted"));
  }

  failed(why) {
    show(this.part(".alive"));
    show(this.part(".leaving"), false);
    problem(this.part(".problem"), why);
  }

  end(text, news = text) {
    if (this.over) return;
    this.over = true;
    this.stop?.();
    forgetLink(this.receipt.hash);
    if (this.preview) URL.revokeObjectURL(this.preview);
    const held = this.element.contains(document.activeElement);
    // The secrets are removed from the document, not only hidden.
    clearTimeout(this.deleting);
    this.deleting = 0;
    this.password = "";
    this.part(".alive").remove();
    this.part(".leaving").remove();
    this.part(".life").remove();
    this.part(".thumb").remove();
    this.part(".left").textContent = "";
    this.part(".terms").textContent = text;
    this.element.classList.add("over");
    show(this.part(".dismiss"));
    if (held) this.part(".dismiss").focus();
    document.dispatchEvent(new Event("card-over"));
    tell(news);
  }

  leave() {
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.element.remove();
    (next?.querySelector("button:not([hidden])") ?? one("#file") ?? one("#main")).focus();
    document.dispatchEvent(new Event("card-left"));
  }
}
