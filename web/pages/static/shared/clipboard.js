// Copies texts to the clipboard in whatever way the browser offers; each function says whether it succeeded.

// The old command, the only one that works over plain HTTP. It copies the selection, or the text that we put instead.
function copyByCommand(text) {
  let done = false;
  const put = (event) => {
    event.preventDefault();
    event.clipboardData.setData("text/plain", text);
    done = true;
  };
  document.addEventListener("copy", put);
  document.execCommand("copy");
  document.removeEventListener("copy", put);
  return done;
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByCommand(text);
  }
}

// Copies a text that is known later. WebKit lets a page copy only during the press of a button, so the clipboard gets a
// promise at that moment. Where there is no clipboard, nobody waits for that promise, so its failure is caught here.
export async function copyLater(promise) {
  try {
    const blob = promise.then((text) => new Blob([text], { type: "text/plain" }));
    blob.catch(() => {});
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    return promise.then(copyText).catch(() => false);
  }
}

// Shows on the button, for a moment, that the text was copied.
export function sayCopied(button, text) {
  button.dataset.name ??= button.textContent;
  button.textContent = text;
  clearTimeout(button.dataset.timer);
  button.dataset.timer = setTimeout(() => {
    button.textContent = button.dataset.name;
  }, 4000);
}
