// Two fingers on a touch screen or a touch pad, and the wheel with Ctrl, which is what a touch pad's pinch looks like.

const WHEEL = 0.01; // how much of a size one pixel of the wheel is; a touch pad sends few, a wheel about 100 a notch
const MOST = 0.4;

const middle = ([one, other]) => ({
  clientX: (one.clientX + other.clientX) / 2,
  clientY: (one.clientY + other.clientY) / 2,
});
const apart = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);

// Calls `zoom` with the width that is wished, the point that was held and where it is now; `abort` ends it.
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
