// The drop page: images are chosen, sent one after the other, and become cards.

import { one, problem, show, tell } from "../shared/dom.js";
import { bytes, word } from "../shared/words.js";
import { chooseImages } from "./choose-images.js";
import { ChosenImage } from "./chosen-image.js";
import { keepLink, keptLinks } from "./kept-links.js";
import { LinkCard } from "./link-card.js";

const form = one("#drop");
const most = Number(form.dataset.most);
const accepted = form.dataset.accepted.split(" ");
const cards = [];
let items = [];
let busy = false;

function refused(file) {
  if (/^image\/hei[cf]/.test(file.type) || /\.hei[cf]$/i.test(file.name))
    return word("heic", { name: file.name });
  // A file without a type is for the server to judge: it looks at the bytes.
  if (file.type && !accepted.includes(file.type))
    return word(file.type.startsWith("image/") ? "other_kind" : "not_an_image", { name: file.name });
  if (file.size > most)
    return word("too_large", { name: file.name, size: bytes(file.size), most: bytes(most) });
  return "";
}

function take(files) {
  const problems = [];
  const names = [];
  for (const file of files) {
    const why = refused(file);
    if (why) {
      problems.push(why);
      continue;
    }
    const item = new ChosenImage(file, { again: (it) => send([it]), gone: drop });
    items.push(item);
    one("#items").append(item.element);
    names.push(file.name);
  }
  problem(one("#problem"), problems.join("\n"));
  if (names.length) tell(word("added", { name: names.join(", ") }));
  arrange();
}

function drop(item) {
  items = items.filter((other) => other !== item);
  arrange();
  one("#file").focus();
}

function arrange() {
  const waiting = items.filter((item) => item.waits).length;
  show(one("#items"), items.length > 0);
  show(one("#links"), one("#cards").childElementCount > 0);
  one("#send").textContent = waiting > 1 ? word("make_links", { number: waiting }) : word("make_link");
  document.body.classList.toggle("has-items", items.length > 0);
  document.body.classList.toggle("has-cards", !one("#links").hidden);
}

function options() {
  const chosen = Object.fromEntries(new FormData(form));
  delete chosen.file;
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
}

// One at a time: on a slow line the first link is there soon, and each bar is true.
async function send(chosen) {
  const wished = options();
  chosen.forEach((item) => {
    item.wished = wished;
    item.state("queued", word("queued"));
  });
  if (busy) return;
  busy = true;
  for (let item; (item = items.find((it) => it.wished));) {
    const wishes = item.wished;
    item.wished = null;
    const answer = await item.send(wishes);
    if (answer) {
      items = items.filter((other) => other !== item);
      ready(
        { ...answer, asks_password: Boolean(wishes.password), lifetime: answer.expires_in },
        item.handOver(),
      );
    }
    arrange();
  }
  busy = false;
}

function ready(receipt, preview) {
  const card = new LinkCard(receipt, preview);
  keepLink(receipt);
  cards.push(card);
  one("#cards").prepend(card.element);
  show(one("#links"));
  card.live(receipt.expires_in, receipt.since);
  if (document.activeElement === document.body) one(".url", card.element).focus({ preventScroll: true });
  card.element.scrollIntoView({ block: "nearest" });
  tell(word("link_ready", { name: receipt.filename }));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const waiting = items.filter((item) => item.waits && !item.wished);
  if (waiting.length) send(waiting);
  else if (!busy) one("#file").click();
});

chooseImages(take);
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
window.addEventListener("beforeunload", (event) => {
  if (busy) event.preventDefault();
});
