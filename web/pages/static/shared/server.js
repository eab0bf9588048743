// Requests to the server. A link or an image key is sent in the body of a POST, never in a URL.

import { elapsed } from "./clock.js";

export const base = document.body.dataset.base;

// The server refused the request.
export class Refused extends Error {
  constructor(status, code, wait) {
    super(code);
    Object.assign(this, { status, code, wait });
  }
}

// The server did not answer.
export class Unreachable extends Error {}

// A proxy's answer is not in Mayfly's form; then only its status is used.
const BY_STATUS = {
  413: "too_large",
  429: "too_busy",
  502: "server_away",
  503: "server_away",
  504: "server_away",
};

export function refusalOf(status, text, retryAfter) {
  let code = null;
  try {
    code = JSON.parse(text).error;
  } catch {
    // The answer is not Mayfly's.
  }
  return new Refused(status, code ?? BY_STATUS[status] ?? "other", Number(retryAfter) || 0);
}

// Returns the answer, and the moment before the request: seconds in the answer are counted from that moment, so the
// page never shows more time than is left. With `keepalive` the browser finishes the request if the page is left.
export async function ask(path, fields, { keepalive = false } = {}) {
  const since = elapsed();
  let answer;
  try {
    answer = await fetch(base + path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "application/json, image/*" },
      credentials: "omit", // or a 401 opens the browser's own window for passwords
      cache: "no-store",
      redirect: "error",
      keepalive,
    });
  } catch {
    throw new Unreachable();
  }
  if (!answer.ok)
    throw refusalOf(answer.status, await answer.text().catch(() => ""), answer.headers.get("Retry-After"));
  return { answer, since };
}

export async function describe(link) {
  const { answer, since } = await ask("/s", { link });
  try {
    return { ...(await answer.json()), since };
  } catch {
    throw new Unreachable();
  }
}
