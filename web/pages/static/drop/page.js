// The drop page: images are chosen, sent one after the other, and become cards.

import { one, problem, show, tell } from "../shared/dom.js";
import { copyLater } from "../shared/clipboard.js";
import { bytes, word } from "../shared/words.js";
import { chooseImages } from "./choose-images.js";
import { ChosenImage } from "./chosen-image.js";
import { keepLinks, keptLinks } from "./kept-links.js";
import { LinkCard } from "./link-card.js";
import { SendBar } from "./send-bar.js";
import { foldWishes, forget, wishes } from "./wishes.js";

const form = one("#drop");
const most = Number(form.dataset.most);
const accepted = form.dataset.accepted.split(" ");
const cards = [];
const bar = new SendBar(() => {
  items.forEach((item) => item.stop());
  arrange();
});
let items = []; // those that have no link, in the order in which they were chosen

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

function take(files, atOnce = false) {
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
  if (!names.length) return;
  items.at(-1).element.scrollIntoView({ block: "nearest" });
  if (atOnce && !one("#send").hidden) one("#send").focus({ preventScroll: true });
}

function drop(item) {
  items = items.filter((other) => other !== item);
  arrange();
  one("#file").focus();
}

function arrange() {
  const waiting = items.filter((item) => item.waits);
  show(one("#items"), one("#items").childElementCount > 0);
  show(one("#links"), one("#cards").childElementCount > 0);
  document.body.classList.toggle("has-items", items.length > 0);
  document.body.classList.toggle("has-cards", !one("#links").hidden);
  bar.show(
    waiting.length,
    waiting.every((item) => item.failed),
  );
}

// Moves images to the head of the links. Each has as much room there as its card will take, so that nothing moves
// when its link comes.
function line(chosen, password) {
  const list = one("#cards");
  const fresh = chosen.filter((item) => !list.contains(item.element));
  if (!fresh.length) return;
  list.prepend(...fresh.map((item) => item.element));
  arrange();
  const card = LinkCard.sample(password);
  list.prepend(card);
  list.style.setProperty("--room", `${card.offsetHeight}px`);
  card.remove();
  fresh[0].element.scrollIntoView({ block: "nearest" });
}

// One at a time: on a slow line the first link is there soon, and each bar is true.
async function send(chosen) {
  const wished = wishes();
  chosen.forEach((item) => item.queue(wished));
  const others = bar.busy;
  bar.add(chosen);
  line(chosen, wished.password);
  arrange();
  if (others) return;
  const made = [];
  let finish;
  const copied = copyLater(new Promise((resolve, reject) => (finish = { resolve, reject })));
  for (let item; (item = items.find((it) => it.wished));) {
    const wish = item.wished;
    item.wished = null;
    const answer = await item.send(wish, bar);
    bar.next(item);
    if (answer) {
      items = items.filter((other) => other !== item);
      made.push(
        ready(
          { ...answer, asks_password: Boolean(wish.password), lifetime: answer.expires_in },
          item,
          wish.password,
        ),
      );
      if (!items.length) forget(wish);
    }
    if (!items.some((it) => it.wished)) bar.end();
    arrange();
  }
  if (made.length) finish.resolve(made.map((card) => card.receipt.url).join("\n"));
  else finish.reject(new Error("no link"));
  if (!(await copied)) return;
  made.forEach((card) => card.copied());
  tell(`${word("link_ready", { name: made.at(-1).receipt.filename })} ${word("copied")}`);
}

function ready(receipt, item, password) {
  const card = new LinkCard(receipt, item.preview, password);
  cards.push(card);
  item.become(card);
  keepLinks(living());
  card.live(receipt.expires_in, receipt.since);
  card.element.scrollIntoView({ block: "nearest" });
  tell(word("link_ready", { name: receipt.filename }));
  return card;
}

// What the cards hold that are not over, in the order in which they stand.
function living() {
  const shown = [...one("#cards").children].map((element) => cards.find((card) => card.element === element));
  return shown.filter((card) => card && !card.over).map((card) => card.receipt);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const waiting = items.filter((item) => item.waits);
  if (waiting.length) send(waiting);
  else if (!bar.busy) one("#file").click();
});

foldWishes();
chooseImages(take);
for (const receipt of keptLinks()) {
  const card = new LinkCard(receipt);
  cards.push(card);
  one("#cards").append(card.element);
  card.refresh();
}
arrange();
document.addEventListener("card-left", arrange);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") cards.forEach((card) => card.refresh());
});
window.addEventListener("beforeunload", (event) => {
  if (bar.busy) event.preventDefault();
});
