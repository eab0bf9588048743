// Asking the server. A link or an image key goes into the body of a POST, never into a URL.

import { elapsed } from "./clock.js";

export const base = document.body.dataset.base;

// The server understood and said no.
export class Refused extends Error {
  constructor(status, code, wait) {
    super(code);
    Object.assign(this, { status, code, wait });
  }
}

// No answer came.
export class Unreachable extends Error {}

// What stands between here and the server, such as a proxy, answers in its own form: then the status alone speaks.
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
    // It is no answer of the server's.
  }
  return new Refused(status, code ?? BY_STATUS[status] ?? "other", Number(retryAfter) || 0);
}

// The answer, and the moment before it was asked: seconds in the answer count from there at the latest.
// With `keepalive` what is asked while the page is left is asked all the same.
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
