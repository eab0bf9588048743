// The drop page: images are chosen and sent where this visitor may upload, and each becomes a card.

import { one, show, tell } from "../shared/dom.js";
import { word } from "../shared/words.js";
import { keepLink, keptLinks } from "./kept-links.js";
import { LinkCard } from "./link-card.js";
import { sendImages } from "./send-images.js";

const form = one("#drop");
const cards = [];

function arrange() {
  show(one("#links"), one("#cards").childElementCount > 0);
  document.body.classList.toggle("has-cards", !one("#links").hidden);
}

function ready(receipt, preview) {
  const card = new LinkCard(receipt, preview);
  keepLink(receipt);
  cards.push(card);
  one("#cards").prepend(card.element);
  arrange();
  card.live(receipt.expires_in, receipt.since);
  if (document.activeElement === document.body) one(".url", card.element).focus({ preventScroll: true });
  card.element.scrollIntoView({ block: "nearest" });
  tell(word("link_ready", { name: receipt.filename }));
}

if (form) sendImages(form, ready);
for (const receipt of keptLinks()) {
  const card = new LinkCard(receipt);
  cards.push(card);
  one("#cards").prepend(card.element);
  card.refresh();
}
arrange();
document.addEventListener("card-left", arrange);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") cards.forEach((card) => card.refresh());
});
