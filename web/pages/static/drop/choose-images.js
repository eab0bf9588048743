// The ways in which somebody adds a picture: choose, photograph, drag and drop, paste.

import { all, one, show } from "../shared/dom.js";

// `take` gets the files, and whether they were pasted or dropped: then the send button gets the focus.
export function chooseImages(take) {
  const zone = one("#zone");
  const field = one("#file");
  document.body.classList.add("scripted");
  field.multiple = true;
  field.required = false;
  // If a file field doesn't accept HEIC, an iPhone converts HEIC to JPEG by itself.
  field.accept += matchMedia("(pointer: coarse)").matches ? ",image/bmp" : ",image/bmp,image/heic,image/heif";
  all(".plain").forEach((element) => element.remove());
  all(".needs-script").forEach((element) => show(element));
  show(one(".camera"), matchMedia("(pointer: coarse)").matches);
  for (const input of [field, one("#camera")]) {
    input.addEventListener("change", () => {
      take([...input.files]);
      input.value = ""; // or choosing the same file again would be no change
    });
  }
  chooseByDragging(zone, take);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // A pasted text goes into its field.
    if (!files.length) return;
    event.preventDefault();
    take(files, true);
  });
}

const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");

// Listens on the whole page: otherwise a browser would leave the page and open a file that is dropped beside the zone.
function chooseByDragging(zone, take) {
  const over = (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    zone.classList.add("over");
  };
  document.addEventListener("dragenter", over);
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    if (!bringsFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files], true);
  });
}
