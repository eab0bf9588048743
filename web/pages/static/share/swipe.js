// One finger that moves sideways over an element.

const FAR = 50; // pixels
// A swipe is at least so many times as far sideways as up or down.
const LEVEL = 2;

// Calls `step` with 1 for the next image and -1 for the previous one, by the page's direction of reading.
export function swiped(element, step) {
  let from = null;
  element.addEventListener(
    "touchstart",
    (event) => {
      const alone = event.touches.length === 1 && !event.target.closest(".strip");
      const frame = event.target.closest(".frame");
      from = alone && !(frame && frame.scrollWidth > frame.clientWidth) ? event.touches[0] : null;
    },
    { passive: true },
  );
  element.addEventListener("touchend", (event) => {
    if (!from || event.touches.length) return;
    const to = event.changedTouches[0];
    const [right, down] = [to.clientX - from.clientX, to.clientY - from.clientY];
    from = null;
    if (Math.abs(right) < FAR || Math.abs(right) < LEVEL * Math.abs(down)) return;
    step(right < 0 === (document.dir !== "rtl") ? 1 : -1);
  });
}
