// The page that answers a form, or a picture that a phone's gallery has shared: its cards come alive, and this tab
// remembers their links as it does those of the drop page.

import { keepLinks, keptLinks } from "../drop/kept-links.js";
import { LinkCard } from "../drop/link-card.js";
import { copyText, sayCopied } from "../shared/clipboard.js";
import { all, one, show, tell } from "../shared/dom.js";
import { word } from "../shared/words.js";

const receipts = JSON.parse(one("#receipts").textContent);
const cards = receipts.map((receipt) => new LinkCard(receipt));
const album = one("#album");

function refresh() {
  cards.forEach((card) => card.refresh());
}

// Copies what stands for all of them; a browser may refuse it as long as nobody has pressed a button.
async function copy() {
  const field = one(".url", album ?? cards[0].element);
  if (!(await copyText(field.value))) return;
  if (album) sayCopied(one(".copy", album), word("copied"));
  else cards[0].copied();
  tell(word("copied"));
}

one("#cards").replaceChildren(...cards.map((card) => card.element));
keepLinks([...receipts, ...keptLinks()]);
all(".plain").forEach((element) => element.remove());
all(".needs-script").forEach((element) => show(element));
if (album) {
  const share = one(".share", album);
  show(share, Boolean(navigator.share));
  share.onclick = () => navigator.share({ url: one(".url", album).value }).catch(() => {});
  one(".copy", album).onclick = copy;
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") refresh();
});
refresh();
copy();
