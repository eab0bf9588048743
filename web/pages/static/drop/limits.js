// Which files can be sent as they are, and which of the others this browser can convert.

const ANIMATED =
  /^(GIF8(([^]*?!ù[^]{6},){2}|[^]*NETSCAPE2)|RIFF[^]{4}WEBP[^]{0,40}ANIM|.PNG[^]*?acTL[^]*IDAT|.{4}ftyp[^]{0,40}avis)/s;
const HEAD = 2 ** 20;

export class Limits {
  constructor({ accepted, most, mostPixels }) {
    this.accepted = accepted.split(" ");
    this.most = Number(most);
    this.mostPixels = Number(mostPixels);
  }

  // The name of the text that says why a file can't be sent as it is, or nothing.
  refusal(file) {
    if (/^image\/hei[cf]/.test(file.type) || /\.hei[cf]$/i.test(file.name)) return "heic";
    // The browser knows no type for some files: the server decides by the bytes.
    if (file.type && !this.accepted.includes(file.type))
      return file.type.startsWith("image/") ? "other_kind" : "not_an_image";
    return file.size > this.most ? "too_large" : "";
  }
}

export async function isStill(file) {
  const head = await file.slice(0, HEAD).arrayBuffer();
  return !ANIMATED.test(new TextDecoder("latin1").decode(head));
}

// Whether this browser can show the file, and it is no animation. Safari shows HEIC, and all browsers show BMP.
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
