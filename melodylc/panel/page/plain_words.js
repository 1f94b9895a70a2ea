// What the server says in its own words, in those of musicians: how a melody was made, what is unusual about it, which
// rules it keeps. What is not known here is shown as it comes.

import { noteName } from "./notes.js";

const WAYS = {
  prior: "freely made",
  actor: "made for what you want",
  "decoder gradient": "bent towards what you want",
  "actor of rules": "made from what was learned",
  search: "searched for",
  "more like this": "a relative of the other",
  between: "from in between",
  remade: "remade around your locks",
  "known melodies": "one to judge",
  "your melody": "yours, gone on",
};
const MASKED = "masked "; // before a way: other notes were forbidden
const ODDITIES = {
  notes: "too few or too many notes",
  pitches: "too few or too many different notes",
  "pitch classes": "too few or too many notes of the scale",
  "commonest pitch": "one note comes too often",
  "two commonest pitches": "two notes come too often",
  "longest run": "one note repeated too long",
  "repeated pitches": "too many repeated notes",
  returns: "to and fro between two notes",
  steps: "little but scales",
  leaps: "too many leaps",
  span: "too narrow or too wide a range",
  rests: "too much silence",
  "longest rest": "too long a rest",
  "mean length": "notes too long",
  "longest note": "one note held too long",
  "equal bars": "the same bar too often",
  copied: "copied from known melodies",
};
const OUTCOMES = { reached: "learned", "partly reached": "learned in part", "out of reach": "hardly learned" };
const REPORT = /^(.*): (reached|partly reached|out of reach), (?:kept|satisfied) in (\d+%) of single draws(?: \(satisfied \d+%\))?$/;
const TASTE = /preference of \d+ likes and \d+ dislikes/g;
const PITCHES = /\bpitch(?:es)? (\d+) to (\d+)\b/g;
const LOWEST = 0; // of all pitches: as a bound, none
const HIGHEST = 127;

/** Return how a melody was made. */
export function wayInWords(way) {
  const masked = way.startsWith(MASKED);
  const name = masked ? way.slice(MASKED.length) : way;
  const words = WAYS[name] ?? inPlainWords(name);
  return masked ? `${words}, other notes forbidden` : words;
}

/** Return what is unusual about a melody, of the names of features: the first `most`, and how many more there are. */
export function odditiesInWords(names, most = Infinity) {
  const words = names.slice(0, most).map((name) => ODDITIES[name] ?? name);
  return [...words, ...(names.length > most ? [`${names.length - most} more`] : [])].join(", ");
}

/** Return a line of the server's with pitches as notes, and without names that only its code needs. */
export function inPlainWords(text) {
  const report = REPORT.exec(text);
  if (report) return `${inPlainWords(report[1])}: ${OUTCOMES[report[2]]}, ${report[3].replace("%", " %")} of first tries keep it`;
  return text
    .replace(PITCHES, (_, low, high) => rangeInWords(Number(low), Number(high)))
    .replace(TASTE, "to your taste")
    .replace(/\bthe inference process\b/g, "what makes melodies")
    .replace(/\bmaking anything\b/g, "making melodies")
    .replace(/\banything\b/g, "free");
}

function rangeInWords(low, high) {
  if (low <= LOWEST) return `up to ${noteName(high)}`;
  return high >= HIGHEST ? `from ${noteName(low)} up` : `${noteName(low)} to ${noteName(high)}`;
}

/** Return an error of a rule without the names of its code: wordsOf(name) says what a parameter is called on the page. */
export function ruleErrorInWords(text, rule, wordsOf) {
  const bare = text.replace(/^rule: /, "");
  const said = bare.startsWith(`${rule}: `) ? bare.slice(rule.length + 2) : bare;
  const pitch = /\bexpected a whole number from 0 to 127, got '(.*)'$/.exec(said);
  if (pitch) return `expected a note with its octave, such as C4 or Eb5, got ${pitch[1]}`;
  return said.replace(/^(\w+): /, (_, name) => `${wordsOf(name)}: `);
}
