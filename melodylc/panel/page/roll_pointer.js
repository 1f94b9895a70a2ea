// What mouse, pen and fingers do in the roll. One gesture at a time: {move(point), drop(point), cancel()}.

import { STEPS_PER_BEAT, withoutNote } from "./notes.js";
import { drawNoteGesture, moveNote, stretchNote } from "./roll_editing.js";
import { barsBetween, LOCK_NAMES, notesBetween, painted, toggled } from "./roll_locks.js";
import { NOWHERE, scrollBar } from "./roll_moving.js";
import { barWords, noteWords } from "./roll_words.js";

const STILL = 4; // pixels that a pointer may move and still have clicked
const TWICE = 400; // milliseconds between the presses of a double click
const EDGE = { mouse: 5, pen: 7, touch: 14 }; // pixels around an edge that take hold of it
const DRIFT = 14; // pixels a frame that the roll scrolls while something is dragged beyond its side
const LINE = 16; // pixels of a line of a wheel that counts in lines

/** Listen to pointers and wheel until the signal says otherwise. */
export function listenToPointers(roll, signal) {
  const listen = (type, call, options = {}) => roll.element.addEventListener(type, call, { signal, ...options });
  const fingers = new Map(); // touches by id: two of them zoom and scroll
  let press = { time: -Infinity, x: 0, y: 0, note: null };
  let held = null; // id of the pointer that makes the gesture

  const point = ({ clientX, clientY, pointerType }) => {
    const box = roll.element.getBoundingClientRect();
    return pointAt(roll, clientX - box.left - roll.element.clientLeft, clientY - box.top - roll.element.clientTop, pointerType);
  };

  listen("pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 1) return;
    if (!roll.view.steps) return;
    if (event.pointerType === "touch") fingers.set(event.pointerId, point(event));
    roll.element.setPointerCapture(event.pointerId);
    roll.byKeys = false;
    if (fingers.size === 2) {
      roll.gesture?.cancel();
      begin(roll, pinch(roll, fingers));
      return;
    }
    if (roll.gesture) return;
    const at = point(event);
    const twice =
      event.timeStamp - press.time < TWICE && Math.hypot(at.x - press.x, at.y - press.y) < 2 * STILL &&
      press.note !== null && at.note?.start === press.note.start;
    press = { time: twice ? -Infinity : event.timeStamp, x: at.x, y: at.y, note: at.note };
    held = event.pointerId;
    roll.hover = NOWHERE;
    if (event.button === 1) begin(roll, pan(roll, at));
    else if (twice && roll.activeTool === "edit") removeNote(roll, at.note);
    else begin(roll, gestureAt(roll, at), at);
  });

  listen("pointermove", (event) => {
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, point(event));
    if (!roll.gesture) {
      if (event.pointerType !== "touch") hoverAt(roll, point(event));
    } else if (roll.gesture.fingers || event.pointerId === held) {
      roll.gesture.last = point(event);
      roll.gesture.move(roll.gesture.last);
      drift(roll);
      roll.ask();
    }
  });

  const end = (event, call) => {
    const was = fingers.delete(event.pointerId);
    if (!roll.gesture || !(event.pointerId === held || (was && roll.gesture.fingers))) return;
    const { gesture } = roll;
    if (call === "cancel") gesture.cancel();
    else finish(roll, () => gesture.drop(point(event)));
    if (event.pointerType !== "touch") hoverAt(roll, point(event));
  };
  listen("pointerup", (event) => end(event, "drop"));
  listen("pointercancel", (event) => end(event, "cancel"));
  listen("lostpointercapture", (event) => end(event, "cancel"));
  listen("pointerleave", () => hoverAt(roll, null));
  listen("mousedown", (event) => event.button === 1 && event.preventDefault()); // no scrolling of the browser's own
  listen("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault()); // a finger that rests
  listen("wheel", (event) => onWheel(roll, event, point(event)), { passive: false });
}

/** Return what lies at a place of the element. */
function pointAt(roll, x, y, kind = "mouse") {
  const { view } = roll;
  const part = view.part(x, y);
  const step = view.step(x);
  const pitch = view.pitch(y);
  const bar = scrollBar(view);
  const reach = EDGE[kind] ?? EDGE.mouse;
  const found = { x, y, step, pitch, part, reach, kind, note: null, edge: false };
  if (bar && y >= bar.y - 2 && x >= view.left) return { ...found, part: "scroll" };
  if (part !== "rows") return found;
  // low rows are hard to hit with a finger: a row beside the note will do
  const near = kind === "touch" && view.rowHeight < 20 ? 1 : 0;
  const under = [roll.noteAt(step), roll.noteAt(view.step(x - reach / 2))].find(
    (note) => note && Math.abs(note.pitch - pitch) <= near,
  );
  if (!under) return found;
  const width = (under.end - under.start) * view.stepWidth;
  return { ...found, note: under, edge: view.x(under.end) - x <= Math.min(reach, width / 3) };
}

