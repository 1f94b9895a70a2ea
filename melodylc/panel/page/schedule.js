// When what sounds: notes, loop and tempo in, events with their times on the audio clock out. Pure: the player and the
// tests call the same functions, and nothing here knows what a synthesizer is.
//
// A piece is {notes: [{pitch, start, end, channel}], steps}. A course says how it is run through: from which step, at
// which tempo, in which loop. The run is counted in a distance of steps that only grows: a lap is one way through the
// loop, and begins at step `from` (the first one: at `step`, at distance `origin`). Times follow from distances alone, so
// that windows can be cut anywhere: an event is in the window that its time is in, and in no other.

export const STEPS_PER_BEAT = 4;
export const STEPS_PER_BAR = 16;
export const MELODY = 0; // channels
export const CHORDS = 1;

const ROUNDING = 1e-6; // steps

// What ends comes before what begins, so that a pitch that is struck again is not ended by the note before it.
const ORDER = { off: 0, loop: 1, end: 2, click: 3, on: 4 };

/** Return the steps that pass in a second at `tempo` beats a minute. */
export function stepsPerSecond(tempo) {
  return (tempo * STEPS_PER_BEAT) / 60;
}

/** Return [from, to, loops]: the stretch that is played of a piece of `steps`, and whether again and again. */
export function stretch(steps, { loop = null, repeat = false }) {
  if (loop) {
    const from = Math.min(Math.max(0, loop[0]), steps);
    const to = Math.min(Math.max(0, loop[1]), steps);
    if (to - from >= 1) return [from, to, true];
  }
  return [0, steps, repeat && steps >= 1];
}

/** Return the course that begins at `time` with `step`, or where the stretch begins if `step` is outside it. */
export function begun(piece, time, step, settings) {
  const [from, to, loops] = stretch(piece.steps, settings);
  const first = step >= from && step < to ? step : from;
  const rate = stepsPerSecond(settings.tempo);
  // A note that is under way at the first step sounds from there.
  return { time, at: 0, rate, from, to, loops, step: first, origin: 0, before: null, held: [], cut: [], entering: [] };
}

/**
 * Return the course that goes on from `course` at `time`, up to which events have been given out, with another piece or
 * other settings. Notes that sound and still exist go on, those that do not are cut; chords that are new are struck
 * where they are, melody notes only at their beginning. A position outside the new stretch jumps to its beginning.
 */
export function turned(course, piece, next, time, settings) {
  const [from, to, loops] = stretch(next.steps, settings);
  if (time >= endTime(course) && !loops && to <= course.to) return course; // it has ended, and there is nothing more
  const { step, lap, distance } = placeAt(course, time);
  const sounding = soundingAt(piece, course, time);
  if (step < from || step >= to) {
    return { ...begun(next, time, from, settings), cut: sounding };
  }
  const ran = { time: course.time, at: course.at, rate: course.rate, until: time };
  const before = time > course.time ? ran : course.before;
  const turn = {
    time, at: distance, rate: stepsPerSecond(settings.tempo), from, to, loops, step: lap.step, origin: lap.distance,
    before, held: [], cut: [], entering: [],
  };
  const same = (a) => (b) => a.pitch === b.pitch && a.channel === b.channel;
  // What is under way here; a note whose beginning has not been given out yet comes in the ordinary way.
  const under = next.notes.filter(
    (note) => note.start <= step + ROUNDING && step < Math.min(note.end, to) && !freshAtTurn(turn, startIn(lap, note)),
  );
  turn.held = under.filter((note) => sounding.some(same(note)));
  turn.cut = sounding.filter((note) => !turn.held.some(same(note)));
  turn.entering = under.filter((note) => note.channel === CHORDS && !turn.held.includes(note));
  return turn;
}

