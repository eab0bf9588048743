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

export function refusalOf(status, text, retryAfter) {
  let code = "other";
  try {
    code = JSON.parse(text).error ?? code;
  } catch {
    // Whatever stands between here and the server answers in its own form.
  }
  return new Refused(status, code, Number(retryAfter) || 0);
}

// The answer, and the moment before it was asked: seconds in the answer count from there at the latest.
export async function ask(path, fields) {
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
