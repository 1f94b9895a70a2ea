// The piano roll: shows a melody, says what the user does to it. What it draws with is in roll_layers.js (still) and
// roll_moving.js (each frame), what it listens with in roll_pointer.js and roll_keyboard.js.

import { noteAt, same, STEPS_PER_BAR, toNotes } from "./notes.js";
import { onThemeChange, readColours } from "./roll_colours.js";
import { isFlatKey } from "./pitches.js";
import { onKey } from "./roll_keyboard.js";
import { Layers } from "./roll_layers.js";
import { PAINTS } from "./roll_locks.js";
import { drawKeyHover, drawMoving, NOWHERE } from "./roll_moving.js";
import { listenToPointers } from "./roll_pointer.js";
import { View } from "./roll_view.js";
import { keyWords, melodyWords } from "./roll_words.js";

export { drawMini } from "./roll_small.js";
export { onThemeChange };

const LEADING = 0.08; // of the width: where the playhead stands after a page is turned

let count = 0; // ids of the texts that describe rolls

function hiddenText(id) {
  const text = document.createElement("div");
  text.id = id;
  Object.assign(text.style, {
    position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap",
  });
  return text;
}

export class PianoRoll {
  /** Fill an element with a roll. The handlers, all optional: onEdit, onLock, onSeek, onSelect, onHear. */
  constructor(element, handlers = {}) {
    this.element = element;
    this.handlers = handlers;
    this.view = new View();
    this.layers = new Layers();
    this.given = null; // the melody as it was shown last
    this.range = null; // [from, to] of the stretch that is marked
    this.at = null; // the playhead
    this.chosen = null; // the note that keys change
    this.caret = { pitch: 60, start: 0 }; // where keys put a note
    this.barAt = this.barAnchor = 0; // the bars that keys lock
    this.hover = NOWHERE;
    this.painting = null;
    this.gesture = null;
    this.focused = this.byKeys = false;
    this.following = true;
    this.pending = null; // what was to be shown while the user dragged
    this.unsaid = false; // whether a key that is held down changes notes
    this.fits = { steps: true, rows: true }; // until the user zooms
    this.currentTool = "select";
    this.frame = 0;
    this.#build();
    this.#take(null);
    this.#offer();
    this.#resize();
  }

