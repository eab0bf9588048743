// The links that this tab remembers over a reload. No other tab sees its session storage, which ends with the tab.

const KEY = "mayfly.cards";
const FIELDS = [
  "hash",
  "image_key",
  "url",
  "image_url",
  "filename",
  "content_type",
  "asks_password",
  "lifetime",
  "views_left",
  "dropped",
  "together",
];

export function keptLinks() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

function store(cards) {
  try {
    if (cards.length) sessionStorage.setItem(KEY, JSON.stringify(cards));
    else sessionStorage.removeItem(KEY);
  } catch {
    // A browser that forbids it, or a full storage: the cards are there until the page is left.
  }
}

// Keeps these links and no others, in this order.
export function keepLinks(receipts) {
  store(receipts.map((receipt) => Object.fromEntries(FIELDS.map((field) => [field, receipt[field]]))));
}

export function forgetLink(hash) {
  store(keptLinks().filter((receipt) => receipt.hash !== hash));
}
