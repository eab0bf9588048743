// From images that were chosen to links: they are sent one after the other.

import { one, problem, show, tell } from "../shared/dom.js";
import { bytes, word } from "../shared/words.js";
import { chooseImages } from "./choose-images.js";
import { ChosenImage } from "./chosen-image.js";
import { UploadCode } from "./upload-code.js";

// `ready` is called with what the server says of an image, and with its preview.
export function sendImages(form, ready) {
  const most = Number(form.dataset.most);
  const accepted = form.dataset.accepted.split(" ");
  const code = new UploadCode(one("#code"));
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
    one("#send").textContent = waiting > 1 ? word("make_links", { number: waiting }) : word("make_link");
    document.body.classList.toggle("has-items", items.length > 0);
  }

  function options() {
    const chosen = Object.fromEntries(new FormData(form));
    delete chosen.file;
    return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
  }

  // One at a time: on a slow line the first link is there soon, and each bar is true.
  async function send(chosen) {
    if (!form.reportValidity()) return;
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
        code.keep(wishes.upload_code);
        items = items.filter((other) => other !== item);
        ready(
          { ...answer, asks_password: Boolean(wishes.password), lifetime: answer.expires_in },
          item.handOver(),
        );
      } else if (item.refusal.startsWith("upload_code")) holdBack();
      arrange();
    }
    busy = false;
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
    const waiting = items.filter((item) => item.waits && !item.wished);
    if (waiting.length) send(waiting);
    else if (!busy) one("#file").click();
  });
  window.addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });
  chooseImages(take);
  arrange();
}
