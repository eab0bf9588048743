// Asks every few seconds what became of the images in sight, by one question for all; a hidden tab asks nothing.

import { ask } from "../shared/server.js";

const PAUSE = 4000;
const cards = [];
let pause = PAUSE;
let timer = 0; // true while a question is under way

export function watch(card) {
  cards.push(card);
  new IntersectionObserver((entries) => {
    card.seen = entries.at(-1).isIntersecting;
    timer ||= plan();
  }).observe(card.element);
}

// Those with limited views, and after a reload those of which nobody knows yet how long they live.
const due = (every) =>
  cards.filter((card) => card.seen && !card.over && (every || card.receipt.views_left != null || !card.stop));

const plan = () => due().length && setTimeout(() => look(due()), pause);

// What fails is asked less and less often, and not before the server allows.
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
