// Short functions for the document: find elements, copy a template, show an element, tell a screen reader.

export const one = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

export function copyOf(template) {
  return one(`template#${template}`).content.firstElementChild.cloneNode(true);
}

export function show(element, shown = true) {
  element.hidden = !shown;
}

// Whether the element isn't rendered. The browser takes the focus from such an element, but only a little later.
export const unseen = (element) => !element.getClientRects().length;

// Makes a screen reader say a text. The element is emptied first: otherwise the same text twice would be said once.
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
