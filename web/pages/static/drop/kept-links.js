// The links that this tab still has after a reload. They are in the session storage, which belongs to this tab alone
// and ends with it.

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
    // The browser forbids the storage, or it is full: the cards stay until the page is left.
  }
}

// Keeps these links and no others, in this order.
export function keepLinks(receipts) {
  store(receipts.map((receipt) => Object.fromEntries(FIELDS.map((field) => [field, receipt[field]]))));
}

export function forgetLink(hash) {
  store(keptLinks().filter((receipt) => receipt.hash !== hash));
}