/** Return the events with begin <= time < end, in order: {time, kind: "on"|"off"|"click"|"loop"|"end", ...}. */
export function eventsBetween(piece, course, begin, end) {
  const events = [];
  const give = (time, kind, what) => {
    if (time >= begin && time < end) events.push({ time, kind, ...what });
  };
  for (const note of course.cut) give(course.time, "off", note);
  for (let number = firstLap(course, begin); ; number += 1) {
    const lap = lapOf(course, number);
    const first = number === 0;
    if (timeOf(course, lap.distance) >= end && !first) break;
    if (!first) give(timeOf(course, lap.distance), "loop", {});
    for (const note of first ? [...course.held, ...course.entering] : []) {
      if (course.entering.includes(note)) give(course.time, "on", note);
      give(timeOf(course, endIn(lap, note)), "off", note);
    }
    for (const note of notesOf(piece, course, lap, first)) {
      give(timeOf(course, startIn(lap, note)), "on", note);
      give(timeOf(course, endIn(lap, note)), "off", note);
    }
    for (let beat = Math.ceil(lap.step / STEPS_PER_BEAT) * STEPS_PER_BEAT; beat < lap.to; beat += STEPS_PER_BEAT) {
      const distance = lap.distance + (beat - lap.step);
      if (first && !freshAtTurn(course, distance)) continue;
      give(timeOf(course, distance), "click", { accent: beat % STEPS_PER_BAR === 0 });
    }
    if (!course.loops) {
      give(endTime(course), "end", {});
      break;
    }
  }
  return events.sort((a, b) => a.time - b.time || ORDER[a.kind] - ORDER[b.kind]);
}

/** Return the step of the piece that is reached at `time`, or null where the course has ended. */
export function stepAt(course, time) {
  if (time >= endTime(course)) return null;
  return placeAt(course, time).step;
}

/** Return the time at which the course ends: Infinity for a loop. */
export function endTime(course) {
  return course.loops ? Infinity : timeOf(course, course.origin + (course.to - course.step));
}

/** Return the notes that have been given out before `time` and whose end has not. */
export function soundingAt(piece, course, time) {
  const { number } = placeAt(course, time);
  const sounding = time > course.time ? [] : [...course.cut];
  // The lap before counts too: what ends with it may end exactly now.
  for (const each of number > 0 ? [number - 1, number] : [0]) {
    const lap = lapOf(course, each);
    const sounds = (note, began) => began < time && timeOf(course, endIn(lap, note)) >= time;
    if (each === 0) {
      sounding.push(...course.held.filter((note) => sounds(note, -Infinity)));
      sounding.push(...course.entering.filter((note) => sounds(note, course.time)));
    }
    const begun = notesOf(piece, course, lap, each === 0);
    sounding.push(...begun.filter((note) => sounds(note, timeOf(course, startIn(lap, note)))));
  }
  return sounding;
}

// What lies before a turn keeps its distance, and was given out if its time in the course before the turn had come.
function freshAtTurn(course, distance) {
  const { before } = course;
  return !before || before.time + (distance - before.at) / before.rate >= before.until;
}

function timeOf(course, distance) {
  return Math.max(course.time, course.time + (distance - course.at) / course.rate);
}

function lapOf(course, number) {
  const { step, from, to, origin } = course;
  if (number === 0) return { step, to, distance: origin };
  return { step: from, to, distance: origin + (to - step) + (number - 1) * (to - from) };
}

// The lap before the one that arithmetic gives: rounding may put a beginning on either side.
function firstLap(course, time) {
  if (!course.loops) return 0;
  const distance = course.at + (time - course.time) * course.rate;
  const beyond = distance - course.origin - (course.to - course.step);
  return Math.max(0, Math.floor(beyond / (course.to - course.from)));
}

function placeAt(course, time) {
  const distance = Math.max(course.origin, course.at + Math.max(0, time - course.time) * course.rate);
  let number = firstLap(course, time);
  if (course.loops && distance >= lapOf(course, number + 1).distance) number += 1;
  const lap = lapOf(course, number);
  return { number, lap, distance, step: lap.step + (distance - lap.distance) };
}

function startIn(lap, note) {
  return lap.distance + Math.max(0, note.start - lap.step);
}

function endIn(lap, note) {
  return lap.distance + (Math.min(note.end, lap.to) - lap.step);
}

// The notes of a lap: those that reach into it; in the lap of a turn only those that were not given out before it.
function notesOf(piece, course, lap, first) {
  const within = piece.notes.filter((note) => note.end > lap.step && note.start < lap.to && note.end > note.start);
  return first ? within.filter((note) => freshAtTurn(course, startIn(lap, note))) : within;
}
