// The sound that needs no samples: webaudio-tinysynth, a classic script that is loaded when it is first needed.

const SCRIPT = "./third_party/tinysynth/webaudio-tinysynth.min.js";
const FADE = 0.006; // seconds: short enough to be a stop, long enough not to click
const LOUDNESS = 0.7; // of tinysynth's own scale: a melody, its chords and the metronome together stay below full scale

let loading = null;

/** Return a promise of the class WebAudioTinySynth, whose script is loaded once, if it is not in the page already. */
function loadTinySynth() {
  if (window.WebAudioTinySynth) return Promise.resolve(window.WebAudioTinySynth);
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(SCRIPT, import.meta.url).href;
    script.onload = () => resolve(window.WebAudioTinySynth);
    script.onerror = () => {
      loading = null; // so that the next play tries again
      reject(new Error("The synthesizer's script could not be loaded. Is the panel's server still running?"));
    };
    document.head.append(script);
  });
  return loading;
}

/** Make a tinysynth that has no audio context of its own: it would make one where its setting says so. */
function makeTinySynth(TinySynth, context, destination) {
  class Guest extends TinySynth {
    get internalcontext() {
      return 0;
    }

    set internalcontext(_) {}
  }
  const synth = new Guest({ voices: 128 });
  // Messages are not used: sending one resumes the context, which is the player's to decide.
  synth.send = () => {};
  synth.setAudioContext(context, destination);
  // Without its compressor, which would delay the notes against the metronome by 6 ms.
  synth.comp.disconnect();
  for (const node of [synth.out, synth.rev]) {
    node.disconnect(synth.comp);
    node.connect(destination);
  }
  synth.setMasterVol(LOUDNESS);
  return synth;
}

/** The voices of the built-in synthesizer, in an audio context of the player's. */
export class Synth {
  #context;
  #gate;
  #synth;
  #closed = true;

  /** Return a promise of a Synth that sounds into the audio node `destination`. */
  static async load(context, destination) {
    return new Synth(await loadTinySynth(), context, destination);
  }

  constructor(TinySynth, context, destination) {
    this.#context = context;
    this.#gate = new GainNode(context, { gain: 0 });
    this.#gate.connect(destination);
    this.#synth = makeTinySynth(TinySynth, context, this.#gate);
  }

  /** Let sound through; nothing of before the last silence is left. */
  open() {
    if (!this.#closed) return;
    this.#forget();
    this.#gate.gain.cancelScheduledValues(0);
    this.#gate.gain.setValueAtTime(1, this.#context.currentTime);
    this.#closed = false;
  }

  /** End all sound now, and what was handed ahead. */
  silence() {
    if (this.#closed) return;
    const now = this.#context.currentTime;
    this.#gate.gain.cancelScheduledValues(0);
    this.#gate.gain.setValueAtTime(1, now);
    this.#gate.gain.linearRampToValueAtTime(0, now + FADE);
    this.#closed = true;
    setTimeout(() => this.#closed && this.#forget(), 60); // milliseconds: the fade and the way to the loudspeaker
  }

  noteOn(channel, pitch, velocity, time) {
    this.#synth.noteOn(channel, pitch, velocity, time);
  }

  noteOff(channel, pitch, time) {
    this.#synth.noteOff(channel, pitch, time);
  }

  program(channel, number) {
    this.#synth.setProgram(channel, number);
  }

  /** Set the loudness of a channel, 0 to 1. */
  level(channel, share) {
    this.#synth.setChVol(channel, 100 * Math.sqrt(share));
  }

  // Drop every voice, and what the reverb still has in it: a convolver that is given its buffer begins anew.
  #forget() {
    for (let channel = 0; channel < 16; channel += 1) this.#synth.allSoundOff(channel);
    this.#synth.conv.buffer = this.#synth.convBuf;
  }
}
