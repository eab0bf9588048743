// A picture drawn anew: with black boxes, cut, with fewer pixels, as another kind of file. Nothing of the file that was
// chosen gets into the new one but the pixels that it shows.

const QUALITY = 0.9;
const SMALLER = 0.8; // where few bytes are what is wanted
// Pixels of a JPEG are stored in squares; of one with fewer colours than pixels, in squares this wide (ITU-T T.81).
const SQUARE = 16;
const NEXT = 1; // and whoever smooths those colours takes some from the next pixel
const SCALED = 4; // how far a pixel spreads, in pixels of a picture that is made smaller
const HEAD = 2 ** 20;

// `boxes` and `crop` are in pixels of the picture as it is shown, `longest` is the most of its longer side.
// Rejects where the browser can't read the picture, or can't write one that large.
export async function redraw(file, { boxes, crop, longest, type }) {
  const url = URL.createObjectURL(file);
  const canvas = document.createElement("canvas");
  try {
    // An image element turns as the camera says, just as the one on the page that the boxes were drawn on.
    const image = new Image();
    image.src = url;
    await image.decode();
    const part = crop ?? { x: 0, y: 0, width: image.naturalWidth, height: image.naturalHeight };
    const scale = Math.min(1, longest / Math.max(part.width, part.height));
    const width = (canvas.width = Math.max(1, Math.round(part.width * scale)));
    const height = (canvas.height = Math.max(1, Math.round(part.height * scale)));
    const space = await wideSpace(file);
    const context = canvas.getContext("2d", space && { colorSpace: space });
    if (!canWrite(context)) throw new Error("too large for a canvas");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, part.x, part.y, part.width, part.height, 0, 0, width, height);
    const jpeg = type === "image/jpeg";
    const white = jpeg && isTransparent(canvas);
    if (jpeg) fillBehind(context);
    for (const box of boxes) blackOut(context, box, part, scale, jpeg);
    const blob = await new Promise((done) => canvas.toBlob(done, type, scale < 1 ? SMALLER : QUALITY));
    if (blob?.type !== type) throw new Error("not written");
    return { blob, width, height, white, space: space && spaceOf(context) };
  } finally {
    canvas.width = canvas.height = 0; // or its memory stays until somebody collects it
    URL.revokeObjectURL(url);
  }
}

// What a canvas of that size writes is what can be read from it: over a browser's limit it is nothing, and where the
// browser hides what canvases hold it is noise.
function canWrite(context) {
  if (!context) return false;
  const { width, height } = context.canvas;
  context.fillRect(width - 1, height - 1, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(width - 1, height - 1, 1, 1).data;
  context.clearRect(width - 1, height - 1, 1, 1);
  return !red && !green && !blue && alpha === 255;
}

// The box grows until no pixel outside of it has taken anything from one inside, and each inside is just black.
function blackOut(context, box, part, scale, jpeg) {
  const spread = scale < 1 ? SCALED : jpeg ? NEXT : 0;
  const step = jpeg ? SQUARE : 1;
  const from = (at) => Math.floor((at * scale - spread) / step) * step;
  const to = (at) => Math.ceil((at * scale + spread) / step) * step;
  const [left, top] = [from(box.x - part.x), from(box.y - part.y)];
  context.fillRect(left, top, to(box.x - part.x + box.width) - left, to(box.y - part.y + box.height) - top);
}

function isTransparent(canvas) {
  const small = document.createElement("canvas");
  small.width = small.height = 64;
  const context = small.getContext("2d");
  context.drawImage(canvas, 0, 0, 64, 64);
  return context.getImageData(0, 0, 64, 64).data.some((value, index) => index % 4 === 3 && value < 255);
}

function fillBehind(context) {
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
  context.fillStyle = "#000";
}

// A file that brings a colour profile other than sRGB gets a canvas that holds more colours.
async function wideSpace(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, HEAD).arrayBuffer()).replaceAll("\0", "");
  return /ICC_PROFILE|iCCP|ICCP|colrprof/.test(head) && !head.includes("sRGB") ? "display-p3" : "";
}

function spaceOf(context) {
  return context.getContextAttributes?.().colorSpace === "display-p3" ? "Display P3" : "sRGB";
}
