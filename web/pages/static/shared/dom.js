// Finding, copying and telling: the little that every module needs of the document.

export const one = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

export function copyOf(template) {
  return one(`template#${template}`).content.firstElementChild.cloneNode(true);
}

export function show(element, shown = true) {
  element.hidden = !shown;
}

// Whether nothing of it can be seen, and so it can't keep the focus, as the browser will notice a little later.
export const unseen = (element) => !element.getClientRects().length;

// What people see happen, a screen reader has to say. Cleared first, or the same sentence twice is said once.
export function tell(text) {
  const news = one("#news");
  news.textContent = "";
  setTimeout(() => {
    news.textContent = text;
  }, 50);
}

export function problem(element, text) {
  element.textContent = text;
  show(element, Boolean(text));
}
