// Notes made, moved and made longer or shorter with a pointer. Each step of a drag starts from what was there before it,
// so that a note that was dragged over another and back has harmed nothing.

import { changed, fitted, noteAt, toNotes, withNote } from "./notes.js";
import { noteWords } from "./roll_words.js";

const FIRST_LENGTH = 4; // steps of a note that is only clicked, until the user makes one of another length

function gesture(roll, before, note, result) {
  let shown = note;
  const show = (next) => {
    if (shown && next.pitch === shown.pitch && next.start === shown.start && next.end === shown.end) return;
    if (next.pitch !== shown?.pitch) roll.tell("onHear", next.pitch);
    roll.setStates(result(next));
    roll.chosen = noteAt(roll.notes, next.start);
    shown = next;
  };
  return {
    drifts: true,
    show,
    drop() {
      const { chosen } = roll;
      roll.edit(roll.states, before);
      if (chosen) roll.say(noteWords(chosen, roll.outside, roll.flats));
    },
    cancel() {
      roll.setStates(before);
      roll.chosen = note;
    },
  };
}

/** Begin a new note where nothing is; dragging gives its length. */
export function drawNoteGesture(roll, at) {
  const before = roll.states;
  const { steps } = roll.view;
  const start = Math.min(Math.max(Math.floor(at.step), 0), steps - 1);
  const next = toNotes(before).find((note) => note.start > start)?.start ?? steps;
  const click = Math.min(start + (roll.lastLength ?? FIRST_LENGTH), next); // a click covers no other note
  const made = gesture(roll, before, null, (note) => withNote(before, note));
  const unmoved = at.x;
  let dragged = false;
  made.show({ pitch: at.pitch, start, end: click });
  made.move = ({ x, step }) => {
    dragged ||= Math.abs(x - unmoved) > 4;
    if (!dragged) return;
    const end = Math.min(Math.max(Math.ceil(step), start + 1), steps);
    made.show({ pitch: at.pitch, start, end });
    roll.lastLength = end - start;
  };
  return made;
}

/** Move a note: along by whole sixteenths, up and down by semitones. */
export function moveNote(roll, at, still) {
  const before = roll.states;
  const { note } = at;
  let moving = false;
  const made = gesture(roll, before, note, (next) => changed(before, note, next));
  made.tall = true;
  made.move = ({ x, y, step, pitch }) => {
    moving ||= Math.hypot(x - at.x, y - at.y) > still;
    if (!moving) return;
    roll.element.style.cursor = "grabbing";
    const by = Math.round(step - at.step);
    const up = pitch - at.pitch;
    made.show(fitted({ pitch: note.pitch + up, start: note.start + by, end: note.end + by }, roll.view.steps));
  };
  return made;
}

/** Draw the right edge of a note. */
export function stretchNote(roll, at) {
  const before = roll.states;
  const { note } = at;
  const hold = note.end - at.step; // the edge need not be hit exactly
  const made = gesture(roll, before, note, (next) => changed(before, note, next));
  made.move = ({ step }) => {
    const end = Math.min(Math.max(Math.round(step + hold), note.start + 1), roll.view.steps);
    made.show({ ...note, end });
    if (end !== note.end) roll.lastLength = end - note.start;
  };
  return made;
}
