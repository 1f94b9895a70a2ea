// The player. Every event is given to what sounds with its time on the audio clock, a little ahead; timers only say when
// to look ahead again. So a late timer is not heard, and a change is: what has not been given out follows it.

import { AudioClock, limited, resumed } from "./audio.js";
import { Clicks } from "./click.js";
import { MidiOut, midiAccess } from "./midi_out.js";
import { CHORDS, MELODY, begun, eventsBetween, stepAt, turned } from "./schedule.js";
import { Synth } from "./synth.js";
import { ticker } from "./ticker.js";

const AHEAD = 0.2; // seconds that events are given out ahead
const AHEAD_HIDDEN = 1.5; // in a page in the background, whose timers may come once a second
const LEAD = 0.06; // seconds from play to the first note: the way of a message to an audio processor
const LATE = 0.05; // seconds: what is later than this is left out rather than played in a heap
const FADED = 12; // milliseconds until what was silenced is silent
const VELOCITY = { [MELODY]: 100, [CHORDS]: 80 };
const BLOCK = 1024; // samples between two looks ahead when rendering
const SMOOTH = 0.02; // seconds in which a volume follows its knob

const DEFAULTS = {
  tempo: 120, loop: null, repeat: false, metronome: false, chordsAlong: false, program: 0, volume: 0.8,
  chordVolume: 0.5,
};

/**
 * A player of one melody. Events: "start", "stop", "loop" (when they are heard), "outputs" (devices came or went),
 * "error" (detail.text: one line for the user).
 */
export class Player extends EventTarget {
  #context;
  #given; // the context is not ours
  #clock = null;
  #ready = null;
  #master = null;
  #clicks = null;
  #synth = null;
  #font = null; // {name, file, voices}
  #midi = null; // {id, voices}
  #access = null;
  #output = "synth";
  #settings = { ...DEFAULTS };
  #melody = { notes: [], steps: 0, chords: null };
  #piece = { notes: [], steps: 0 };
  #told = {}; // {voices, program}: a MIDI instrument is told its program once, not at every turn of a knob
  #courses = []; // [{course, piece}], the first one being heard, the others handed ahead
  #horizon = 0; // audio time up to which events have been given out
  #wanted = 0; // counts plays and stops: a play that was overtaken while it waited does not begin
  #playing = false;
  #starting = false;
  #announced = []; // {time, kind}: events of this class that wait until they are heard
  #ticker = null;

