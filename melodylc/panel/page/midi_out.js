// Web MIDI out: the same events, with the timestamps that belong to their times on the audio clock.

const CHANNELS = 2; // melody, chords
const SLEW = 0.5; // milliseconds that the two clocks are brought together by, at most, in one step

/** Return the MIDI outputs of the browser, or null where there are none or they are not allowed. */
export async function midiAccess({ ask }) {
  if (!navigator.requestMIDIAccess) return null;
  if (!ask && (await permission()) !== "granted") return null;
  try {
    return await navigator.requestMIDIAccess();
  } catch {
    return null; // refused
  }
}

async function permission() {
  try {
    return (await navigator.permissions.query({ name: "midi" })).state;
  } catch {
    return "prompt"; // a browser that does not know this permission
  }
}

/** Notes to one MIDI output port. `clock()` returns {contextTime (seconds), performanceTime (milliseconds)} of a moment. */
export class MidiOut {
  #port;
  #clock;
  #offset = null; // milliseconds from audio time to the time of performance.now()
  #notes = []; // {channel, pitch, on, off}: handed over and perhaps still to come, in milliseconds

  constructor(port, clock) {
    this.#port = port;
    this.#clock = clock;
    port.open?.();
  }

  /** Follow the clocks, which drift: called before the events of each window. */
  follow() {
    const { contextTime, performanceTime } = this.#clock();
    const measured = performanceTime - contextTime * 1000;
    const off = measured - (this.#offset ?? measured);
    // A step this large is another device or a computer that slept.
    if (this.#offset === null || Math.abs(off) > 100) this.#offset = measured;
    else this.#offset += Math.max(-SLEW, Math.min(SLEW, off / 10));
    const now = performance.now();
    this.#notes = this.#notes.filter((note) => note.off === null || note.off > now);
  }

  open() {
    this.follow();
  }

  noteOn(channel, pitch, velocity, time) {
    const on = this.#stamp(time);
    this.#notes.push({ channel, pitch, on, off: null });
    this.#send([0x90 | channel, pitch, Math.max(1, Math.round(velocity))], on);
  }

  noteOff(channel, pitch, time) {
    const note = this.#notes.find((each) => each.channel === channel && each.pitch === pitch && each.off === null);
    if (note) note.off = this.#stamp(time);
    this.#send([0x80 | channel, pitch, 0], this.#stamp(time));
  }

  program(channel, number) {
    this.#send([0xc0 | channel, number]);
  }

  level() {} // notes come with their velocities

  /** End all notes now, those handed ahead too. */
  silence() {
    this.#port.clear?.(); // which not every browser has: so each note handed ahead is also ended where it begins
    const now = performance.now();
    const ends = this.#notes
      .filter((note) => note.off === null || note.off > now)
      .map((note) => ({ ...note, end: Math.max(now, note.on + 1) }))
      .sort((a, b) => a.end - b.end);
    for (let channel = 0; channel < CHANNELS; channel += 1) this.#send([0xb0 | channel, 123, 0], now);
    for (const { channel, pitch, end } of ends) this.#send([0x80 | channel, pitch, 0], end);
    this.#notes = [];
    this.#offset = null;
  }

  close() {
    this.silence();
  }

  #send(bytes, stamp) {
    if (this.#port.state !== "disconnected") this.#port.send(bytes, stamp);
  }

  #stamp(time) {
    if (this.#offset === null) this.follow();
    return time * 1000 + this.#offset;
  }
}
