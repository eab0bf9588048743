// What became of the images of the cards. Those with limited views are asked for every few seconds, by one question for
// all that are in sight; a hidden tab asks nothing.

import { ask } from "../shared/server.js";

const PAUSE = 4000;
const LONGEST_PAUSE = 60_000;
const MOST = 100;
const cards = new Map();
const inSight = new Set();
let pause = PAUSE;
let timer = 0;
let asking = false;

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) inSight[isIntersecting ? "add" : "delete"](target);
  plan();
});

export function watch(card) {
  cards.set(card.element, card);
  sight.observe(card.element);
}

const hidden = () => document.visibilityState === "hidden";
const seen = () => [...inSight].map((element) => cards.get(element)).filter((card) => !card.over);
// The others are asked for once, when they come in sight after a reload and nobody knows how long they live.
const due = () => seen().filter((card) => card.receipt.views_left != null || !card.stop);

function plan() {
  if (!timer && !asking && !hidden() && due().length) timer = setTimeout(() => look(due()), pause);
}

// Asks how these stand, and goes on asking. What fails is asked less and less often, and not before the server allows.
export async function look(some) {
  clearTimeout(timer);
  timer = 0;
  const asked = some.slice(0, MOST);
  if (asking || hidden() || !asked.length) return;
  asking = true;
  try {
    const { answer, since } = await ask("/s/receipts", {
      image_keys: asked.map((card) => card.receipt.image_key).join("."),
    });
    const { images } = await answer.json();
    asked.forEach((card, index) => card.stand(images[index], since));
    pause = PAUSE;
  } catch (error) {
    pause = Math.max(Math.min(2 * pause, LONGEST_PAUSE), 1000 * (error.wait ?? 0));
  }
  asking = false;
  plan();
}

document.addEventListener("visibilitychange", () => {
  if (pause === PAUSE) look(seen());
  else plan();
});