function begin(roll, gesture, at = null) {
  if (!gesture) return;
  const { cancel } = gesture;
  gesture.cancel = () => finish(roll, cancel);
  gesture.last = at;
  roll.gesture = gesture;
  roll.ask();
}

function finish(roll, call) {
  roll.gesture = null; // first: what is called may show another melody
  call?.();
  roll.catchUp();
  roll.describe();
  roll.ask();
}

/** Scroll, frame after frame, while something is held beyond a side. */
function drift(roll) {
  const { view, gesture } = roll;
  if (!gesture.drifts || gesture.drifting) return;
  const next = () => {
    gesture.drifting = false;
    if (roll.gesture !== gesture) return;
    const { x, y, kind } = gesture.last;
    const by = x > view.width - 6 ? DRIFT : x < view.left + 2 ? -DRIFT : 0;
    const down = !gesture.tall ? 0 : y > view.height - 4 ? DRIFT / 2 : y < view.top + 2 ? -DRIFT / 2 : 0;
    if (!view.scrollBy(by, down)) return;
    if (down) roll.layers.forget();
    gesture.last = pointAt(roll, x, y, kind);
    gesture.move(gesture.last);
    roll.ask();
    gesture.drifting = true;
    requestAnimationFrame(next);
  };
  gesture.drifting = true;
  requestAnimationFrame(next);
}

function gestureAt(roll, at) {
  if (at.part === "scroll") return scroll(roll, at);
  if (at.part === "keys") return playKeys(roll, at);
  if (roll.paint !== undefined) return paint(roll, at);
  if (roll.activeTool !== "edit" || at.part !== "rows") return mark(roll, at);
  if (!at.note) return drawNoteGesture(roll, at);
  roll.chosen = at.note;
  roll.tell("onHear", at.note.pitch);
  roll.say(noteWords(at.note, roll.outside, roll.flats));
  return at.edge ? stretchNote(roll, at) : moveNote(roll, at, STILL);
}

function removeNote(roll, note) {
  roll.chosen = null;
  roll.edit(withoutNote(roll.states, note));
  roll.say("removed");
}

function playKeys(roll, at) {
  let heard = null;
  const move = ({ pitch, y }) => {
    if (y < roll.view.top) return;
    roll.hover = { ...NOWHERE, pitch, part: "keys" };
    if (pitch !== heard) roll.tell("onHear", pitch);
    heard = pitch;
  };
  move(at);
  return { move, drop() {}, cancel() {} };
}

function scroll(roll, at) {
  const { view } = roll;
  const bar = scrollBar(view);
  const whole = view.steps * view.stepWidth - view.bodyWidth;
  const room = Math.max(view.bodyWidth - bar.width, 1);
  // a press beside the bar brings its middle there
  const hold = at.x >= bar.x && at.x <= bar.x + bar.width ? at.x - bar.x : bar.width / 2;
  const move = ({ x }) => roll.scrollBy(((x - hold - view.left) / room) * whole - view.scroll, 0);
  move(at);
  return { move, drop() {}, cancel() {} };
}

function pan(roll, at) {
  let { x, y } = at;
  const move = (to) => {
    roll.scrollBy(x - to.x, y - to.y);
    ({ x, y } = to);
  };
  return { move, drop() {}, cancel() {} };
}

function pinch(roll, fingers) {
  const seen = () => {
    const [first, second] = [...fingers.values()];
    return { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2, apart: Math.max(Math.hypot(first.x - second.x, first.y - second.y), 10) };
  };
  let last = seen();
  return {
    fingers: true,
    move() {
      const now = seen();
      roll.scrollBy(last.x - now.x, last.y - now.y);
      roll.zoom(now.apart / last.apart, now.x);
      last = now;
    },
    drop() {},
    cancel() {},
  };
}

/** Mark a stretch, or with a click put the playhead there. */
function mark(roll, at) {
  const { view } = roll;
  const before = roll.range;
  const unit = view.stepWidth >= 9 ? 1 : STEPS_PER_BEAT; // as fine as can be aimed at
  const edge = before?.findIndex((step) => Math.abs(view.x(step) - at.x) <= at.reach) ?? -1;
  const fixed = edge >= 0 ? before[1 - edge] : at.step;
  const byBars = edge < 0 && at.part !== "rows";
  let moved = false;
  const range = (step) => {
    const inside = Math.min(Math.max(step, 0), view.steps - 0.001);
    if (byBars) return barsBetween(fixed, inside, view.steps);
    const [low, high] = [Math.min(fixed, inside), Math.max(fixed, inside)];
    // a held edge goes to the nearest line; a new stretch takes in what it touches
    const [down, up] = edge >= 0 ? [Math.round, Math.round] : [Math.floor, Math.ceil];
    const from = Math.max(down(low / unit) * unit, 0);
    return [from, Math.min(Math.max(up(high / unit) * unit, from + unit), view.steps)];
  };
  return {
    drifts: true,
    move({ x, step }) {
      moved ||= Math.abs(x - at.x) > STILL;
      if (moved) roll.range = range(step);
    },
    drop() {
      if (moved) {
        roll.tell("onSelect", roll.range.slice());
        roll.say(`${barWords(roll.range)} marked`);
        return;
      }
      const step = Math.min(Math.max(Math.floor(at.step), 0), view.steps - 1);
      if (at.note) {
        roll.tell("onHear", at.note.pitch);
        roll.say(noteWords(at.note, roll.outside, roll.flats));
      }
      if (before && (step < before[0] || step >= before[1])) {
        roll.range = null;
        roll.tell("onSelect", null);
      }
      roll.tell("onSeek", step);
    },
    cancel() {
      roll.range = before;
    },
  };
}

