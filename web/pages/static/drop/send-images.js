// From images that were chosen to links: they are sent one after the other.

import { copyLater } from "../shared/clipboard.js";
import { one, problem, show, tell } from "../shared/dom.js";
import { bytes, word } from "../shared/words.js";
import { chooseImages } from "./choose-images.js";
import { ChosenImage } from "./chosen-image.js";
import { SendBar } from "./send-bar.js";
import { UploadCode } from "./upload-code.js";
import { foldWishes, forget, wishes } from "./wishes.js";

// `line` puts images among the links, `ready` makes a card of one, and `arrange` shows what there is of the links.
export function sendImages(form, links) {
  const most = Number(form.dataset.most);
  const accepted = form.dataset.accepted.split(" ");
  const code = new UploadCode(one("#code"));
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
    document.body.classList.toggle("has-items", items.length > 0);
    links.arrange();
    bar.show(
      waiting.length,
      waiting.every((item) => item.failed),
    );
  }

  async function send(chosen) {
    if (!form.reportValidity()) return;
    const wished = wishes();
    chosen.forEach((item) => item.queue(wished));
    const others = bar.busy;
    bar.add(chosen);
    links.line(chosen, wished.password);
    arrange();
    if (others) return;
    let finish;
    const copied = copyLater(new Promise((resolve, reject) => (finish = { resolve, reject })));
    const made = await sendAll();
    if (made.length) finish.resolve(made.map((card) => card.receipt.url).join("\n"));
    else finish.reject(new Error("no link"));
    if (!(await copied)) return;
    made.forEach((card) => card.copied());
    tell(`${word("link_ready", { name: made.at(-1).receipt.filename })} ${word("copied")}`);
  }

  // One at a time: on a slow line the first link is there soon, and each bar is true. Returns the cards.
  async function sendAll() {
    const made = [];
    for (let item; (item = items.find((it) => it.wished));) {
      const wish = item.wished;
      item.wished = null;
      const answer = await item.send(wish, bar);
      bar.next(item);
      if (answer) made.push(linked(item, wish, answer));
      else if (item.refusal.startsWith("upload_code")) holdBack();
      if (!items.some((it) => it.wished)) bar.end();
      arrange();
    }
    return made;
  }

  function linked(item, wish, answer) {
    code.keep(wish.upload_code);
    items = items.filter((other) => other !== item);
    const receipt = { ...answer, asks_password: Boolean(wish.password), lifetime: answer.expires_in };
    const card = links.ready(receipt, item, wish.password);
    if (!items.length) forget(wish);
    return card;
  }

  // The others would be refused as well, and each wrong code is counted.
  function holdBack() {
    for (const item of items.filter((it) => it.wished)) {
      item.wished = null;
      item.state("waiting", word("waiting"));
    }
    code.refuse();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const waiting = items.filter((item) => item.waits);
    if (waiting.length) send(waiting);
    else if (!bar.busy) one("#file").click();
  });
  window.addEventListener("beforeunload", (event) => {
    if (bar.busy) event.preventDefault();
  });
  foldWishes();
  chooseImages(take);
  arrange();
}
