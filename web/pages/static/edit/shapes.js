// Boxes in a picture, in its pixels: {x, y, width, height}. Nothing here changes a box; each call returns another one.

export const clamp = (value, least, most) => Math.max(least, Math.min(most, value));

// The box with these two points as opposite corners.
export function between(one, other) {
  const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  return { x, y, width: Math.abs(one.x - other.x), height: Math.abs(one.y - other.y) };
}

export function moved(box, right, down, whole) {
  return {
    ...box,
    x: clamp(box.x + right, 0, whole.width - box.width),
    y: clamp(box.y + down, 0, whole.height - box.height),
  };
}

export function sized(box, wider, higher, whole, least) {
  return {
    ...box,
    width: clamp(box.width + wider, least, whole.width - box.x),
    height: clamp(box.height + higher, least, whole.height - box.y),
  };
}

// The point that stays where it is when a corner is dragged; `corner` is "top left", "bottom right" and so on.
export function opposite(box, corner) {
  return {
    x: corner.includes("left") ? box.x + box.width : box.x,
    y: corner.includes("top") ? box.y + box.height : box.y,
  };
}

// The part of the picture that is kept, after one of its edges was moved.
export function cut(part, edge, to, whole, least) {
  const right = part.x + part.width;
  const bottom = part.y + part.height;
  const x = edge === "left" ? clamp(to.x, 0, right - least) : part.x;
  const y = edge === "top" ? clamp(to.y, 0, bottom - least) : part.y;
  const end = {
    x: edge === "right" ? clamp(to.x, x + least, whole.width) : right,
    y: edge === "bottom" ? clamp(to.y, y + least, whole.height) : bottom,
  };
  return between({ x, y }, end);
}

// Position and size of a box as fractions of the whole picture.
export function parts({ x, y, width, height }, whole) {
  return {
    left: x / whole.width,
    top: y / whole.height,
    width: width / whole.width,
    height: height / whole.height,
  };
}

// How much of the picture is cut off at an edge, from 0 to 1.
export function cutOff(part, edge, whole) {
  const { left, top, width, height } = parts(part, whole);
  return { left, top, right: 1 - left - width, bottom: 1 - top - height }[edge];
}
