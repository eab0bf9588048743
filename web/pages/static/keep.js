// What this tab remembers over a reload: session storage, which no other tab sees and which ends with the tab.

const KEY = "mayfly.cards";
const FIELDS = ["hash", "image_key", "url", "image_url", "filename", "content_type", "asks_password", "lifetime", "dropped"];

export function kept() {
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

export function keep(receipt) {
  store([...kept(), Object.fromEntries(FIELDS.map((field) => [field, receipt[field]]))]);
}

export function forget(hash) {
  store(kept().filter((receipt) => receipt.hash !== hash));
}
