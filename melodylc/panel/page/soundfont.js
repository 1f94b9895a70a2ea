// A SoundFont of the user's (SF2, SF3, DLS), played by the audio processor of spessasynth_lib. The processor knows the
// audio clock and starts each message in the block of 128 samples in which its time is.

const MODULES = ["./soundfont_start.js", "./third_party/spessasynth/spessasynth_processor.min.js"];
const NAME = "spessasynth-worklet-processor";
const OUTPUTS = 17; // effects, then the sixteen channels
const SETS = [0, 2, 4, 6, 10, 12, 14]; // first channels of a set: melody, chords; without the drums
const FADE = 0.006; // seconds
const PATIENCE = 30000; // milliseconds: a large file on a slow machine
const LOUDNESS = 0.9;
const UNREADABLE = "This file cannot be read as a SoundFont: SF2, SF3 or DLS.";

/** The voices of a SoundFont, in an audio context of the player's. */
export class SoundFont {
  #context;
  #node;
  #gates; // of the channels
  #set = 0;
  #closed = true;
  #programs = [0, 0];
  #levels = [1, 1];

  /** Return a promise of a SoundFont with the contents of `file`, an ArrayBuffer, that sounds into `destination`. */
  static async load(context, destination, file) {
    if (compressed(file) && !wasmAllowed()) {
      throw new Error("This SoundFont is compressed (SF3), which this page cannot unpack: take an SF2.");
    }
    for (const module of MODULES) await context.audioWorklet.addModule(new URL(module, import.meta.url).href);
    const node = new AudioWorkletNode(context, NAME, {
      numberOfInputs: 0,
      numberOfOutputs: OUTPUTS,
      outputChannelCount: new Array(OUTPUTS).fill(2),
      processorOptions: { oneOutput: false, eventsEnabled: false },
    });
    await answerTo(node, "sf3Decoder", () => {});
    const copy = file.slice(0); // which the processor takes
    await answerTo(node, "soundBankManager", () => {
      const bank = { soundBankBuffer: copy, bankOffset: 0, id: "user" };
      post(node, "soundBankManager", { type: "addSoundBank", data: bank }, [copy]);
    });
    return new SoundFont(context, destination, node);
  }

  constructor(context, destination, node) {
    this.#context = context;
    this.#node = node;
    this.#gates = Array.from({ length: 16 }, (_, channel) => {
      const gate = new GainNode(context, { gain: 0 });
      // The processor's own reverb is left out: its tail would sound on after a stop.
      node.connect(gate, channel + 1);
      gate.connect(destination);
      return gate;
    });
  }

  /** Let sound through, on channels that have nothing in them of before the last silence. */
  open() {
    if (!this.#closed) return;
    this.#closed = false;
    this.#set = (this.#set + 1) % SETS.length;
    for (const channel of [0, 1]) {
      this.program(channel, this.#programs[channel]);
      this.level(channel, this.#levels[channel]);
    }
  }

  /** End all sound now; what was handed ahead goes to channels that nobody hears any more. */
  silence() {
    if (this.#closed) return;
    this.#closed = true;
    const now = this.#context.currentTime;
    for (const channel of [0, 1]) {
      const { gain } = this.#gates[this.#channel(channel)];
      gain.cancelScheduledValues(0);
      gain.setValueAtTime(gain.value, now);
      gain.linearRampToValueAtTime(0, now + FADE);
    }
    post(this.#node, "stopAll", 0);
  }

  noteOn(channel, pitch, velocity, time) {
    this.#send([0x90 | this.#channel(channel), pitch, velocity], time);
  }

  noteOff(channel, pitch, time) {
    this.#send([0x80 | this.#channel(channel), pitch, 0], time);
  }

  program(channel, number) {
    this.#programs[channel] = number;
    this.#send([0xc0 | this.#channel(channel), number], 0);
  }

  /** Set the loudness of a channel, 0 to 1. */
  level(channel, share) {
    this.#levels[channel] = share;
    if (this.#closed) return;
    const { gain } = this.#gates[this.#channel(channel)];
    gain.cancelScheduledValues(0);
    gain.setValueAtTime(LOUDNESS * share, this.#context.currentTime);
  }

  /** Wait until the processor has read what it was sent: rendering, unlike a loudspeaker, does not give it the time. */
  async settled() {
    await answerTo(this.#node, "synthesizerSnapshot", () => post(this.#node, "requestSynthesizerSnapshot", null));
  }

  /** Let go of the processor and its memory. */
  close() {
    post(this.#node, "destroyWorklet", null);
    this.#node.disconnect();
    for (const gate of this.#gates) gate.disconnect();
  }

  #channel(channel) {
    return SETS[this.#set] + channel;
  }

  #send(bytes, time) {
    post(this.#node, "midiMessage", { messageData: new Uint8Array(bytes), channelOffset: 0, options: { time } });
  }
}

// Version 3 of the format (in the chunk "ifil") is the one with compressed samples.
function compressed(file) {
  const head = new Uint8Array(file, 0, Math.min(file.byteLength, 4096));
  const at = String.fromCharCode(...head).indexOf("ifil");
  return at >= 0 && head[at + 8] >= 3;
}

function wasmAllowed() {
  try {
    return new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}

function post(node, type, data, transfer = []) {
  node.port.postMessage({ channelNumber: -1, type, data }, transfer);
}

// The processor says when it has done a thing ("isFullyInitialized", of which), or that it cannot read a file.
function answerTo(node, what, ask) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("The SoundFont took too long to read.")), PATIENCE);
    const done = (settle, value) => {
      clearTimeout(late);
      node.port.onmessage = null;
      settle(value);
    };
    node.port.onmessage = ({ data }) => {
      if (data.type === "isFullyInitialized" && data.data.type === what) done(resolve);
      if (data.type === "soundBankError") done(reject, new Error(UNREADABLE));
    };
    node.onprocessorerror = () => done(reject, new Error("The SoundFont synthesizer stopped."));
    ask();
  });
}
