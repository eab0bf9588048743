// The links in what stands behind # or was pasted: one, or those of an album with dots between.

const RUN = /(?:^|[#<("\s]|[^/]\/)(?=([\w-]+(?:\.[\w-]+)*))/g;
const LENGTH = 32;
const CUT = 20; // a word of so many characters was a link
const ENDING = /^(?:png|jpe?g|webp|gif|avif)$/i;

export const isLink = (part) => part.length === LENGTH;

// Each link once, in their order; those that lack some characters, too. Nothing where nothing looks like a link.
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
