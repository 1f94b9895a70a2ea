// The audio context: its start, what is heard of it when, and how it is kept within full scale.

const PATIENCE = 3000; // milliseconds

/** Wait until `context` runs: a browser lets it only after a click or a key press. */
export async function resumed(context) {
  let late;
  const patience = new Promise((_, reject) => {
    const say = () => reject(new Error("The browser does not let sound begin. Click on the page, then play again."));
    late = setTimeout(say, PATIENCE);
  });
  await Promise.race([context.resume(), patience]).finally(() => clearTimeout(late));
}

/** What is heard of an audio context, and when. */
export class AudioClock {
  #context;
  #latest = 0; // the audio time heard last

  constructor(context) {
    this.#context = context;
  }

  /** Return the audio time that is heard now: that of the context less the way to the loudspeaker. */
  heard() {
    const { contextTime, performanceTime } = this.stamp();
    const heard = contextTime + (performance.now() - performanceTime) / 1000;
    // The clocks it comes from differ a little from one call to the next: time, and a playhead, never tremble back.
    this.#latest = heard < this.#latest - 1 ? heard : Math.max(heard, this.#latest);
    return this.#latest;
  }

  /** Return {contextTime, performanceTime}: what is heard (seconds), when (milliseconds of performance.now()). */
  stamp() {
    const context = this.#context;
    const now = performance.now();
    const stamp = context.state === "running" ? context.getOutputTimestamp?.() : null;
    if (stamp?.performanceTime > 0) {
      const heard = stamp.contextTime + (now - stamp.performanceTime) / 1000;
      // Some browsers give nonsense while a device starts.
      if (heard <= context.currentTime + 0.1 && heard > context.currentTime - 1) return stamp;
    }
    return { contextTime: context.currentTime - (context.outputLatency || 0), performanceTime: now };
  }
}

/** Return an audio node that leads to the loudspeaker, and keeps what comes within full scale without delaying it. */
export function limited(context) {
  const half = new GainNode(context, { gain: 0.5 });
  half.connect(new WaveShaperNode(context, { curve: softCurve() })).connect(context.destination);
  return half;
}

// Straight up to 0.8, then bent so that nothing reaches beyond 1; for inputs of up to 2, given as up to 1.
function softCurve() {
  const points = 4097; // odd: silence stays silence
  return Float32Array.from({ length: points }, (_, i) => {
    const x = (4 * i) / (points - 1) - 2;
    const over = Math.abs(x) - 0.8;
    return over <= 0 ? x : Math.sign(x) * (0.8 + 0.2 * Math.tanh(over / 0.2));
  });
}
