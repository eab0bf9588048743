// Texts into the clipboard, by the way that the browser offers; each tells whether it got there.

// The old way, and the only one over plain HTTP: a command that copies what is selected, or what we put in its place.
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

// A text that comes later. WebKit lets a page write only what it asked to write while somebody pressed a button.
export async function copyLater(promise) {
  try {
    const blob = promise.then((text) => new Blob([text], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    return promise.then(copyText).catch(() => false);
  }
}

// A button that says for a while that it has copied.
export function sayCopied(button, text) {
  button.dataset.name ??= button.textContent;
  button.textContent = text;
  clearTimeout(button.dataset.timer);
  button.dataset.timer = setTimeout(() => {
    button.textContent = button.dataset.name;
  }, 4000);
}
