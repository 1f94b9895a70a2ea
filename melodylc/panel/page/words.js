// How melodies and what holds of them are said in words.

import { STEPS_PER_BAR, STEPS_PER_BEAT } from "./notes.js";
import { element } from "./elements.js";
import { inPlainWords } from "./plain_words.js";

/** Return "4 bars" and the like. */
export function count(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** Return bar and beat of a step as they are counted, "3.2". */
export function barAndBeat(step) {
  const bar = Math.floor(step / STEPS_PER_BAR);
  return `${bar + 1}.${Math.floor((step - bar * STEPS_PER_BAR) / STEPS_PER_BEAT) + 1}`;
}

const SATISFIED = 1 - 1e-6; // rewards are shares: 1 means that the rule is kept

/** Return whether a melody keeps a rule: {name, reward}. */
export function keeps(rule) {
  return rule.reward >= SATISFIED;
}

/** Return a list item or span that says, in a symbol and in words, whether something holds. */
export function verdict(holds, words, title = "") {
  return element("span", { class: holds ? "holds" : "fails", title: title || null }, symbol(holds), element("span", { text: words }));
}

function symbol(holds) {
  return element("span", { class: "sign", role: "img", "aria-label": holds ? "kept: " : "not kept: ", text: holds ? "✓" : "✗" });
}

/** Return what a melody is called as a file, without characters that file systems and `DownloadURL` give a meaning. */
export function fileName(melody) {
  return (inPlainWords(melody.title) || `melody ${melody.id}`).replace(/[^\p{L}\p{N} _.#-]+/gu, " ").trim().slice(0, 60) || "melody";
}

/** Return a line of the server's as a sentence begins; what begins with the name of a file stays as it is. */
export function sentence(text) {
  if (/^\S*\.\w+/.test(text)) return text;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Return the time of day of seconds since 1970, with the date where it is another day. */
export function timeOfDay(seconds) {
  const time = new Date(1000 * seconds);
  const clock = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return time.toDateString() === new Date().toDateString() ? clock : `${time.toLocaleDateString()} ${clock}`;
}
