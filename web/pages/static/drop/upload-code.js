// The upload code, where the server asks for one. No other tab sees this one's session storage, which ends with the
// tab.

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
      // A browser that forbids it, or a full storage: the field has it until the page is left.
    }
  }

  // The server has refused it.
  refuse() {
    if (!this.field) return;
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // Then nothing was kept.
    }
    this.field.setAttribute("aria-invalid", "true");
    this.field.focus();
  }
}
