// The upload code, where the server asks for one. It is kept in the session storage, which belongs to this tab alone
// and ends with it.

const KEY = "mayfly.code";

export class UploadCode {
  // `field` is the form's, or null where no code is asked for.
  constructor(field) {
    this.field = field;
    if (!field) return;
    field.value ||= this.kept();
    field.addEventListener("input", () => field.removeAttribute("aria-invalid"));
  }

  kept() {
    try {
      return sessionStorage.getItem(KEY) ?? "";
    } catch {
      return "";
    }
  }

  // An upload went through with it.
  keep(code) {
    if (!this.field || !code) return;
    try {
      sessionStorage.setItem(KEY, code);
    } catch {
      // The browser forbids the storage, or it is full: the code stays in the field until the page is left.
    }
  }

  // The server has refused it.
  refuse() {
    if (!this.field) return;
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // Where the browser forbids the storage, the code was never in it.
    }
    this.field.setAttribute("aria-invalid", "true");
    this.field.focus();
  }
}
