// Asks the server every few seconds whether the images on the page were opened: one request for all. A hidden tab asks
// nothing.

import { ask } from "../shared/server.js";

const PAUSE = 4000;
const cards = [];
let pause = PAUSE;
// `true` while a request is under way.
let timer = 0;

export function watch(card) {
  cards.push(card);
  new IntersectionObserver((entries) => {
    card.seen = entries.at(-1).isIntersecting;
    timer ||= plan();
  }).observe(card.element);
}

// The cards to ask about: those with limited views and, after a reload, those whose time left isn't known yet.
const due = (every) =>
  cards.filter((card) => card.seen && !card.over && (every || card.receipt.views_left != null || !card.stop));

const plan = () => due().length && setTimeout(() => look(due()), pause);

// After an error the requests become less and less frequent, and none comes before the server allows it.
export async function look(some) {
  if (timer === true) return;
  clearTimeout(timer);
  timer = document.visibilityState !== "hidden" && some.length > 0;
  if (!timer) return;
  const asked = some.slice(0, 100);
  try {
    const image_keys = asked.map((card) => card.receipt.image_key).join(".");
    const { answer, since } = await ask("/s/receipts", { image_keys });
    const { images } = await answer.json();
    asked.forEach((card, index) => card.stand(images[index], since));
    pause = PAUSE;
  } catch (error) {
    pause = Math.max(Math.min(2 * pause, 60_000), 1000 * (error.wait ?? 0));
  }
  timer = plan();
}

document.addEventListener("visibilitychange", () => {
  if (pause === PAUSE) look(due(true));
  else timer ||= plan();
});
