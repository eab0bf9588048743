// The password of a card: somebody can show and copy it until the image's time is over.

import { copyText, sayCopied } from "../shared/clipboard.js";
import { one, show, tell } from "../shared/dom.js";
import { word } from "../shared/words.js";

export function offerPassword(card, password) {
  const [shower, copier] = [one(".show-password", card), one(".copy-password", card)];
  for (const button of [shower, copier]) show(button, Boolean(password));
  const name = shower.textContent;
  shower.onclick = () => {
    const shown = shower.getAttribute("aria-pressed") !== "true";
    shower.setAttribute("aria-pressed", shown);
    // A screen reader says it too, since the button has the focus.
    shower.textContent = shown ? password : name;
  };
  copier.onclick = async () => {
    if (!(await copyText(password))) return;
    sayCopied(copier, word("copied"));
    tell(word("copied"));
  };
}