  /** Make a player; `context` only for tests. Without it an AudioContext is made at the first play or hear. */
  constructor({ context = null } = {}) {
    super();
    this.#context = context;
    this.#given = context !== null;
    if (!this.#given) {
      document.addEventListener("visibilitychange", () => this.#playing && this.#fill());
      window.addEventListener("pagehide", () => this.stop());
    }
  }

  /** Take another melody: {notes, steps, chords}. While it plays, it goes on from where it is. */
  load({ notes, steps, chords = null }) {
    this.#melody = { notes, steps, chords };
    this.#change({});
  }

  /** Play from step `from`, or from the beginning of the loop if that is outside it. While it plays: go there. */
  async play(from = 0) {
    this.#wanted += 1;
    const wanted = this.#wanted;
    if (this.#melody.steps < 1) return;
    this.#starting = true;
    try {
      await this.#wake();
    } catch (error) {
      if (wanted === this.#wanted) this.#starting = false;
      this.#fail(error);
      return;
    }
    if (wanted !== this.#wanted) return; // stopped, or played anew, in the meantime
    if (this.#playing) {
      for (const sound of [this.#clicks, this.#voices()]) sound.silence();
      await new Promise((resolve) => setTimeout(resolve, FADED)); // else what sounds would break off with a crack
      if (wanted !== this.#wanted) return;
    }
    this.#starting = false;
    this.#begin(from, this.#context.currentTime + LEAD);
    this.#tickOn();
  }

  /** Stop. Nothing sounds after it. */
  stop() {
    this.#wanted += 1;
    this.#starting = false;
    this.#clicks?.silence();
    for (const voices of this.#allVoices()) voices.silence();
    this.#finish();
  }

  /** Play from step `from` if it does not play, else stop. */
  async toggle(from = 0) {
    if (this.playing) this.stop();
    else await this.play(from);
  }

  /** Whether it plays, or is about to. */
  get playing() {
    return this.#playing || this.#starting;
  }

  /** Return the step that is heard now, a float, or null if it does not play. */
  position() {
    if (!this.#playing) return null;
    const heard = this.#clock.heard();
    while (this.#courses.length > 1 && this.#courses[1].course.time <= heard) this.#courses.shift();
    const { course } = this.#courses[0];
    return stepAt(course, heard) ?? course.to;
  }

  get tempo() {
    return this.#settings.tempo;
  }

  set tempo(tempo) {
    if (tempo > 0) this.#change({ tempo });
  }

  get loop() {
    return this.#settings.loop;
  }

  set loop(loop) {
    this.#change({ loop });
  }

  get repeat() {
    return this.#settings.repeat;
  }

  set repeat(repeat) {
    this.#change({ repeat });
  }

  get metronome() {
    return this.#settings.metronome;
  }

  set metronome(metronome) {
    this.#settings.metronome = metronome;
  }

  get chordsAlong() {
    return this.#settings.chordsAlong;
  }

  set chordsAlong(chordsAlong) {
    this.#change({ chordsAlong });
  }

  get program() {
    return this.#settings.program;
  }

  set program(program) {
    this.#settings.program = program;
    this.#tell();
  }

  get volume() {
    return this.#settings.volume;
  }

  set volume(volume) {
    this.#settings.volume = volume;
    this.#tell();
  }

  get chordVolume() {
    return this.#settings.chordVolume;
  }

  set chordVolume(volume) {
    this.#settings.chordVolume = volume;
    this.#tell();
  }

  /** Sound `pitches` at once. */
  async hear(pitches, seconds = 0.4) {
    const wanted = this.#wanted;
    try {
      await this.#wake();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (wanted !== this.#wanted) return;
    const voices = this.#voices();
    voices.open();
    const now = this.#context.currentTime + 0.01;
    for (const pitch of pitches) {
      voices.noteOn(MELODY, pitch, this.#velocity(MELODY), now);
      voices.noteOff(MELODY, pitch, now + seconds);
    }
  }

  /**
   * Return what can sound: [{id, name}]. "synth" is first, "soundfont" there once one is loaded, then MIDI outputs. The
   * browser is asked for these if `ask`, which is so in a click or a key press; else they are there if it had allowed
   * them before.
   */
  async outputs({ ask = navigator.userActivation?.isActive ?? false } = {}) {
    if (!this.#access) {
      this.#access = await midiAccess({ ask });
      this.#access?.addEventListener("statechange", () => this.#devicesChanged());
    }
    const found = [{ id: "synth", name: "Built-in synth" }];
    if (this.#font) found.push({ id: "soundfont", name: this.#font.name });
    for (const port of this.#access?.outputs.values() ?? []) {
      if (port.state !== "disconnected") found.push({ id: port.id, name: port.name });
    }
    return found;
  }

  /** The id of the output that sounds. */
  get output() {
    return this.#output;
  }

  /** Sound through another output from now on. */
  async setOutput(id) {
    if (id === this.#output) return;
    const port = this.#access?.outputs.get(id);
    if (!(id === "synth" || (id === "soundfont" && this.#font) || port)) {
      this.#fail(new Error("This output is not there any more."));
      return;
    }
    const playing = this.#playing;
    if (this.#context) this.#voices()?.silence();
    this.#midi = null;
    if (port) this.#midi = { id, voices: new MidiOut(port, () => this.#clock.stamp()) };
    this.#output = id;
    if (this.#ready) await this.#wake();
    if (playing && this.#playing) {
      // What had been handed ahead to the other output is given out again to this one.
      const time = this.#context.currentTime + LEAD;
      const { course } = this.#courses.findLast((each) => each.course.time <= time) ?? this.#courses[0];
      this.#begin(stepAt(course, time) ?? course.to - 1, time);
    }
  }

  /** Read a SoundFont, an ArrayBuffer, and sound through it. Return whether it could be read. */
  async loadSoundFont(file, name) {
    try {
      await this.#wake();
      const voices = await this.#fontVoices(file);
      this.#font?.voices.close();
      this.#font = { name, file, voices };
    } catch (error) {
      this.#fail(error);
      return false;
    }
    if (this.#output === "soundfont") this.#output = "synth"; // so that the new one is set up like any other output
    await this.setOutput("soundfont");
    return true;
  }

  /**
   * Return a promise of an AudioBuffer of what plays in the first `seconds` from step `from`. `acts` are [[seconds,
   * function of the player], ...]: what is turned while it plays.
   */
  async render(seconds, { from = 0, acts = [], rate = 44100 } = {}) {
    const context = new OfflineAudioContext(2, Math.ceil(seconds * rate), rate);
    const player = new Player({ context });
    player.#settings = { ...this.#settings };
    player.#melody = this.#melody;
    player.#piece = player.#pieceNow();
    player.#output = this.#output === "soundfont" ? "soundfont" : "synth";
    if (player.#output === "soundfont") player.#font = { ...this.#font, voices: null };
    await player.#renderInto(context, from, [...acts]);
    return context.startRendering();
  }

  async #renderInto(context, from, acts) {
    const look = async () => {
      while (acts.length && acts[0][0] <= context.currentTime + 1e-9) acts.shift()[1](this);
      if (this.#playing) this.#fill();
      await this.#font?.voices.settled();
    };
    const settled = context.suspend(0).then(async () => {
      try {
        await this.#wake();
        this.#begin(from, 0);
        await look();
      } finally {
        context.resume();
      }
    });
    settled.catch((error) => this.#fail(error));
    for (let at = BLOCK; at < context.length; at += BLOCK) {
      context.suspend(at / context.sampleRate).then(async () => {
        await look();
        context.resume();
      });
    }
  }

  // Everything from here on: what the methods above have in common.

  /** Have an audio context that runs, and the voices of the output. */
  async #wake() {
    this.#context ??= new AudioContext({ latencyHint: "interactive" });
    this.#clock ??= new AudioClock(this.#context);
    const offline = this.#context instanceof OfflineAudioContext;
    if (!offline && this.#context.state !== "running") await resumed(this.#context);
    this.#ready ??= this.#setUp().catch((error) => {
      this.#ready = null;
      throw error;
    });
    await this.#ready;
    if (this.#font && !this.#font.voices) this.#font.voices = await this.#fontVoices(this.#font.file);
    this.#tell();
  }

  async #setUp() {
    this.#master = new GainNode(this.#context, { gain: this.#settings.volume });
    this.#master.connect(limited(this.#context));
    this.#clicks = new Clicks(this.#context, this.#master);
    this.#synth = await Synth.load(this.#context, this.#master);
  }

  async #fontVoices(file) {
    const { SoundFont } = await import("./soundfont.js");
    return SoundFont.load(this.#context, this.#master, file);
  }

  #voices() {
    if (this.#output === "soundfont") return this.#font.voices;
    return this.#midi?.voices ?? this.#synth;
  }

  #allVoices() {
    return [this.#synth, this.#font?.voices, this.#midi?.voices].filter(Boolean);
  }

  /** Tell the output the settings that are not events. */
  #tell() {
    if (!this.#master) return;
    const { program, volume, chordVolume } = this.#settings;
    this.#master.gain.setTargetAtTime(volume, this.#context.currentTime, SMOOTH / 3);
    const voices = this.#voices();
    if (!voices) return;
    if (this.#told.voices !== voices || this.#told.program !== program) {
      for (const channel of [MELODY, CHORDS]) voices.program(channel, program);
      this.#told = { voices, program };
    }
    voices.level(MELODY, 1);
    voices.level(CHORDS, chordVolume);
  }

  /** Begin to play at `time`, with step `from`. */
  #begin(from, time) {
    this.#clicks.silence();
    this.#voices().silence();
    this.#voices().open();
    this.#piece = this.#pieceNow();
    this.#courses = [{ course: begun(this.#piece, time, from, this.#settings), piece: this.#piece }];
    this.#horizon = time;
    this.#announced = [];
    const again = this.#playing;
    this.#playing = true;
    if (!again) this.dispatchEvent(new Event("start"));
    this.#fill();
  }

  /** Change settings; what has not been given out yet follows them. */
  #change(settings) {
    const next = { ...this.#settings, ...settings };
    this.#settings = next;
    this.#piece = this.#pieceNow();
    if (!this.#playing) return;
    if (this.#melody.steps < 1) {
      this.stop();
      return;
    }
    if (this.#horizon < this.#context.currentTime) this.#fill();
    const last = this.#courses[this.#courses.length - 1];
    const time = this.#horizon;
    const course = turned(last.course, last.piece, this.#piece, time, next);
    if (course === last.course) return;
    if (last.course.time === time) this.#courses.pop();
    this.#courses.push({ course, piece: this.#piece });
    this.#announced = this.#announced.filter(({ kind }) => kind !== "end");
    this.#fill();
  }

  #pieceNow() {
    const { notes, steps, chords } = this.#melody;
    const along = this.#settings.chordsAlong && chords ? chords : [];
    return {
      steps,
      notes: [
        ...notes.map((note) => ({ ...note, channel: MELODY })),
        ...along.flatMap(({ start, end, pitches }) =>
          pitches.map((pitch) => ({ pitch, start, end: Math.min(end, steps), channel: CHORDS })),
        ),
      ],
    };
  }

  /** Give out what comes within the window, and say what has been heard. */
  #fill() {
    const now = this.#context.currentTime;
    const until = now + (this.#hidden() ? AHEAD_HIDDEN : AHEAD);
    if (until > this.#horizon) {
      const { course, piece } = this.#courses[this.#courses.length - 1];
      const events = eventsBetween(piece, course, this.#horizon, until);
      this.#horizon = until;
      this.#midi?.voices.follow();
      for (const event of events) this.#give(event, now);
    }
    this.#announce();
  }

  #give({ time, kind, channel, pitch, accent }, now) {
    const voices = this.#voices();
    if (kind === "off") {
      voices.noteOff(channel, pitch, Math.max(time, now));
    } else if (time < now - LATE) {
      if (kind === "end") this.#announced.push({ time, kind });
    } else if (kind === "on") {
      voices.noteOn(channel, pitch, this.#velocity(channel), Math.max(time, now));
    } else if (kind === "click") {
      if (this.#settings.metronome) this.#clicks.at(Math.max(time, now), accent);
    } else {
      this.#announced.push({ time, kind });
    }
  }

  #velocity(channel) {
    const { volume, chordVolume } = this.#settings;
    if (!this.#midi) return VELOCITY[channel];
    return 100 * volume * (channel === CHORDS ? chordVolume : 1); // a port has no other loudness
  }

  #announce() {
    const heard = this.#clock.heard();
    while (this.#playing && this.#announced.length && this.#announced[0].time <= heard) {
      const { kind } = this.#announced.shift();
      if (kind === "loop") this.dispatchEvent(new Event("loop"));
      else this.#finish(); // the last notes die away by themselves
    }
  }

  #finish() {
    this.#tickOff();
    this.#announced = [];
    if (!this.#playing) return;
    this.#playing = false;
    this.dispatchEvent(new Event("stop"));
  }

  #hidden() {
    return typeof document !== "undefined" && document.hidden && !(this.#context instanceof OfflineAudioContext);
  }

  #tickOn() {
    if (this.#ticker) return;
    const tick = () => {
      if (!this.#playing) return;
      if (!this.#given && this.#context.state !== "running") this.#context.resume();
      this.#fill();
    };
    this.#ticker = ticker(tick);
  }

  #tickOff() {
    this.#ticker?.();
    this.#ticker = null;
  }

  #devicesChanged() {
    if (this.#midi && this.#access.outputs.get(this.#midi.id)?.state !== "connected") {
      this.#fail(new Error("The MIDI output is gone; the built-in synth plays on."));
      this.setOutput("synth");
    }
    this.dispatchEvent(new Event("outputs"));
  }

  #fail(error) {
    this.dispatchEvent(new CustomEvent("error", { detail: { text: error.message } }));
  }
}
