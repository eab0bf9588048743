// The server tells how many seconds are left, and the page counts them down. The client's clock may therefore be
// wrong: only how far it advances matters.

const SLEPT = 1000;
let steady = performance.now();
let wall = Date.now();
let passed = 0;

// The monotonic clock may stand still while the machine sleeps; the system clock then tells how long that was.
export function elapsed() {
  const [steadyNow, wallNow] = [performance.now(), Date.now()];
  const step = steadyNow - steady;
  const slept = wallNow - wall - step;
  passed += step + (slept > SLEPT ? slept : 0);
  [steady, wall] = [steadyNow, wallNow];
  return passed;
}

// Counts `seconds` down from the moment `since`; the returned function stops it.
export function countDown(seconds, since, { tick, end }) {
  const over = since + seconds * 1000;
  const stop = () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", step);
  };
  const step = () => {
    const left = (over - elapsed()) / 1000;
    tick(Math.max(0, left));
    if (left <= 0) {
      stop();
      end();
    }
  };
  const timer = setInterval(step, 250);
  document.addEventListener("visibilitychange", step);
  step();
  return stop;
}
