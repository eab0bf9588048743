// Sends the chosen images one after the other; each becomes a link.

import { copyLater } from "../shared/clipboard.js";
import { one, problem, show, tell } from "../shared/dom.js";
import { bytes, errorWord, word } from "../shared/words.js";
import { chooseImages } from "./choose-images.js";
import { ChosenImage } from "./chosen-image.js";
import { canShow, Limits } from "./limits.js";
import { LinkCard } from "./link-card.js";
import { SendBar } from "./send-bar.js";
import { UploadCode } from "./upload-code.js";
import { foldWishes, forget, wishes } from "./wishes.js";

// `ready` is called with a receipt, its image and its password, and returns the card. `moved` is called with the images
// that are being sent when some move to the list of links. `linksOf` returns the text to copy for cards.
export function sendImages(form, ready, moved, linksOf) {
  const limits = new Limits(form.dataset);
  const code = new UploadCode(one("#code"));
  const bar = new SendBar(() => {
    items.forEach((item) => item.stop());
    arrange();
  });
  // The images without a link, in the order in which they were chosen.
  let items = [];

  function take(files, atOnce = false) {
    const fit = files.filter((file) => !limits.refusal(file));
    problem(one("#problem"), "");
    fit.forEach((file) => add(file, ""));
    if (fit.length) tell(word("added", { name: fit.map((file) => file.name).join(", ") }));
    files.filter((file) => limits.refusal(file)).forEach(refuse);
    arrange();
    if (!fit.length) return;
    items.at(-1).element.scrollIntoView({ block: "nearest" });
    if (atOnce && !one("#send").hidden) one("#send").focus({ preventScroll: true });
  }

  function add(file, why) {
    const item = new ChosenImage(file, {
      again: (it) => send([it]),
      gone: drop,
      changed: arrange,
      limits,
      why,
    });
    items.push(item);
    one("#items").append(item.element);
  }

  // A file that can't be sent as it is can be drawn anew if this browser can show it.
  async function refuse(file) {
    const reason = limits.refusal(file);
    if (await canShow(file)) {
      const why = reason === "too_large" ? errorWord(reason) : word("few_browsers");
      add(file, `${why} ${word("as_jpeg")}`);
      tell(`${file.name}: ${why} ${word("as_jpeg")}`);
      arrange();
      return;
    }
    const said = word(reason, { name: file.name, size: bytes(file.size), most: bytes(limits.most) });
    const others = one("#problem").textContent;
    problem(one("#problem"), others ? `${others}\n${said}` : said);
  }

  function drop(item) {
    items = items.filter((other) => other !== item);
    arrange();
    one("#file").focus();
  }

  function arrange() {
    const waiting = items.filter((item) => item.waits);
    show(one("#items"), one("#items").childElementCount > 0);
    document.body.classList.toggle("has-items", items.length > 0);
    moved(items.filter((item) => item.under_way));
    bar.show(
      waiting.length,
      waiting.every((item) => item.failed),
    );
  }

  // Moves images to the top of the list of links. Each gets as much room as its card will need, so that nothing moves
  // when its link comes.
  function moveToLinks(chosen, password) {
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

  // One at a time: on a slow connection the first link is there soon, and each progress bar is right.
  async function send(chosen) {
    if (!form.reportValidity()) return;
    const wished = wishes();
    const batch = Date.now();
    chosen.forEach((item) => {
      item.together ??= batch;
      item.queue(wished);
    });
    const others = bar.busy;
    bar.add(chosen);
    moveToLinks(chosen, wished.password);
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
        code.keep(wish.upload_code);
        items = items.filter((other) => other !== item);
        made.push(
          ready(
            {
              ...answer,
              asks_password: Boolean(wish.password),
              lifetime: answer.expires_in,
              together: item.together,
            },
            item,
            wish.password,
          ),
        );
        if (!items.length) forget(wish);
      } else if (item.refusal.startsWith("upload_code")) stopWaiting();
      if (!items.some((it) => it.wished)) bar.end();
      arrange();
    }
    const links = linksOf(made);
    if (made.length) finish.resolve(links.map(({ url }) => url).join("\n"));
    else finish.reject(new Error("no link"));
    if (!(await copied)) return;
    links.forEach((link) => link.copied());
    tell(`${word("link_ready", { name: made.at(-1).receipt.filename })} ${word("copied")}`);
  }

  // Stops the others after a wrong code: the server would refuse them too, and count each attempt.
  function stopWaiting() {
    for (const item of items.filter((it) => it.wished)) {
      item.wished = null;
      item.state("waiting", word("waiting"));
    }
    code.refuse();
  }

  function sendWaiting() {
    const waiting = items.filter((item) => item.waits);
    if (waiting.length) send(waiting);
    return waiting.length;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const drawn = items.filter((item) => item.making).map((item) => item.changes.ready);
    if (drawn.length) {
      await Promise.all(drawn);
      sendWaiting();
    } else if (!sendWaiting() && !bar.busy) one("#file").click();
  });
  window.addEventListener("beforeunload", (event) => {
    if (bar.busy) event.preventDefault();
  });
  foldWishes();
  chooseImages(take);
  document.addEventListener("card-left", arrange);
  arrange();
}
