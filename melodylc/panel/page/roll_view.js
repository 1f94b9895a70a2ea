// Where things are in the roll: steps and pitches to pixels of the element (CSS pixels) and back.

import { HIGHEST_PITCH, STEPS_PER_BAR } from "./notes.js";

const KEYS = 44; // width of the keyboard at the left
const RULER = 20;
const CHORDS = 18;
const LANE = 12; // locks
const MOST_STEP = 64; // pixels a step, at the largest zoom
const ROW = { least: 5, most: 26, fit: 18 };
const SPARE_ROWS = 12; // an octave beyond the melody on both sides can be scrolled to

/** The part of a melody that is seen. */
export class View {
  constructor() {
    this.width = 0;
    this.height = 0;
    this.dpr = 1;
    this.steps = 0;
    this.chords = false;
    this.stepWidth = 4;
    this.rowHeight = 12;
    this.scroll = 0; // pixels from the start of the melody to the left edge of the rows
    this.above = 0; // pixels from the top of the highest MIDI pitch to the upper edge of the rows
    this.lowest = 48;
    this.highest = 84;
  }

  get left() {
    return KEYS;
  }
  get ruler() {
    return RULER;
  }
  get chordsTop() {
    return RULER;
  }
  get laneTop() {
    return RULER + (this.chords ? CHORDS : 0);
  }
  get top() {
    return this.laneTop + LANE;
  }
  get bodyWidth() {
    return Math.max(this.width - KEYS, 1);
  }
  get bodyHeight() {
    return Math.max(this.height - this.top, 1);
  }

  /** Round to whole device pixels, so that lines are crisp. */
  snap(pixels) {
    return Math.round(pixels * this.dpr) / this.dpr;
  }
  x(step) {
    return KEYS + step * this.stepWidth - this.scroll;
  }
  step(x) {
    return (x - KEYS + this.scroll) / this.stepWidth;
  }
  y(pitch) {
    return this.top + (HIGHEST_PITCH - pitch) * this.rowHeight - this.above;
  }
  pitch(y) {
    const pitch = HIGHEST_PITCH - Math.floor((y - this.top + this.above) / this.rowHeight);
    return Math.min(Math.max(pitch, 0), HIGHEST_PITCH);
  }

  /** Return which strip a point lies in: "keys", "ruler", "chords", "lane" or "rows". */
  part(x, y) {
    if (x < KEYS) return "keys";
    if (y < RULER) return "ruler";
    if (y < this.laneTop) return "chords";
    return y < this.top ? "lane" : "rows";
  }

  /** Say which pitches the melody has, so that it can be scrolled to an octave beyond. */
  reach(lowest, highest) {
    this.lowest = Math.max(0, lowest - SPARE_ROWS);
    this.highest = Math.min(HIGHEST_PITCH, highest + SPARE_ROWS);
  }

  get leastStep() {
    return this.steps ? this.bodyWidth / this.steps : 1;
  }

  /** Scroll by pixels; return whether that moved anything. */
  scrollBy(dx, dy) {
    const before = [this.scroll, this.above];
    this.scroll += dx;
    this.above += dy;
    this.clamp();
    return Math.abs(before[0] - this.scroll) + Math.abs(before[1] - this.above) > 0.01;
  }

  clamp() {
    this.rowHeight = Math.min(Math.max(this.rowHeight, ROW.least), ROW.most);
    this.stepWidth = Math.max(Math.min(this.stepWidth, MOST_STEP), this.leastStep);
    this.scroll = Math.min(Math.max(this.scroll, 0), Math.max(this.steps * this.stepWidth - this.bodyWidth, 0));
    const first = (HIGHEST_PITCH - this.highest) * this.rowHeight;
    const last = (HIGHEST_PITCH + 1 - this.lowest) * this.rowHeight - this.bodyHeight;
    // a taller element than the range: the range in the middle
    this.above = last < first ? (first + last) / 2 : Math.min(Math.max(this.above, first), last);
  }

  /** Zoom in time, so that what is at a point stays there. */
  zoom(factor, x = KEYS + this.bodyWidth / 2) {
    const step = this.step(x);
    this.stepWidth *= factor;
    this.clamp();
    this.scroll = step * this.stepWidth - (x - KEYS);
    this.clamp();
  }

  /** Make the rows taller or lower, so that what is at a point stays there. */
  zoomRows(factor, y = this.top + this.bodyHeight / 2) {
    const rows = (y - this.top + this.above) / this.rowHeight;
    this.rowHeight *= factor;
    this.clamp();
    this.above = rows * this.rowHeight - (y - this.top);
    this.clamp();
  }

  /** Show the pitches from lowest to highest in the middle, as tall as they can be. */
  fitRows(lowest, highest) {
    const rows = Math.max(highest - lowest + 1 + 4, 20); // two rows of air on both sides, at least an octave and a half
    this.rowHeight = Math.min(this.bodyHeight / rows, ROW.fit);
    this.clamp();
    this.above = (HIGHEST_PITCH - (lowest + highest) / 2 + 0.5) * this.rowHeight - this.bodyHeight / 2;
    this.clamp();
  }

  fitSteps() {
    this.stepWidth = this.leastStep;
    this.scroll = 0;
    this.clamp();
  }

  /** Scroll as little as shows a stretch of steps and, if given, a pitch. */
  reveal(from, to, pitch = null) {
    const air = Math.min(this.bodyWidth / 8, STEPS_PER_BAR * this.stepWidth);
    const left = from * this.stepWidth;
    const right = to * this.stepWidth;
    if (left < this.scroll) this.scroll = left - air;
    else if (right > this.scroll + this.bodyWidth) this.scroll = Math.min(right + air - this.bodyWidth, left);
    if (pitch !== null) {
      const y = (HIGHEST_PITCH - pitch) * this.rowHeight;
      if (y < this.above) this.above = y - 2 * this.rowHeight;
      else if (y + this.rowHeight > this.above + this.bodyHeight) this.above = y + 3 * this.rowHeight - this.bodyHeight;
    }
    this.clamp();
  }
}
