// Locks: what of a melody stays when it is remade. One number a step, painted by bars or by notes.

import { STEPS_PER_BAR } from "./notes.js";

export const FREE = 0;
export const LOCKED = 1;
export const RHYTHM = 2;
export const PITCHES = 3;

/** The locks that the tools paint, by the names of the tools. */
export const PAINTS = { lock: LOCKED, rhythm: RHYTHM, pitches: PITCHES, free: FREE };

/** What each lock is called, by its number. */
export const LOCK_NAMES = ["free", "locked", "rhythm stays", "pitches stay"];

/** Return [from, to] of the whole bars that two steps lie in, the steps in any order. */
export function barsBetween(first, second, steps) {
  const low = Math.floor(Math.min(first, second) / STEPS_PER_BAR) * STEPS_PER_BAR;
  const high = (Math.floor(Math.max(first, second) / STEPS_PER_BAR) + 1) * STEPS_PER_BAR;
  return [Math.max(low, 0), Math.min(high, steps)];
}

/** Return [from, to] of the steps between two, made so wide that the notes at both ends are whole. */
export function notesBetween(first, second, notes, steps) {
  let from = Math.max(Math.floor(Math.min(first, second)), 0);
  let to = Math.min(Math.floor(Math.max(first, second)) + 1, steps);
  for (const note of notes) {
    if (note.start < from && note.end > from) from = note.start;
    if (note.start < to && note.end > to) to = note.end;
  }
  return [from, to];
}

/** Return the locks with a stretch painted. */
export function painted(locks, [from, to], lock) {
  return locks.map((was, step) => (step >= from && step < to ? lock : was));
}

/** Return the lock that painting with a tool gives: its own, or none where all of the stretch has it already. */
export function toggled(locks, [from, to], lock) {
  return locks.slice(from, to).every((was) => was === lock) ? FREE : lock;
}

/** Return the stretches of one lock, [{from, to, lock}], without those that are free. */
export function stretches(locks) {
  const found = [];
  for (let step = 0; step < locks.length; step++) {
    const last = found[found.length - 1];
    if (last && last.lock === locks[step]) last.to = step + 1;
    else found.push({ from: step, to: step + 1, lock: locks[step] });
  }
  return found.filter(({ lock }) => lock !== FREE);
}
