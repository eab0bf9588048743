// The page that answers an upload by the form, or from a phone's gallery: makes its cards work, and keeps their links
// in this tab as the drop page does.

import { Albums } from "../drop/albums.js";
import { keepLinks, keptLinks } from "../drop/kept-links.js";
import { LinkCard } from "../drop/link-card.js";
import { look, watch } from "../drop/receipts.js";
import { all, one, show } from "../shared/dom.js";

const receipts = JSON.parse(one("#receipts").textContent);
const cards = receipts.map((receipt) => new LinkCard({ ...receipt, together: receipts[0].hash }));
const albums = new Albums(one("#albums"));

function arrange() {
  albums.arrange(
    cards.filter((card) => !card.over),
    [],
  );
}

one("#albums").replaceChildren();
one("#cards").replaceChildren(...cards.map((card) => card.element));
keepLinks([...cards.map((card) => card.receipt), ...keptLinks()]);
all(".plain").forEach((element) => element.remove());
all(".needs-script").forEach((element) => show(element));
arrange();
cards.forEach(watch);
look(cards);
document.addEventListener("card-over", arrange);
