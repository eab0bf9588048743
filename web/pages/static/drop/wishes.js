// The options for the images: the fields of the form. On a phone they are folded into one line that says what is set.

import { one } from "../shared/dom.js";
import { word } from "../shared/words.js";

const form = one("#drop");
const fold = one(".options");
const narrow = matchMedia("(max-width: 40rem)");
const field = (name) => form.elements[name];

export function wishes() {
  const chosen = Object.fromEntries(new FormData(form));
  delete chosen.file;
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
}

// Clears the password and the number of views after the images were sent, so that the next images don't get them,
// unless somebody has changed the field meanwhile.
export function forget(wished) {
  for (const name of ["password", "views"]) {
    if (field(name).value === wished[name]) field(name).value = "";
  }
  showPassword(false);
  say();
}

function say() {
  const views = field("views");
  const set = [
    one("[name=lifetime]:checked + span").textContent,
    views.value ? views.selectedOptions[0].text : word("any_views"),
    field("password").value && word("with_password"),
    field("keep_metadata").checked && word("keeps_metadata"),
  ];
  one("#set").textContent = set.filter(Boolean).join(" · ");
}

// 32 characters that can't be confused with each other.
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789-";
const LENGTH = 14; // of 5 bits each

function showPassword(shown) {
  field("password").type = shown ? "text" : "password";
  one("#show-password").setAttribute("aria-pressed", shown);
}

function makePassword() {
  const random = crypto.getRandomValues(new Uint8Array(LENGTH));
  field("password").value = [...random].map((byte) => LETTERS[byte % LETTERS.length]).join("");
  showPassword(true);
  say();
}

export function foldWishes() {
  one("#show-password").onclick = () => showPassword(field("password").type === "password");
  one("#make-password").onclick = makePassword;
  const arrange = () => {
    fold.open = !narrow.matches;
  };
  arrange();
  say();
  narrow.addEventListener("change", arrange);
  form.addEventListener("input", say);
  // The options are unfolded first: a browser can't show what is wrong with a hidden field.
  form.addEventListener("invalid", () => (fold.open = true), true);
}
