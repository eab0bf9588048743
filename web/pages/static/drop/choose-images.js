// The ways a picture gets onto the page: chosen, photographed, dragged in, pasted.

import { all, one, show } from "../shared/dom.js";

// `take` gets the files, and whether they were pasted or dropped: then the next key is for the button.
export function chooseImages(take) {
  const zone = one("#zone");
  const field = one("#file");
  document.body.classList.add("scripted");
  field.multiple = true;
  field.required = false;
  // A file field of a phone that does not ask for HEIC makes a JPEG of it by itself.
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
    if (!files.length) return; // text goes where it was pasted
    event.preventDefault();
    take(files, true);
  });
}

const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");

// Anywhere on the page: a browser opens a file that is dropped beside the zone, and leaves the page for it.
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
