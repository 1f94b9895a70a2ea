// Calls a function often, also in a page in the background.

const TICK = 25; // milliseconds

/** Call `tick` often, from a worker where there can be one; return what ends it. */
export function ticker(tick) {
  let timer = null;
  let worker = null;
  try {
    worker = new Worker(new URL("./ticks.js", import.meta.url));
    worker.onmessage = tick;
    worker.onerror = () => (timer ??= setInterval(tick, TICK));
  } catch {
    timer = setInterval(tick, TICK);
  }
  return () => {
    worker?.terminate();
    clearInterval(timer);
  };
}
