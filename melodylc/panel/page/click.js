// The metronome: short tones of our own, so that they are there whatever plays the notes.

const LENGTH = 0.03; // seconds
const BAR = 1760; // Hz, for the first beat of a bar
const BEAT = 1175;
const FADE = 0.004; // seconds

/** The clicks of a metronome, into the audio node `destination`. */
export class Clicks {
  #context;
  #destination;
  #gate = null; // one from silence to silence
  #pending = new Set();

  constructor(context, destination) {
    this.#context = context;
    this.#destination = destination;
  }

  /** Click at `time` of the audio clock. */
  at(time, accent) {
    if (!this.#gate) {
      this.#gate = new GainNode(this.#context);
      this.#gate.connect(this.#destination);
    }
    const tone = new OscillatorNode(this.#context, { frequency: accent ? BAR : BEAT });
    const shape = new GainNode(this.#context, { gain: 0 });
    shape.gain.setValueAtTime(accent ? 0.35 : 0.22, time);
    shape.gain.exponentialRampToValueAtTime(0.001, time + LENGTH);
    tone.connect(shape).connect(this.#gate);
    tone.start(time);
    tone.stop(time + LENGTH);
    this.#pending.add(tone);
    tone.onended = () => {
      shape.disconnect();
      this.#pending.delete(tone);
    };
  }

  /** End all clicks now, and those to come. */
  silence() {
    if (!this.#gate) return;
    const now = this.#context.currentTime;
    this.#gate.gain.setValueAtTime(1, now);
    this.#gate.gain.linearRampToValueAtTime(0, now + FADE);
    for (const tone of this.#pending) tone.stop(now + FADE);
    this.#gate = null;
  }
}
