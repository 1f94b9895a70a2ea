// What the roll says in words, for those who do not see it and for what a pointer rests on.

import { inPlainWords } from "./plain_words.js";
import { noteName, STEPS_PER_BAR, STEPS_PER_BEAT } from "./notes.js";
import { LOCK_NAMES, stretches } from "./roll_locks.js";

const LENGTHS = {
  1: "a sixteenth", 2: "an eighth", 3: "a dotted eighth", 4: "a quarter", 6: "a dotted quarter", 8: "a half", 12: "a dotted half",
  16: "a whole note",
};
const counted = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** Return a place in words: "bar 3, beat 2" or "bar 3, beat 2, sixteenth 4". */
export function place(step) {
  const bar = Math.floor(step / STEPS_PER_BAR) + 1;
  const beat = Math.floor((step % STEPS_PER_BAR) / STEPS_PER_BEAT) + 1;
  const sixteenth = (Math.floor(step) % STEPS_PER_BEAT) + 1;
  return `bar ${bar}, beat ${beat}` + (sixteenth > 1 ? `, sixteenth ${sixteenth}` : "");
}

/** Return a note in words, with the rules that it breaks. */
export function noteWords(note, outside, flats = false) {
  const broken = outside.filter(([step]) => step === note.start).map(([, rule]) => inPlainWords(rule));
  const length = LENGTHS[note.end - note.start] ?? counted(note.end - note.start, "sixteenth");
  return `${noteName(note.pitch, flats)}, ${place(note.start)}, ${length}` + (broken.length ? `, outside ${broken.join(", ")}` : "");
}

/** Return bars in words: "bar 3" or "bars 3 to 5". */
export function barWords([from, to]) {
  const first = Math.floor(from / STEPS_PER_BAR) + 1;
  const last = Math.ceil(to / STEPS_PER_BAR);
  return last > first ? `bars ${first} to ${last}` : `bar ${first}`;
}

/** Return the melody in words: bars, notes, range, what is outside a rule, what is locked. */
export function melodyWords(notes, steps, outside, locks) {
  if (!steps) return "Piano roll, empty";
  const pitches = notes.map(({ pitch }) => pitch);
  const range = notes.length ? `, ${noteName(Math.min(...pitches))} to ${noteName(Math.max(...pitches))}` : "";
  const wrong = new Set(outside.map(([step]) => step)).size;
  const words = [`Piano roll: ${counted(Math.ceil(steps / STEPS_PER_BAR), "bar")}, ${counted(notes.length, "note")}${range}`];
  if (wrong) words.push(`${counted(wrong, "note")} outside a rule`);
  for (const { from, to, lock } of stretches(locks)) words.push(`${barWords([from, to])}: ${LOCK_NAMES[lock]}`);
  return words.slice(0, 8).join(". ");
}

const KEYS_OF = {
  select: "Arrows move by bars, with Shift they mark a stretch, Enter plays from the bar, Escape ends the marking.",
  edit:
    "Tab and Shift+Tab go through the notes. Arrows move the chosen note, Shift+Up and Down by an octave, Alt+Left and Right " +
    "change its length, Delete removes it. Escape leaves the note; then arrows move a cursor, Enter puts a note there, Tab " +
    "leaves the roll.",
  paint: "Arrows move by bars, with Shift over several, Enter or L paints or frees them.",
};

/** Return what the keys do with a tool. */
export function keyWords(tool) {
  return `${KEYS_OF[tool] ?? KEYS_OF.paint} Plus and minus zoom, 0 shows all.`;
}
