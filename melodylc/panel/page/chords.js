// The chords of a melody: as text, from a few that everybody knows, and one by one to be heard.

import { askedOf } from "./asked.js";
import { element } from "./elements.js";
import { errorLine, textField } from "./fields.js";
import { inKeyOf, pitchClass } from "./pitches.js";

const STEPS_PER_BAR = 16;

// In C, or in A minor; they are moved to the tonic that is asked for.
const MAJOR = [
  ["Four chords", "C G Am F"],
  ["Fifties", "C Am F G"],
  ["Three chords", "C F C G"],
  ["Canon", "C G Am Em F C F G"],
  ["Two five one", "Dm7 G7 Cmaj7 Cmaj7"],
  ["Turnaround", "Cmaj7 Am7 | Dm7 G7"],
  ["Twelve-bar blues", "C7 C7 C7 C7 F7 F7 C7 C7 G7 F7 C7 G7"],
];
const MINOR = [
  ["Minor, four chords", "Am F C G"],
  ["Andalusian", "Am G F E"],
  ["Minor, one four five", "Am Dm Am E7"],
  ["Minor two five one", "Bm7b5 E7 Am Am"],
  ["Dorian", "Am7 D7"],
  ["Circle of fifths", "Am Dm G C F Bm7b5 E7 Am"],
];
const MINOR_SCALE = /minor|dorian|phrygian|aeolian|locrian/;

/** Fill an element with the field for chords, progressions to choose from, and the chords as buttons. */
export function mountChords(place, session, player) {
  const asked = askedOf(session);
  const text = textField({
    label: "Chords",
    hint: "One a bar: Am F C G. With bar lines, several in a bar: C | Am F | G7. They are repeated to the end.",
    placeholder: "Am F C G",
    written: (progression) => asked.set({ chords: progression || null }),
  });
  const known = element("select", {
    "aria-label": "Well-known progressions", title: "What many songs are built on, in the key that you asked for",
  });
  known.addEventListener("change", () => {
    if (known.value) asked.set({ chords: known.value });
    known.value = ""; // it is a list to take from; what is taken stands in the field
  });
  const clear = element("button", {
    type: "button", class: "leave-open small plain", text: "×", title: "Chords: none", "aria-label": "Chords: none",
    onclick() {
      asked.set({ chords: null });
      text.input.focus();
    },
  });
  text.row.classList.add("chord-field");
  text.row.querySelector("label").classList.add("unseen"); // the heading says it to the eye
  text.row.append(clear);
  const error = errorLine(text.input);
  const heard = element("div", { class: "chords", role: "group", "aria-label": "Hear the chords" });
  const plain = element("p", { class: "hint" });
  place.append(
    text.row,
    error.line,
    known,
    heard,
    plain,
  );

  let offeredIn = null;
  const offer = (settings) => {
    const tonic = pitchClass(settings.tonic);
    const minor = tonic !== null && MINOR_SCALE.test(settings.scale);
    if (offeredIn === `${tonic} ${minor}`) return;
    offeredIn = `${tonic} ${minor}`;
    const groups = [["Major", MAJOR, tonic ?? 0], ["Minor", MINOR, tonic === null ? 0 : (tonic + 3) % 12]];
    known.replaceChildren(
      element("option", { value: "", text: "well-known progressions…" }),
      ...(minor ? groups.reverse() : groups).map(([label, progressions, to]) => group(label, progressions, to)),
    );
  };

  let drawn = null;
  const draw = (chords) => {
    if (drawn === JSON.stringify(chords)) return;
    drawn = JSON.stringify(chords);
    const focused = [...heard.children].indexOf(document.activeElement);
    heard.replaceChildren(...chords.map((chord) => chordButton(chord, player)));
    heard.children[focused]?.focus();
  };

  const refresh = () => {
    const settings = asked.settings;
    if (!settings) return;
    const progression = settings.chords ?? "";
    const wrong = session.state.chords_error ?? null;
    text.show(progression, wrong);
    error.show(wrong);
    clear.classList.toggle("away", !progression);
    offer(settings);
    const chords = progression && !wrong ? chordsOf(session.state, progression) : [];
    draw(chords);
    heard.hidden = !chords.length;
    plain.hidden = !progression || Boolean(wrong) || chords.length > 0;
    plain.textContent = plain.hidden ? "" : "They can be heard one by one when melodies over them are there.";
  };
  asked.addEventListener("change", refresh);
  refresh();
}

function group(label, progressions, tonic) {
  const options = progressions.map(([name, progression]) => {
    const moved = inKeyOf(progression, tonic);
    return element("option", { value: moved, text: `${name}: ${moved}` });
  });
  return element("optgroup", { label }, ...options);
}

function chordButton(chord, player) {
  return element("button", {
    type: "button", class: "chord", text: chord.name, title: `Hear ${chord.name}`,
    onclick: () => player?.hear(chord.pitches, 0.8),
  });
}

/** Return a progression with bar lines and single spaces, so that two ways of writing it are equal. */
export function written(progression) {
  const words = progression.trim().split(/\s+/).join(" ");
  const bars = words.includes("|") ? words.replace(/^\||\|$/g, "").split("|") : words.split(" ");
  return bars.map((bar) => bar.trim()).join(" | ");
}

// Once through: what comes again in the melody is the same.
function chordsOf(state, progression) {
  const wanted = written(progression);
  const chosen = state.melodies?.[state.chosen];
  const over = [chosen, ...Object.values(state.melodies ?? {})].find(
    (melody) => melody?.chords && melody.progression && written(melody.progression) === wanted,
  );
  const end = wanted.split("|").length * STEPS_PER_BAR;
  return over ? over.chords.filter((chord) => chord.start < end) : [];
}
