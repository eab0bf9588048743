// The page that answers a form, or a picture that a phone's gallery has shared: its cards come alive, and this tab
// remembers their links as it does those of the drop page.

import { keepLinks, keptLinks } from "../drop/kept-links.js";
import { LinkCard } from "../drop/link-card.js";
import { look, watch } from "../drop/receipts.js";
import { copyText, sayCopied } from "../shared/clipboard.js";
import { all, one, show, tell } from "../shared/dom.js";
import { word } from "../shared/words.js";

const together = Date.now();
const receipts = JSON.parse(one("#receipts").textContent).map((receipt) =>
  Object.assign(receipt, { together }),
);
const cards = receipts.map((receipt) => new LinkCard(receipt));
const album = one(".album");

// The link that stands for all of them.
function bringAlbum() {
  const { value: url } = one(".url", album);
  const [copy, share] = [one(".copy", album), one(".share", album)];
  show(copy);
  show(share, Boolean(navigator.share));
  share.onclick = () => navigator.share({ url }).catch(() => {});
  copy.onclick = async () => {
    const copied = await copyText(url);
    sayCopied(copy, word(copied ? "copied" : "copy_failed"));
    tell(word(copied ? "copied" : "copy_failed"));
  };
}

one("#cards").replaceChildren(...cards.map((card) => card.element));
keepLinks([...receipts, ...keptLinks()]);
all(".plain").forEach((element) => element.remove());
all(".needs-script").forEach((element) => show(element));
if (album) bringAlbum();
cards.forEach(watch);
look(cards);
