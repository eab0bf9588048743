// Draws a picture anew: with black boxes, cropped, with fewer pixels, or in another format. The new file has nothing
// of the old one but the visible pixels.

const QUALITY = 0.9;
// The quality where a small file is wanted.
const SMALLER = 0.8;
// JPEG stores pixels in square blocks (ITU-T T.81); with colour subsampling a block is this wide.
const SQUARE = 16;
// A decoder that smooths those colours also reads the next pixel.
const NEXT = 1;
// Scaling down spreads a pixel so far, in pixels of the smaller picture.
const SCALED = 4;
const HEAD = 2 ** 20;

// `boxes` and `crop` are in pixels of the picture as it is shown; its longer side gets at most `longest` pixels.
// Rejects where the browser can't read the picture, or can't write one that large.
export async function redraw(file, { boxes, crop, longest, type }) {
  const url = URL.createObjectURL(file);
  const canvas = document.createElement("canvas");
  try {
    // An image element applies the camera's rotation, as did the one on which the boxes were drawn.
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

// Whether the canvas gives back what is drawn: above a browser's size limit it stays empty, and a browser that
// protects against fingerprinting returns noise.
function canWrite(context) {
  if (!context) return false;
  const { width, height } = context.canvas;
  context.fillRect(width - 1, height - 1, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(width - 1, height - 1, 1, 1).data;
  context.clearRect(width - 1, height - 1, 1, 1);
  return !red && !green && !blue && alpha === 255;
}

// Fills a box with black. The box is enlarged first, so that scaling and JPEG blocks carry nothing of the covered
// pixels outside.
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

// A file with a colour profile other than sRGB is drawn on a canvas with a larger colour space.
async function wideSpace(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, HEAD).arrayBuffer()).replaceAll("\0", "");
  return /ICC_PROFILE|iCCP|ICCP|colrprof/.test(head) && !head.includes("sRGB") ? "display-p3" : "";
}

function spaceOf(context) {
  return context.getContextAttributes?.().colorSpace === "display-p3" ? "Display P3" : "sRGB";
}
