// What the parts of the page share: the melody in hand, what plays, and everything that buttons and keys do, by name.

import { toNotes } from "./notes.js";
import { stopWork } from "./stopping.js";

const AMOUNT = 0.3; // how far "more like this" goes at first: near enough to know the melody again
const CONTINUE = 4; // bars, a phrase
export const TOOLS = ["select", "edit", "lock", "rhythm", "pitches", "free"];

/** The melody in hand and what plays. Events: "playing" (began, stopped, or another melody), "tool", "selection". */
export class Desk extends EventTarget {
  constructor(session, player) {
    super();
    this.session = session;
    this.player = player;
    this.roll = null; // set where the roll is mounted
    this.loaded = null; // the melody that the player has,
    this.playing = null; // and the id of the one that is heard
    this.cursor = 0; // the step where playing begins
    this.selection = null;
    this.looping = false;
    this.amount = AMOUNT;
    this.other = null; // the second melody of "between"
    this.bars = CONTINUE;
    session.addEventListener("change", () => this.#follow());
    player.addEventListener("start", () => this.#heard());
    player.addEventListener("stop", () => this.#heard());
  }

  /** The melodies of the set that is shown. */
  get candidates() {
    const state = this.session.state;
    const set = state?.sets.find((one) => one.id === state.at);
    return set ? set.melodies.map((id) => state.melodies[id]).filter(Boolean) : [];
  }

  /** The melody in the roll, or null. */
  get melody() {
    const state = this.session.state;
    return state?.melodies[state.chosen] ?? null;
  }

  /** Play a melody from its beginning; choose it if another one is in the roll. */
  playMelody(id) {
    const melody = this.session.state?.melodies[id];
    if (!melody) return;
    this.choose(id);
    this.cursor = 0;
    this.start(0);
  }

  /** Take a melody into the roll. */
  choose(id) {
    if (this.session.state.chosen === id) return;
    this.session.send({ do: "choose", melody: id });
    this.session.foresee({ chosen: id });
  }

  /** Do to the melody in hand what changes these of its parts, as `states`: shown at once (with `others`), and told to the server. */
  change(action, parts, others = {}) {
    const melody = this.melody;
    if (!melody) return;
    this.session.send({ do: action, melody: melody.id, ...parts });
    this.session.foresee({ melodies: { [melody.id]: { ...melody, ...parts, ...others } } });
  }

  /** Play from a step. */
  async start(step) {
    if (!this.loaded) return;
    await this.player.play(step);
    this.#heard();
  }

  /** Play the melody in hand from where the cursor stands, or stop. */
  togglePlay() {
    if (this.player.playing) this.player.stop();
    else if (this.loaded) this.start(this.looping && this.selection ? this.selection[0] : this.cursor);
  }

  /** Go to a step: there it plays on, or begins next time. */
  seek(step) {
    this.cursor = step;
    if (this.player.playing) this.start(step);
    this.#tell("selection");
  }

  /** Take [from, to] steps as what to loop, null for none. */
  mark(range) {
    this.selection = range;
    if (range) this.cursor = range[0];
    this.setLooping(Boolean(range));
  }

  /** Loop the selection or do not. */
  setLooping(on) {
    this.looping = on && Boolean(this.selection);
    this.player.loop = this.looping ? this.selection : null;
    this.#tell("selection");
  }

  /** Give the roll one of `TOOLS`. */
  setTool(tool) {
    if (this.roll) this.roll.tool = tool;
    this.#tell("tool");
  }

  // The state changed. What plays goes on where the same melody was edited, and begins anew where it is another one.
  #follow() {
    const melody = this.melody;
    if (melody === this.loaded) return;
    const another = melody?.id !== this.loaded?.id;
    if (another) {
      this.cursor = 0;
      this.mark(null);
    }
    if (!melody) {
      this.player.stop();
      this.loaded = null;
      return;
    }
    this.#load(melody);
    if (another && this.player.playing) this.start(0);
  }

  #load(melody) {
    const { states, chords } = melody;
    const same = this.loaded && this.loaded.id === melody.id && String(this.loaded.states) === String(states);
    this.loaded = melody;
    if (same && this.chordsLoaded === chords) return; // marks and locks change nothing that is heard
    this.chordsLoaded = chords;
    this.player.load({ notes: toNotes(states), steps: states.length, chords });
  }

  #heard() {
    this.playing = this.player.playing ? this.loaded?.id ?? null : null;
    this.#tell("playing");
  }

  #tell(kind) {
    this.dispatchEvent(new CustomEvent(kind));
  }
}

/** Return everything that the page does, by name: what buttons and keys call. */
export function makeActions(session, player, desk) {
  const send = (action) => session.send(action);
  // What is done to the melody in hand; nothing where there is none.
  const withMelody = (make) => () => desk.melody && send(make(desk.melody));
  const step = (by) => {
    const all = desk.candidates;
    const at = all.findIndex((melody) => melody.id === session.state.chosen);
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    if (next) desk.choose(next.id);
  };
  const go = (by) => {
    const { sets = [], at } = session.state ?? {};
    const next = sets[sets.findIndex((set) => set.id === at) + by];
    if (next) send({ do: "go", set: next.id });
  };
  const mark = (value) => withMelody(({ id, mark: now }) => ({ do: "mark", melody: id, mark: now === value ? 0 : value }));
  return {
    play: () => desk.togglePlay(),
    next: () => step(1),
    previous: () => step(-1),
    again: () => session.state && send({ do: "again" }),
    stopWork: () => stopWork(session),
    remake: withMelody(({ id }) => ({ do: "remake", melody: id })),
    continue: withMelody(({ id, bars }) => ({ do: "continue", melody: id, bars: bars + desk.bars })), // bars of it all
    like: withMelody(({ id }) => ({ do: "like", melody: id, amount: desk.amount })),
    between: () => {
      if (desk.melody && desk.other) send({ do: "between", first: desk.melody.id, last: desk.other });
    },
    thumbsUp: mark(1),
    thumbsDown: mark(-1),
    undo: withMelody(({ id }) => ({ do: "undo", melody: id })),
    redo: withMelody(({ id }) => ({ do: "redo", melody: id })),
    back: () => go(-1),
    forward: () => go(1),
    save: withMelody(({ id }) => ({ do: "save", melody: id })),
    loop: () => desk.setLooping(!desk.looping),
    zoomIn: () => desk.roll?.zoom(1.25),
    zoomOut: () => desk.roll?.zoom(0.8),
    zoomToFit: () => desk.roll?.zoomToFit(),
    focusRoll: () => document.querySelector("#roll [tabindex='0'], #roll[tabindex='0']")?.focus(),
  };
}
