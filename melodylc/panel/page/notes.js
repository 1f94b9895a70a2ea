// Melodies as the whole panel has them: plain arrays of states, 16 steps a bar. 0..127: a note of that pitch starts.
// These functions never change what they are given; what they return is canonical: no HOLD where nothing sounds.

export const HOLD = 128;
export const REST = 129;
export const STEPS_PER_BAR = 16;
export const STEPS_PER_BEAT = 4;
export const HIGHEST_PITCH = 127;

const SHARPS = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const FLATS = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];

/** Return the name of a pitch, "C4" being 60. */
export function noteName(pitch, flats = false) {
  return (flats ? FLATS : SHARPS)[pitch % 12] + (Math.floor(pitch / 12) - 1);
}

/** Return the states with every HOLD that holds nothing turned into a REST. */
export function canonical(states) {
  let sounding = false;
  return Array.from(states, (state) => {
    if (state !== HOLD) sounding = state < HOLD;
    return state === HOLD && !sounding ? REST : state;
  });
}

/** Return the notes of a melody in order, [{pitch, start, end}], in steps. */
export function toNotes(states) {
  const notes = [];
  let sounding = null;
  for (let step = 0; step < states.length; step++) {
    if (states[step] === HOLD) continue;
    if (sounding) sounding.end = step;
    sounding = states[step] < HOLD ? { pitch: states[step], start: step, end: states.length } : null;
    if (sounding) notes.push(sounding);
  }
  return notes;
}

/** Return the states of notes that do not overlap, in a melody of so many steps. */
export function fromNotes(notes, steps) {
  const states = new Array(steps).fill(REST);
  for (const { pitch, start, end } of notes) {
    states.fill(HOLD, start, end);
    states[start] = pitch;
  }
  return states;
}

/** Return the note that sounds at a step, or null. */
export function noteAt(notes, step) {
  // notes are in order: halve until the last that starts at or before the step
  let low = 0;
  let high = notes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (notes[middle].start <= step) low = middle + 1;
    else high = middle;
  }
  const note = notes[low - 1];
  return note && step < note.end ? note : null;
}

/** Return the note moved to where it fits: pitch 0..127, inside the melody, at least a step long. */
export function fitted(note, steps) {
  const length = Math.min(Math.max(note.end - note.start, 1), steps);
  const start = Math.min(Math.max(note.start, 0), steps - length);
  return { pitch: Math.min(Math.max(note.pitch, 0), HIGHEST_PITCH), start, end: start + length };
}

/**
 * Return the states with one more note. There is one line: a note that sounds where it begins ends there, a note that
 * it covers goes, a note that sounds beyond its end begins at its end.
 */
export function withNote(states, note) {
  const added = fitted(note, states.length);
  const kept = [];
  for (const other of toNotes(states)) {
    if (other.end <= added.start || other.start >= added.end) kept.push(other);
    else if (other.start < added.start) kept.push({ ...other, end: added.start });
    else if (other.end > added.end) kept.push({ ...other, start: added.end });
  }
  return fromNotes([...kept, added], states.length);
}

/** Return the states without the note that starts where this one does; where it was, nothing sounds. */
export function withoutNote(states, note) {
  return fromNotes(
    toNotes(states).filter((other) => other.start !== note.start || other.pitch !== note.pitch),
    states.length,
  );
}

/** Return the states in which one note has become another: moved, longer, shorter. */
export function changed(states, note, newNote) {
  return withNote(withoutNote(states, note), newNote);
}

/** Return whether two melodies are the same. */
export function same(states, others) {
  return states.length === others.length && states.every((state, step) => state === others[step]);
}
