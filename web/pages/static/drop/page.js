// The drop page: images are chosen and sent where this visitor may upload, and each becomes a card.

import { one, show, tell } from "../shared/dom.js";
import { word } from "../shared/words.js";
import { Albums } from "./albums.js";
import { keepLinks, keptLinks } from "./kept-links.js";
import { LinkCard } from "./link-card.js";
import { look, watch } from "./receipts.js";
import { sendImages } from "./send-images.js";

const form = one("#drop");
const albums = new Albums(one("#albums"));
const cards = [];
let coming = []; // images that are being sent

function arrange() {
  albums.arrange(living(), coming);
  show(one("#links"), one("#cards").childElementCount > 0);
  document.body.classList.toggle("has-cards", !one("#links").hidden);
}

function ready(receipt, item, password) {
  const card = new LinkCard(receipt, item.preview, password);
  cards.push(card);
  watch(card);
  item.become(card);
  keepLinks(living().map((each) => each.receipt));
  card.live(receipt.expires_in, receipt.since);
  card.element.scrollIntoView({ block: "nearest" });
  tell(word("link_ready", { name: receipt.filename }));
  return card;
}

// The cards that are not over, in the order in which they stand.
function living() {
  const shown = [...one("#cards").children].map((element) => cards.find((card) => card.element === element));
  return shown.filter((card) => card && !card.over);
}

function moved(items) {
  coming = items;
  arrange();
}

if (form) sendImages(form, ready, moved, (made) => albums.linksOf(made));
for (const receipt of keptLinks()) {
  const card = new LinkCard(receipt);
  cards.push(card);
  watch(card);
  one("#cards").append(card.element);
}
look(cards);
arrange();
document.addEventListener("card-left", arrange);
document.addEventListener("card-over", arrange);
