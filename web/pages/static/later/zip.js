// A ZIP file of pictures, stored without compression: they are compressed already. Only the headers are made here; the
// pictures stay in the browser's blobs and are read piece by piece.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

const UTF8 = 0x800;
const VERSION = 20;
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ ((rest & 1) * 0xedb88320);
  return rest;
});

async function checksum(blob) {
  let crc = -1;
  for (const reader = blob.stream().getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return ~crc >>> 0;
    for (let at = 0; at < value.length; at++) crc = CRC[(crc ^ value[at]) & 255] ^ (crc >>> 8);
  }
}

// Numbers of two or four bytes, the lowest one first.
function packed(sizes, ...numbers) {
  const view = new DataView(new ArrayBuffer([...sizes].reduce((sum, size) => sum + Number(size), 0)));
  let at = 0;
  numbers.forEach((number, place) => {
    if (sizes[place] === "2") view.setUint16(at, number, true);
    else view.setUint32(at, number, true);
    at += Number(sizes[place]);
  });
  return view.buffer;
}

// A name that no other file has, also where upper and lower case are the same.
function unique(name, used) {
  const [, stem, ending = ""] = name.match(/^(.+?)(\.[^.]+)?$/);
  let free = name;
  for (let number = 2; used.has(free.toLowerCase()); number++) free = `${stem} (${number})${ending}`;
  used.add(free.toLowerCase());
  return free;
}

// `pictures` have a `name` and a `blob`.
export async function zipOf(pictures, now = new Date()) {
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const [parts, entries, used] = [[], [], new Set()];
  let offset = 0;
  for (const { name, blob } of pictures) {
    const written = new TextEncoder().encode(unique(name, used));
    const crc = await checksum(blob);
    const facts = [VERSION, UTF8, 0, time, date, crc, blob.size, blob.size, written.length, 0];
    const head = packed("42222244422", 0x04034b50, ...facts);
    entries.push(packed("42222224442222244", 0x02014b50, VERSION, ...facts, 0, 0, 0, 0, offset), written);
    parts.push(head, written, blob);
    offset += head.byteLength + written.length + blob.size;
  }
  const size = entries.reduce((sum, entry) => sum + entry.byteLength, 0);
  const count = entries.length / 2;
  const end = packed("42222442", 0x06054b50, 0, 0, count, count, size, offset, 0);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}