function paintRange(roll, from, to, part) {
  const { steps } = roll.view;
  const first = Math.min(Math.max(from, 0), steps - 1);
  const last = Math.min(Math.max(to, 0), steps - 1);
  return part === "ruler" || part === "chords" ? barsBetween(first, last, steps) : notesBetween(first, last, roll.notes, steps);
}

function paint(roll, at) {
  const before = roll.locks;
  const lock = toggled(before, paintRange(roll, at.step, at.step, at.part), roll.paint);
  const move = ({ step, x, y }) => {
    const range = paintRange(roll, at.step, step, at.part);
    const { painting } = roll;
    roll.painting = { range, lock, x, y: Math.max(y, roll.view.top) };
    if (painting?.range[0] === range[0] && painting.range[1] === range[1]) return;
    roll.setLocks(painted(before, range, lock));
  };
  const back = () => {
    roll.painting = null;
    roll.setLocks(before);
  };
  move(at);
  return {
    drifts: true,
    move,
    drop() {
      const { range } = roll.painting;
      back();
      roll.lock(painted(before, range, lock));
      roll.say(`${barWords(range)}: ${LOCK_NAMES[lock]}`);
    },
    cancel: back,
  };
}

function hoverAt(roll, at) {
  const hover = { ...NOWHERE, part: at?.part ?? null };
  let cursor = roll.activeTool === "select" ? "default" : "crosshair";
  if (at && roll.view.steps) {
    const { part } = at;
    if (part === "keys" || part === "scroll") cursor = "default";
    if ((part === "keys" && at.y >= roll.view.top) || part === "rows") hover.pitch = at.pitch;
    if (part === "rows") hover.note = at.note;
    if (part === "chords") hover.chord = roll.chords.find(({ start, end }) => start <= at.step && at.step < end) ?? null;
    if (roll.paint !== undefined && part !== "keys" && part !== "scroll") {
      hover.range = paintRange(roll, at.step, at.step, part);
    } else if (roll.activeTool === "edit" && part === "rows") {
      if (at.note) cursor = at.edge ? "ew-resize" : "grab";
    } else if (part !== "keys" && roll.range?.some((step) => Math.abs(roll.view.x(step) - at.x) <= at.reach)) {
      cursor = "ew-resize";
    }
  }
  if (roll.element.style.cursor !== cursor) roll.element.style.cursor = cursor;
  const { hover: was } = roll;
  const still =
    was.pitch === hover.pitch && was.part === hover.part && was.chord === hover.chord && was.note?.start === hover.note?.start &&
    was.range?.[0] === hover.range?.[0] && was.range?.[1] === hover.range?.[1];
  roll.hover = hover;
  if (!still) roll.ask();
}

function onWheel(roll, event, at) {
  const scale = event.deltaMode === 1 ? LINE : event.deltaMode === 2 ? roll.view.bodyHeight : 1;
  let dx = event.deltaX * scale;
  let dy = event.deltaY * scale;
  if (event.ctrlKey) {
    event.preventDefault(); // else the browser zooms the page
    const factor = Math.exp(-Math.min(Math.max(dy, -60), 60) * 0.006);
    if (event.shiftKey || at.part === "keys") zoomRows(roll, factor, at.y);
    else roll.zoom(factor, at.x);
    if (!roll.gesture) hoverAt(roll, pointAt(roll, at.x, at.y, at.kind));
    return;
  }
  if (event.shiftKey && !dx) [dx, dy] = [dy, 0];
  // at the upper and lower end the page goes on scrolling; at the sides a browser would leave the page
  if (roll.scrollBy(dx, dy) || Math.abs(dx) > Math.abs(dy)) event.preventDefault();
  if (!roll.gesture) hoverAt(roll, pointAt(roll, at.x, at.y, at.kind)); // what lies there now
}

function zoomRows(roll, factor, y) {
  roll.view.zoomRows(factor, y);
  roll.fits.rows = false;
  roll.redraw();
}
