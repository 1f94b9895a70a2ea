// What the keys do in the roll: everything that a pointer can.

import { changed, fitted, noteAt, STEPS_PER_BAR, STEPS_PER_BEAT, toNotes, withNote, withoutNote } from "./notes.js";
import { LOCK_NAMES, painted, toggled } from "./roll_locks.js";
import { barWords, noteWords, place } from "./roll_words.js";

const ZOOM = 1.4;

/** Answer a key; what the roll does not know goes on to the page. */
export function onKey(roll, event) {
  if (event.ctrlKey || event.metaKey) return;
  roll.byKeys = true;
  let done;
  if (roll.gesture) {
    done = event.key === "Escape";
    if (done) roll.gesture.cancel();
  } else {
    done = roll.activeTool === "edit" ? editKey(roll, event) : barKey(roll, event);
    done ||= zoomKey(roll, event);
  }
  roll.ask();
  if (!done) return;
  event.preventDefault();
  event.stopPropagation();
}

function zoomKey(roll, { key }) {
  if (key === "+" || key === "=") roll.zoom(ZOOM);
  else if (key === "-") roll.zoom(1 / ZOOM);
  else if (key === "0") roll.zoomToFit();
  else return false;
  return true;
}

// Select and the painters: a cursor of bars

function barKey(roll, { key, shiftKey, altKey }) {
  if (!roll.view.steps || altKey) return false;
  const last = Math.ceil(roll.view.steps / STEPS_PER_BAR) - 1;
  const to = { ArrowLeft: roll.barAt - 1, ArrowRight: roll.barAt + 1, Home: 0, End: last }[key];
  if (to !== undefined) {
    roll.barAt = Math.min(Math.max(to, 0), last);
    if (!shiftKey) roll.barAnchor = roll.barAt;
    roll.reveal(...roll.bars);
    if (roll.paint === undefined && shiftKey) mark(roll, roll.bars);
    else roll.say(barWords(roll.bars));
    return true;
  }
  if (key === "ArrowUp" || key === "ArrowDown") {
    roll.scrollBy(0, (key === "ArrowUp" ? -3 : 3) * roll.view.rowHeight);
    return true;
  }
  if (key === "Enter" || (roll.paint !== undefined && (key === "l" || key === "L"))) {
    if (roll.paint === undefined) roll.tell("onSeek", roll.bars[0]);
    else paintBars(roll);
    return true;
  }
  if (key !== "Escape") return false;
  const marked = roll.paint === undefined ? roll.range !== null : roll.barAnchor !== roll.barAt;
  roll.barAnchor = roll.barAt;
  if (marked && roll.paint === undefined) mark(roll, null);
  return marked;
}

function mark(roll, range) {
  roll.select(range);
  roll.tell("onSelect", range);
  roll.say(range ? `${barWords(range)} marked` : "nothing marked");
}

function paintBars(roll) {
  const lock = toggled(roll.locks, roll.bars, roll.paint);
  roll.lock(painted(roll.locks, roll.bars, lock));
  roll.say(`${barWords(roll.bars)}: ${LOCK_NAMES[lock]}`);
}

// Edit: a chosen note, or a cursor where a note can be put

function editKey(roll, event) {
  const { key } = event;
  if (key === "Tab") return goThrough(roll, event.shiftKey ? -1 : 1);
  if (!roll.chosen) return caretKey(roll, event);
  const note = roll.chosen;
  if (key === "Escape") {
    roll.caret = { pitch: note.pitch, start: note.start };
    roll.chosen = null;
    roll.leaving = true; // so that Tab leaves the roll
    roll.say(`cursor at ${place(note.start)}`);
    return true;
  }
  if (key === "Delete" || key === "Backspace") return remove(roll, note);
  if (key === "Enter") return putAfter(roll, note);
  if (key === "Home" || key === "End") return choose(roll, roll.notes.at(key === "Home" ? 0 : -1));
  const moved = movedBy(event, note, roll.view.steps);
  if (!moved) return false;
  put(roll, changed(roll.states, note, moved), moved, event.repeat);
  return true;
}

