// What rules and their files are called, and what the built-in ones ask of a melody, in the words of musicians.

// By the name of the rule: what it asks for, and what its parameters mean. [words beside the field, what the field takes]
const SHARE = "a share: 1 is all of them, 0.5 half";
const STEPS = "in sixteenths: 4 is a quarter note, 16 a whole bar";
const BUILT_IN = {
  pitch_classes: ["Only notes of a key", { key: ["key", "such as D dorian"] }],
  notes: ["How many notes there are in 16 bars", {}],
  pitch_range: ["All notes lie between two", { low: ["lowest", "a note such as C4"], high: ["highest", "a note such as C6"] }],
  tessitura: [
    "Most notes lie between two, a few may not",
    { low: ["lowest", "a note such as C4"], high: ["highest", "a note such as C6"], at_least: ["share of notes", SHARE] },
  ],
  syncopation: ["Notes that begin off the beat and sound into it", { at_least: ["share of notes", SHARE] }],
  longest_rest: ["No rest is longer than this", { at_most: ["sixteenths", STEPS] }],
  note_lengths: [
    "Notes are neither shorter nor longer than this",
    { shortest: ["shortest", STEPS], longest: ["longest", STEPS], at_least: ["share of notes", SHARE] },
  ],
  swing: ["Notes between beats come late, long and short", { at_least: ["share of them", SHARE] }],
  on_the_beat: ["A note begins on most beats", { at_least: ["share of beats", SHARE] }],
  leaps: [
    "Melodic intervals are no wider than this",
    { at_most: ["semitones", "12 is an octave, 7 a fifth, 4 a third"], at_least: ["share of intervals", SHARE] },
  ],
  stepwise: ["Mostly steps: seconds, up or down", { at_least: ["share of intervals", SHARE] }],
  contour: ["The whole melody rises, falls, or does one after the other", { at_least: ["how clearly", "1 is a straight line"] }],
  repetition: ["Some bars come again exactly", { at_least: ["share of bars", SHARE] }],
  motif: [
    "A motif comes again and again",
    { at_least: ["share of bars", SHARE], of: ["a motif of", "notes: exactly; rhythm: at any pitch; intervals: also moved up or down"] },
  ],
  call_and_response: [
    "Phrases in pairs, the second answers in the rhythm of the first",
    { length: ["bars a phrase", "of each of the two"], at_least: ["how alike", "1 is the same rhythm"] },
  ],
  form: ["Phrases come again as the letters of a form do", { text: ["form", "such as AABA, or AA'BA where the second is varied"] }],
  phrase_endings: [
    "Phrases end on certain notes",
    { classes: ["notes or key", "a key such as C major, or numbers from 0 (C) to 11 (B): 0,4,7"], every: ["bars a phrase", ""], shortest: ["length at least", STEPS] },
  ],
  cadence: [
    "Phrases come to rest on the tonic",
    { key: ["key", "such as D dorian"], every: ["bars a phrase", ""], shortest: ["length at least", STEPS] },
  ],
  chord_tones: [
    "Notes on the beat belong to the chord",
    { progression: ["chords", "one a bar: C | Am F | G7"], at_least: ["share of notes", SHARE], strong: ["only on beats", "Off: all notes count"] },
  ],
};
const PITCH_RULES = new Set(["pitch_range", "tessitura"]);

/** Return the name of a rule in plain words: without its file and underscores. */
export function inWords(name) {
  return name.replace(/^.*\.py:/, "").replaceAll("_", " ");
}

/** Return the name of a file without its folders. */
export function fileName(path) {
  return path.split(/[\\/]/).at(-1);
}

/** Return what a rule asks for, in one line. */
export function summaryOf(entry) {
  return entry.file ? entry.summary : BUILT_IN[entry.name]?.[0] ?? entry.summary;
}

/** Return {words, hint, isPitch} of a parameter of a rule. */
export function parameterWords(entry, parameter) {
  const [words, hint] = (!entry.file && BUILT_IN[entry.name]?.[1][parameter.name]) || [parameter.name.replaceAll("_", " "), ""];
  const isPitch = !entry.file && PITCH_RULES.has(entry.name) && ["low", "high"].includes(parameter.name);
  return { words, hint: hint || parameter.doc || `${words} of ${inWords(entry.name)}`, isPitch };
}
