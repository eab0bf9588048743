// A QR code (ISO/IEC 18004) of a text in bytes: level L, up to version 25, which holds 1,273 bytes. The page draws the
// code itself: if it asked the server for the code of an album, the server would learn which images belong together.

const CHECKS = [
  7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26,
];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12];
const SVG = "http://www.w3.org/2000/svg";
const BORDER = 3;

// How many modules of a version are for data and checks.
function modulesOf(version) {
  const aligned = version > 1 ? Math.floor(version / 7) + 2 : 0;
  const taken = aligned ? (25 * aligned - 10) * aligned - 55 : 0;
  return (16 * version + 128) * version + 64 - taken - (version > 6 ? 36 : 0);
}

function alignments(version, size) {
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const rest = Array.from({ length: count - 1 }, (_, at) => size - 7 - (count - 2 - at) * step);
  return version > 1 ? [6, ...rest] : [];
}

// The product of two elements of GF(256) by x^8 + x^4 + x^3 + x^2 + 1.
function multiply(one, other) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--)
    product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((other >> bit) & 1) * one);
  return product;
}

// The check bytes of a block (Reed-Solomon).
function checkBytes(block, length) {
  const divisor = new Uint8Array(length);
  divisor[length - 1] = 1;
  for (let at = 0, root = 1; at < length; at++, root = multiply(root, 2))
    divisor.forEach((value, place) => (divisor[place] = multiply(value, root) ^ (divisor[place + 1] ?? 0)));
  const rest = new Uint8Array(length);
  for (const byte of block) {
    const factor = byte ^ rest[0];
    divisor.forEach((value, place) => (rest[place] = (rest[place + 1] ?? 0) ^ multiply(value, factor)));
  }
  return rest;
}

// Length and text, filled up, as the bytes of data.
function dataBytes(text, version, capacity) {
  const wide = version > 9;
  const head = wide ? [4, text.length >> 8, text.length & 255] : [4, text.length];
  // The 4 is half a byte: everything is moved by four bits.
  const bytes = [...head, ...text, 0];
  const moved = bytes.slice(1).map((byte, at) => ((bytes[at] << 4) & 255) | (byte >> 4));
  while (moved.length < capacity) moved.push((moved.length - text.length - head.length) % 2 ? 0x11 : 0xec);
  return moved.slice(0, capacity);
}

// One byte of each list, then the next of each.
const interleaved = (lists) =>
  Array.from({ length: lists.at(-1).length }, (_, at) => lists.map((list) => list[at])).flat();

function codewords(text, version) {
  const [length, blocks, all] = [CHECKS[version - 1], BLOCKS[version - 1], modulesOf(version) >> 3];
  const data = dataBytes(text, version, all - length * blocks);
  const long = all % blocks;
  const parts = [];
  for (let number = 0, at = 0; number < blocks; number++) {
    const size = Math.floor(all / blocks) - length + (number >= blocks - long ? 1 : 0);
    parts.push(data.slice(at, (at += size)));
  }
  return [...interleaved(parts), ...interleaved(parts.map((part) => checkBytes(part, length)))].filter(
    (byte) => byte !== undefined,
  );
}

// A number with the remainder that protects it.
function protectedBits(value, length, polynomial) {
  let rest = value;
  for (let bit = 0; bit < length; bit++) rest = (rest << 1) ^ ((rest >> (length - 1)) * polynomial);
  return (value << length) | rest;
}

function patterns(version, size) {
  const fixed = Array.from({ length: size }, () => []);
  const put = (x, y, dark) => {
    if (fixed[y] && x >= 0 && x < size) fixed[y][x] = dark;
  };
  const rings = (x, y, reach, light) => {
    for (let down = -reach; down <= reach; down++)
      for (let right = -reach; right <= reach; right++)
        put(x + right, y + down, !light.includes(Math.max(Math.abs(right), Math.abs(down))));
  };
  for (let at = 0; at < size; at++) {
    put(6, at, at % 2 === 0);
    put(at, 6, at % 2 === 0);
  }
  const places = alignments(version, size);
  for (const x of places)
    for (const y of places)
      if (![x, y].every((at) => at === 6 || at === size - 7) || (x === y && x !== 6)) rings(x, y, 2, [1]);
  for (const [x, y] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ])
    rings(x, y, 4, [2, 4]);
  const format = protectedBits(1 << 3, 10, 0x537) ^ 0x5412; // level L, mask 0
  for (let bit = 0; bit < 15; bit++) {
    const dark = (format >> bit) & 1;
    put(8, bit < 6 ? bit : bit < 8 ? bit + 1 : size - 15 + bit, dark);
    put(bit < 8 ? size - 1 - bit : bit < 9 ? 7 : 14 - bit, 8, dark);
  }
  put(8, size - 8, true);
  if (version > 6) {
    const told = protectedBits(version, 12, 0x1f25);
    for (let bit = 0; bit < 18; bit++) {
      const [far, near, dark] = [size - 11 + (bit % 3), Math.floor(bit / 3), (told >> bit) & 1];
      put(far, near, dark);
      put(near, far, dark);
    }
  }
  return fixed;
}

// The modules, row by row, always with the first of the eight masks: links are random, so no mask is better.
export function modules(text) {
  const bytes = new TextEncoder().encode(text);
  const fits = (version) =>
    (modulesOf(version) >> 3) - CHECKS[version - 1] * BLOCKS[version - 1] >=
    bytes.length + (version > 9 ? 3 : 2);
  const version = CHECKS.findIndex((_, at) => fits(at + 1)) + 1;
  if (!version) throw new RangeError("too long for a QR code");
  const size = version * 4 + 17;
  const grid = patterns(version, size);
  const words = codewords(bytes, version);
  let bit = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      const row = grid[up ? size - 1 - step : step];
      const y = up ? size - 1 - step : step;
      for (const x of [right, right - 1])
        if (row[x] === undefined) {
          row[x] = (((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) !== ((x + y + 1) & 1);
          bit++;
        }
    }
  }
  return grid;
}

export function drawnQr(text, label) {
  const grid = modules(text);
  const whole = grid.length + 2 * BORDER;
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  const squares = grid.flatMap((row, y) =>
    row.map((dark, x) => (dark ? `M${x + BORDER} ${y + BORDER}h1v1h-1z` : "")),
  );
  path.setAttribute("d", squares.join(""));
  svg.append(path);
  const given = {
    viewBox: `0 0 ${whole} ${whole}`,
    role: "img",
    "aria-label": label,
    "shape-rendering": "crispEdges",
  };
  for (const [name, value] of Object.entries(given)) svg.setAttribute(name, value);
  return svg;
}