function movedBy({ key, shiftKey, altKey }, note, steps) {
  const up = { ArrowUp: 1, ArrowDown: -1 }[key];
  if (up) return fitted({ ...note, pitch: note.pitch + up * (shiftKey ? 12 : 1) }, steps);
  const along = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (!along) return null;
  const by = along * (shiftKey ? STEPS_PER_BEAT : 1);
  if (altKey) return { ...note, end: Math.min(Math.max(note.end + by, note.start + 1), steps) };
  return fitted({ ...note, start: note.start + by, end: note.end + by }, steps);
}

/** Make an edit and choose the note that it was about. */
function put(roll, states, note, held = false) {
  // chosen first: who is told of the edit may show the melody at once, and then finds it
  roll.chosen = note;
  if (held) {
    roll.setStates(states);
    roll.unsaid = true; // one edit when the key is let go, not thirty a second
  } else roll.edit(states);
  choose(roll, roll.noteAt(note.start));
}

function choose(roll, note) {
  roll.chosen = note ?? null;
  if (!note) return true;
  roll.leaving = false;
  roll.caret = { pitch: note.pitch, start: note.start };
  roll.reveal(note.start, note.end, note.pitch);
  roll.tell("onHear", note.pitch);
  roll.say(noteWords(note, roll.outside, roll.flats));
  return true;
}

/** Choose the next note in a direction; return false, so that Tab leaves the roll, after the last or if that was asked for. */
function goThrough(roll, direction) {
  const { notes, chosen, leaving } = roll;
  if (leaving) {
    roll.leaving = false;
    return false;
  }
  const index = chosen ? notes.findIndex(({ start }) => start === chosen.start) : -1;
  if (!chosen && direction < 0) return false;
  const next = chosen ? notes[index + direction] : (notes.find(({ end }) => end > roll.caret.start) ?? notes[0]);
  if (next) return choose(roll, next);
  roll.chosen = null;
  return false;
}

function remove(roll, note) {
  const states = withoutNote(roll.states, note);
  const notes = toNotes(states);
  roll.chosen = null;
  roll.edit(states);
  const next = notes.find(({ start }) => start > note.start) ?? notes.at(-1);
  if (next) choose(roll, next);
  else roll.caret = { pitch: note.pitch, start: note.start };
  roll.say(`removed${next ? `; ${noteWords(next, roll.outside, roll.flats)}` : ""}`);
  return true;
}

function putAfter(roll, note) {
  if (note.end >= roll.view.steps) return true;
  const added = { pitch: note.pitch, start: note.end, end: Math.min(note.end + note.end - note.start, roll.view.steps) };
  put(roll, withNote(roll.states, added), added);
  return true;
}

function caretKey(roll, { key, shiftKey, altKey }) {
  const { caret, view } = roll;
  const along = { ArrowLeft: -1, ArrowRight: 1 }[key];
  const up = { ArrowUp: 1, ArrowDown: -1 }[key];
  const end = { Home: 0, End: view.steps - 1 }[key];
  if (!view.steps) return false;
  if (altKey) return along !== undefined; // meant for a note's length; a browser would go back in its history
  if (key === "Enter") {
    const under = noteAt(roll.notes, caret.start);
    if (under && under.pitch === caret.pitch) return choose(roll, under);
    const added = fitted({ ...caret, end: Math.min(caret.start + STEPS_PER_BEAT, view.steps) }, view.steps);
    put(roll, withNote(roll.states, added), added);
    return true;
  }
  if (!along && !up && end === undefined) return false;
  const start = end ?? caret.start + (along ?? 0) * (shiftKey ? STEPS_PER_BAR : 1);
  const to = fitted({ pitch: caret.pitch + (up ?? 0) * (shiftKey ? 12 : 1), start, end: start + 1 }, view.steps);
  roll.caret = { pitch: to.pitch, start: to.start };
  roll.reveal(to.start, to.end, to.pitch);
  roll.say(noteWords(to, [], roll.flats).replace(/, a sixteenth$/, ""));
  return true;
}
