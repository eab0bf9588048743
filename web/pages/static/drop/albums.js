// Albums: one link for the images that were sent together, beside their own links. The page makes that link and its
// QR code by itself, so the server doesn't learn which images belong together.

import { copyText, sayCopied } from "../shared/clipboard.js";
import { copyOf, one, problem, show, tell } from "../shared/dom.js";
import { word } from "../shared/words.js";

class AlbumCard {
  constructor() {
    this.element = copyOf("album");
    this.url = "";
    this.part(".url").onfocus = () => this.part(".url").select();
    this.part(".copy").onclick = () => this.copy();
    this.part(".share").onclick = () => navigator.share({ url: this.url }).catch(() => {});
    this.part(".qr").ontoggle = () => this.draw();
    show(this.part(".copy"));
    show(this.part(".share"), Boolean(navigator.share));
  }

  part(selector) {
    return one(selector, this.element);
  }

  // With `waiting` there are no links yet: the card only takes its place, so that nothing moves when they come.
  fill(receipts, waiting) {
    const [first] = receipts;
    const url = first ? `${first.url.split("#")[0]}#${receipts.map(({ hash }) => hash).join(".")}` : "";
    this.element.classList.toggle("waiting", waiting);
    if (url === this.url) return;
    this.url = this.part(".url").value = url;
    this.part(".album-title").textContent = word("album", { number: receipts.length });
    this.draw();
  }

  holds(card) {
    return this.url.includes(card.receipt.hash);
  }

  async copy() {
    this.part(".url").select();
    if (await copyText(this.url)) {
      this.copied();
      tell(word("copied"));
    } else problem(this.part(".problem"), word("copy_failed"));
  }

  copied() {
    sayCopied(this.part(".copy"), word("copied"));
  }

  async draw() {
    if (!this.part(".qr").open) return;
    const { drawnQr } = await import("../later/qr.js");
    this.part(".squares").replaceChildren(drawnQr(this.url, word("qr_of_album")));
  }
}

const following = (key) => key.replace(/\d+$/, (number) => Number(number) + 1);

export class Albums {
  constructor(list) {
    this.list = list;
    this.most = Number(list.dataset.most);
    this.cards = new Map();
  }

  // Shows one album for each group of images that were sent together. Its members are living links, in the order of the
  // page, and images that are being sent and have no link yet.
  arrange(cards, coming) {
    const groups = new Map();
    for (const card of cards) this.addToGroup(groups, card.receipt);
    for (const item of coming) this.addToGroup(groups, item);
    const shown = new Map();
    for (const [key, members] of groups) {
      if (members.length < 2) continue;
      const album = this.cards.get(key) ?? new AlbumCard();
      const receipts = members.filter(({ hash }) => hash);
      album.fill(receipts, receipts.length < 2);
      const more = groups.has(following(key));
      problem(album.part(".hint"), more ? word("album_full", { most: this.most }) : "");
      shown.set(key, album);
      this.list.append(album.element);
    }
    for (const [key, album] of this.cards) if (!shown.has(key)) album.element.remove();
    this.cards = shown;
  }

  // Puts an image into its group. An album holds `most` images; a larger group becomes several albums.
  addToGroup(groups, member) {
    if (!member.together) return;
    for (let number = 0; ; number++) {
      const key = `${member.together}/${number}`;
      const members = groups.get(key) ?? [];
      if (members.length === this.most) continue;
      groups.set(key, [...members, member]);
      return;
    }
  }

  // The text to copy for new cards: the link of each of their albums, and the links that are in no album.
  linksOf(cards) {
    const albums = [...this.cards.values()].filter((album) => cards.some((card) => album.holds(card)));
    const alone = cards.filter((card) => !albums.some((album) => album.holds(card)));
    return [...albums, ...alone];
  }
}
