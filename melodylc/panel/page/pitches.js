// Pitches and chords as musicians write them: "Eb4", "F#m7".

const NATURALS = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const SIGNS = { "": 0, "#": 1, "♯": 1, b: -1, "♭": -1 };
const SHARP_NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const FLAT_NAMES = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];
const WITH_FLATS = new Set([1, 3, 5, 8, 10]); // tonics whose major scales are written with flats: Db Eb F Ab Bb

/** Return the MIDI pitch of a name with its octave ("C4" is 60) or of a number; undefined for anything else. */
export function pitchOf(text) {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const match = /^([A-Ga-g])([#♯b♭]?)(-?\d)$/.exec(text.trim());
  return match ? classOf(match[1], match[2]) + 12 * (Number(match[3]) + 1) : undefined;
}

/** Return 0 (C) to 11 (B) of a note such as "F#", or null. */
export function pitchClass(note) {
  const match = /^([A-G])([#♯b♭]?)$/.exec(note ?? "");
  return match ? (classOf(match[1], match[2]) + 12) % 12 : null;
}

/** Return whether a key is written with flats: its tonic, and the pitches that belong to it (null: any). */
export function isFlatKey(tonic, allowed) {
  if (tonic === null || tonic === undefined) return false;
  const classes = new Set([...(allowed ?? [])].map((pitch) => pitch % 12));
  const isMinor = classes.has((tonic + 3) % 12) && !classes.has((tonic + 4) % 12);
  return WITH_FLATS.has(isMinor ? (tonic + 3) % 12 : tonic);
}

/** Return a progression in C (major) with its chords moved to another tonic. */
export function inKeyOf(progression, tonic) {
  const names = WITH_FLATS.has(tonic) ? FLAT_NAMES : SHARP_NAMES;
  return progression.replace(/([A-G])([#b]?)/g, (_, letter, sign) => names[(classOf(letter, sign) + tonic + 12) % 12]);
}

function classOf(letter, sign) {
  return NATURALS[letter.toUpperCase()] + SIGNS[sign];
}
