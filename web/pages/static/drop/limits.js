// What can be sent as it is, and what this browser could make into something that can.

// How the bytes of an animated GIF (two frames, or one that loops), WebP, PNG and AVIF begin.
const ANIMATED = [
  /^GIF8([^]*?!ù[^]{6},){2}/,
  /^GIF8[^]*NETSCAPE2/,
  /^RIFF[^]{4}WEBP[^]{0,40}ANIM/,
  /^.PNG[^]*?acTL[^]*IDAT/,
  /^[^]{4}ftyp[^]{0,40}avis/,
];
const HEAD = 2 ** 20;

export class Limits {
  constructor({ accepted, most, mostPixels }) {
    this.accepted = accepted.split(" ");
    this.most = Number(most);
    this.mostPixels = Number(mostPixels);
  }

  // The name of the sentence that says why a file can't be sent as it is, or nothing.
  refusal(file) {
    if (/^image\/hei[cf]/.test(file.type) || /\.hei[cf]$/i.test(file.name)) return "heic";
    // A file without a type is for the server to judge: it looks at the bytes.
    if (file.type && !this.accepted.includes(file.type))
      return file.type.startsWith("image/") ? "other_kind" : "not_an_image";
    return file.size > this.most ? "too_large" : "";
  }
}

export async function isStill(file) {
  const head = await file.slice(0, HEAD).arrayBuffer();
  const text = new TextDecoder("latin1").decode(head);
  return !ANIMATED.some((beginning) => beginning.test(text));
}

// Whether this browser shows it: Safari does HEIC, and every one BMP.
export async function canShow(file) {
  if (file.type && !file.type.startsWith("image/")) return false;
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return await isStill(file);
  } catch {
    return false;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}