  #build() {
    const { element } = this;
    const id = `roll-keys-${++count}`;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    Object.assign(this.canvas.style, { position: "absolute", inset: "0", width: "100%", height: "100%", display: "block" });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.live = hiddenText(`roll-said-${count}`);
    this.live.setAttribute("aria-live", "polite");
    this.keysText = hiddenText(id);
    element.replaceChildren(this.canvas, this.live, this.keysText);
    if (getComputedStyle(element).position === "static") element.style.position = "relative";
    Object.assign(element.style, { overflow: "hidden", touchAction: "none", userSelect: "none" });
    const attributes = { role: "application", tabindex: "0", "aria-roledescription": "piano roll", "aria-describedby": id };
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);

    this.colours = readColours(element);
    this.ending = new AbortController();
    const listen = (type, call) => element.addEventListener(type, call, { signal: this.ending.signal });
    listen("keydown", (event) => onKey(this, event));
    listen("keyup", () => this.settle());
    listen("focus", () => this.#focus(true));
    listen("blur", () => this.#focus(false));
    listenToPointers(this, this.ending.signal);
    this.endTheme = onThemeChange(() => {
      this.colours = readColours(element);
      this.redraw();
    });
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(element);
  }

  #focus(has) {
    this.focused = has;
    if (!has) this.settle();
    this.byKeys = has && this.element.matches(":focus-visible");
    this.ask();
  }

  #resize() {
    const { view, canvas } = this;
    view.width = this.element.clientWidth;
    view.height = this.element.clientHeight;
    view.dpr = window.devicePixelRatio || 1;
    canvas.width = Math.max(Math.round(view.width * view.dpr), 1);
    canvas.height = Math.max(Math.round(view.height * view.dpr), 1);
    this.#fit();
    this.redraw();
    this.draw(); // at once: a canvas whose size was set is empty until it is drawn
  }

  #fit() {
    if (this.fits.steps) this.view.fitSteps();
    if (this.fits.rows) this.view.fitRows(...this.#pitches());
    this.view.clamp();
  }

  #pitches() {
    const pitches = this.notes.map(({ pitch }) => pitch);
    return pitches.length ? [Math.min(...pitches), Math.max(...pitches)] : [60, 76];
  }

  /**
   * Show a melody, or with null an empty roll. The same melody again keeps zoom, place and the chosen note, another of
   * the same length the zoom in time: what is looked at is often a bar that was remade.
   */
  show(melody, { tonic = melody?.tonic ?? null, readOnly = false } = {}) {
    const another = melody?.id !== this.given?.id;
    const longer = (melody?.states.length ?? 0) !== this.view.steps;
    if (!another && !longer && (this.gesture || this.unsaid)) {
      this.pending = [melody, { tonic, readOnly }]; // not under the user's hand
      return;
    }
    const chosen = another ? null : this.chosen;
    this.pending = null;
    this.unsaid = false;
    this.gesture?.cancel();
    this.readOnly = readOnly;
    this.#take(melody, tonic);
    this.#offer();
    if (this.hover.note) this.hover = NOWHERE; // it may be another note now
    this.chosen = chosen && this.notes.find(({ start, pitch }) => start === chosen.start && pitch === chosen.pitch);
    if (another || longer) {
      this.hover = NOWHERE;
      this.fits = { steps: this.fits.steps || longer, rows: true };
      if (longer) this.range = null;
      if (longer) this.barAt = this.barAnchor = 0;
      this.caret = { pitch: this.notes[0]?.pitch ?? 60, start: 0 };
      this.#fit();
    }
    this.redraw();
  }

  #take(melody, tonic = null) {
    this.given = melody;
    this.tonic = tonic;
    this.allowed = melody?.allowed ? new Set(melody.allowed) : null;
    this.flats = isFlatKey(this.tonic, this.allowed);
    this.chords = melody?.chords ?? [];
    const states = melody ? Array.from(melody.states) : [];
    this.locks = states.map((_, step) => melody.locks?.[step] ?? 0);
    this.view.steps = states.length;
    this.view.chords = this.chords.length > 0;
    this.setStates(states);
  }

  /** Show other states of the same melody, as while a note is dragged. */
  setStates(states) {
    const given = this.given ?? { states: [], outside: [] };
    this.states = states;
    this.notes = toNotes(states);
    // what was judged holds for the notes that are still where they were; of the others the server will tell
    this.outside = (given.outside ?? []).filter(([step]) => states[step] === given.states[step]);
    this.wrong = new Set(this.outside.map(([step]) => step));
    this.view.reach(...this.#pitches());
    this.layers.forget("notes");
    this.describe();
    this.ask();
  }

  setLocks(locks) {
    this.locks = locks;
    this.layers.forget("notes", "head");
    this.describe();
    this.ask();
  }

  /** Show states that the user made, and hand them on if they are not what was there. */
  edit(states, before = this.states) {
    this.unsaid = false;
    this.setStates(states);
    if (!same(states, before)) this.tell("onEdit", states.slice());
  }

  lock(locks) {
    const changed = !same(locks, this.locks);
    this.setLocks(locks);
    if (changed) this.tell("onLock", locks.slice());
  }

  /** Call a handler, where there is one. */
  tell(name, value) {
    if (name === "onEdit" || name === "onLock") this.pending = null; // what comes back knows of this
    this.handlers[name]?.(value);
  }

  /** Say something to those who hear the page. */
  say(text) {
    // the same text again is only read when the node changes
    this.live.textContent = this.live.textContent === text ? `${text}\u00a0` : text;
  }

  /** Hand on what a key that was held down has changed. */
  settle() {
    if (!this.unsaid) return;
    this.unsaid = false;
    this.tell("onEdit", this.states.slice());
  }

  /** Show what came while the user was at it. */
  catchUp() {
    if (this.pending) this.show(...this.pending);
  }

  describe() {
    if (this.gesture) return; // while a note is dragged the label would change many times
    this.element.setAttribute("aria-label", melodyWords(this.notes, this.view.steps, this.outside, this.locks));
  }

  get tool() {
    return this.currentTool;
  }
  set tool(name) {
    this.gesture?.cancel();
    this.currentTool = name;
    this.hover = NOWHERE;
    if (this.activeTool !== "edit") this.chosen = null;
    this.#offer();
    this.ask();
  }

  /** Say and show what the tool does. */
  #offer() {
    this.keysText.textContent = keyWords(this.activeTool);
    this.element.style.cursor = this.activeTool === "select" ? "default" : "crosshair";
  }

  /** The tool in effect: a melody that is only to be read is neither edited nor painted. */
  get activeTool() {
    return this.readOnly || !this.given ? "select" : this.currentTool;
  }

  /** The lock that the tool paints, or undefined. */
  get paint() {
    return PAINTS[this.activeTool];
  }

  /** The steps of the bars that the cursor of the keyboard covers. */
  get bars() {
    const [low, high] = [Math.min(this.barAt, this.barAnchor), Math.max(this.barAt, this.barAnchor)];
    return [low * STEPS_PER_BAR, Math.min((high + 1) * STEPS_PER_BAR, this.view.steps)];
  }

  /** Put the playhead at a step; null takes it away. The view turns a page where it would leave. */
  playhead(step) {
    if (step === null && this.at === null) return;
    const { view } = this;
    const before = this.at;
    this.at = step;
    if (step === null || before === null) this.following = true;
    if (step !== null && !this.gesture) {
      const x = view.x(step) - view.left;
      const inside = x >= 0 && x <= view.bodyWidth - 2;
      if (inside) this.following = true;
      // somebody who scrolled away while it plays stays there until it comes by
      else if (this.following && view.scrollBy(x - LEADING * view.bodyWidth, 0)) this.hover = NOWHERE;
    }
    this.draw();
  }

  /** Mark a stretch of steps, [from, to], or none. */
  select(range) {
    this.range = range ? [...range] : null;
    this.ask();
  }

  /** Zoom in time, about a point or else the playhead, the chosen note or the middle. */
  zoom(factor, x) {
    const { view } = this;
    const about = this.at ?? this.chosen?.start ?? null;
    const seen = about !== null && view.x(about) >= view.left && view.x(about) <= view.width;
    view.zoom(factor, x ?? (seen ? view.x(about) : undefined));
    this.fits.steps = view.stepWidth <= view.leastStep * 1.001;
    this.hover = NOWHERE; // what lay under the pointer is elsewhere
    this.redraw();
  }

  zoomToFit() {
    this.fits = { steps: true, rows: true };
    this.#fit();
    this.hover = NOWHERE;
    this.redraw();
  }

  /** Scroll by pixels as a user does; return whether anything moved. */
  scrollBy(dx, dy) {
    if (!this.view.scrollBy(dx, dy)) return false;
    this.following = this.at === null;
    this.hover = NOWHERE;
    if (dy) {
      this.fits.rows = false;
      this.layers.forget();
    }
    this.ask();
    return true;
  }

  /** Scroll to what the keys are at. */
  reveal(from, to, pitch) {
    const { above } = this.view;
    this.view.reveal(from, to, pitch);
    if (this.view.above !== above) this.layers.forget();
    this.ask();
  }

  noteAt(step) {
    return noteAt(this.notes, step);
  }

  /** Draw all layers again, at the next frame. */
  redraw() {
    this.layers.forget();
    this.ask();
  }

  /** Draw at the next frame. */
  ask() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /** Draw a frame now. */
  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { view, context, layers, colours } = this;
    if (!view.width || !view.height) return;
    if (view.dpr !== window.devicePixelRatio) return this.#resize(); // the window came to another screen
    layers.refresh(this);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    layers.copy(context, view);
    drawMoving(context, this);
    layers.copyKeys(context, view, colours);
    drawKeyHover(context, this);
  }

  /** Take the roll out of its element. */
  destroy() {
    this.gesture?.cancel();
    cancelAnimationFrame(this.frame);
    this.ending.abort();
    this.observer.disconnect();
    this.endTheme();
    this.element.replaceChildren();
    for (const name of ["role", "tabindex", "aria-label", "aria-roledescription", "aria-describedby"]) {
      this.element.removeAttribute(name);
    }
  }
}
