// Zooming with two fingers on a touch screen, and with Ctrl and the wheel, which is how browsers report a pinch on a
// touch pad.

// The change of the size for each pixel of the wheel: few from a touch pad, about 100 from a notch.
const WHEEL = 0.01;
const MOST = 0.4;

const middle = ([one, other]) => ({
  clientX: (one.clientX + other.clientX) / 2,
  clientY: (one.clientY + other.clientY) / 2,
});
const apart = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);

// Calls `zoom` with the new width, and with the point between the fingers, before and now; `abort` ends it.
export function pinched(frame, width, zoom) {
  const listening = new AbortController();
  const options = { passive: false, signal: listening.signal };
  let last = null;
  const begin = (event) => {
    last = event.touches.length === 2 ? [...event.touches] : null;
  };
  frame.addEventListener("touchstart", begin, options);
  frame.addEventListener("touchend", begin, options);
  frame.addEventListener("touchcancel", begin, options);
  frame.addEventListener(
    "touchmove",
    (event) => {
      if (!last || event.touches.length !== 2) return;
      event.preventDefault();
      const now = [...event.touches];
      zoom((width() * apart(now)) / apart(last), middle(last), middle(now));
      last = now;
    },
    options,
  );
  frame.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const step = Math.max(-MOST, Math.min(MOST, -event.deltaY * WHEEL));
      zoom(width() * Math.exp(step), event);
    },
    options,
  );
  return listening;
}
