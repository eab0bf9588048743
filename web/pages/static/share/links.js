// Finds links in the text behind # or in what was pasted: one link, or those of an album, joined by dots.

const RUN = /(?:^|[#<("\s]|[^/]\/)(?=([\w-]+(?:\.[\w-]+)*))/g;
const LENGTH = 32;
// A word of at least so many characters is taken for a link, perhaps an incomplete one.
const CUT = 20;
const ENDING = /^(?:png|jpe?g|webp|gif|avif)$/i;

export const isLink = (part) => part.length === LENGTH;

// Each link once, in order, incomplete ones included; an empty list if nothing looks like a link.
export function linksIn(text) {
  const runs = [...text.matchAll(RUN)].map(([, run]) => run.split("."));
  const found = runs.find((parts) => parts.some(isLink));
  if (!found)
    return runs
      .map(([first]) => first)
      .filter((part) => part.length >= CUT && part.length < LENGTH)
      .slice(0, 1);
  return [...new Set(found)].filter((part) => part.length <= LENGTH && !ENDING.test(part));
}
