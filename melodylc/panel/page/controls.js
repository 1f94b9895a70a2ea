// What melodies are asked for without rules: key, notes, range, chords, and how many, how long and how free.

import { askedOf } from "./asked.js";
import { mountChords } from "./chords.js";
import { element } from "./elements.js";
import { choiceField, errorLine, numberField, readWhole, switchField, textField } from "./fields.js";
import { noteName } from "./notes.js";
import { pitchOf } from "./pitches.js";
import { RangeKeys } from "./range_keys.js";

const NOTES = { least: 1, most: 192, step: 1 }; // the slider; few melodies have more
const ALL_NOTES = { least: 1, most: 256 }; // one on each sixteenth of 16 bars
const PITCHES = { least: 36, most: 96, step: 1 }; // C2 to C7
const ALL_PITCHES = { least: 0, most: 127 };
const TEMPERATURES = { least: 0, most: 2, step: 0.05 };
const USUAL_TEMPERATURE = 0.5; // where the slider stands; what the model's is, the server knows
const BARS = { least: 4, most: 64, step: 1 };
const CANDIDATES = { least: 1, most: 8, step: 1 };

const EMPTY = {
  tonic: null, scale: "major", notes: null, at_most: null, low: null, high: null, temperature: null, strict: false,
  form: null, chords: null, bars: 16,
};
const OTHER = "other"; // of the forms: written by hand. No form is called so, they are capital letters

/** Fill an element with the fields of key, notes, range, chords, length, form and temperature. */
export function mountControls(place, session, player) {
  const asked = askedOf(session);
  const chords = element("div");
  const key = keyFields(asked);
  const notes = notesFields(asked);
  const range = rangeFields(asked, player);
  const shape = shapeFields(asked);
  const amount = amountFields(asked);
  const now = element("span", { class: "now" });
  place.append(
    element("div", { class: "asked-head" }, element("h2", { text: "What you want" }), resetButton(asked)),
    part("Key", true, key),
    part("Notes", true, notes),
    part("Range", true, range),
    part("Chords", true, { rows: [chords] }),
    part("More", false, { rows: [...shape.rows, ...amount.rows], now }),
  );
  mountChords(chords, session, player);

  const refresh = () => {
    const settings = asked.settings;
    place.inert = !settings; // nothing to change before it is known what there is
    if (!settings) return;
    for (const each of [key, notes, range, shape, amount]) each.refresh(settings, session.state);
    const { bars, form, count } = settings;
    now.textContent = [`${bars} bars`, form, count === 1 ? "1 melody" : `${count} melodies`].filter(Boolean).join(", ");
  };
  asked.addEventListener("change", refresh);
  refresh();
}

function part(title, open, { rows, now }) {
  const summary = element("summary", {}, element("span", { text: title }));
  if (now) summary.append(now);
  return element("details", { class: "part", open }, summary, ...rows);
}

function keyFields(asked) {
  const tonic = choiceField({
    label: "Tonic",
    hint: "The note that the melody comes home to. Any: the melody chooses its key, or that of the chords.",
    chosen: (value) => asked.set({ tonic: value || null }),
  });
  const scale = choiceField({
    label: "Scale",
    hint: "The notes of the key, from the tonic up",
    chosen: (value) => asked.set({ scale: value }),
  });
  const error = errorLine(tonic.input, scale.input);
  return {
    rows: [tonic.row, scale.row, error.line],
    refresh(settings, state) {
      tonic.choices([["", "any"], ...state.tonics.map((name) => [name, name])]);
      scale.choices(state.scales.map((name) => [name, name]));
      tonic.show(settings.tonic ?? "");
      scale.show(settings.scale);
      scale.input.disabled = settings.tonic === null;
      error.show(belongs(state.key_error) === "key" ? state.key_error : null);
    },
  };
}

function notesFields(asked) {
  const hint = "Notes in 16 bars: 48 is calm, 96 is lively, 160 is busy";
  const row = (label, name, start, pushed) => numberField({
    label, hint, scale: NOTES, limits: ALL_NOTES, start, value: readWhole,
    changed(number, soon) {
      asked.set({ [name]: number, ...pushed(number, asked.settings) }, { soon });
      return number;
    },
  });
  // one bound pushes the other along: there is no such thing as at least 60 and at most 40
  const least = row("At least", "notes", NOTES.least, (number, { at_most: most }) =>
    number !== null && most !== null && number > most ? { at_most: number } : {});
  const most = row("At most", "at_most", NOTES.most, (number, { notes: fewest }) =>
    number !== null && fewest !== null && number < fewest ? { notes: number } : {});
  const error = errorLine(least.input, most.input);
  return {
    rows: [least.row, most.row, error.line],
    refresh(settings, state) {
      least.show(settings.notes);
      most.show(settings.at_most);
      error.show(belongs(state.key_error) === "notes" ? state.key_error : null);
    },
  };
}

function rangeFields(asked, player) {
  const row = (label, name, start, hint, held) => numberField({
    label, hint, scale: PITCHES, limits: ALL_PITCHES, start, text: noteName, value: pitchOf,
    wrong: "expected a note with its octave, such as C4 or Eb5",
    changed(number, soon) {
      const may = number === null ? null : held(number, asked.settings);
      asked.set({ [name]: may }, { soon });
      return may;
    },
  });
  const low = row("Lowest", "low", PITCHES.least, "The lowest note that may come; C4 is the middle C",
    (number, { high: top }) => (top === null ? number : Math.min(number, top)));
  const high = row("Highest", "high", PITCHES.most, "The highest note that may come; C4 is the middle C",
    (number, { low: bottom }) => (bottom === null ? number : Math.max(number, bottom)));
  const strict = switchField({
    label: "Only notes of key and range",
    hint: "Forbids others altogether. Without it they are rare, and shown in red.",
    switched: (on) => asked.set({ strict: on }),
  });
  const keys = new RangeKeys(PITCHES.least, PITCHES.most, (pitch) => {
    const { low: bottom, high: top } = asked.settings;
    asked.set(isLower(pitch, bottom, top) ? { low: pitch } : { high: pitch });
    player?.hear([pitch]);
  });
  const error = errorLine(low.input, high.input);
  return {
    rows: [keys.svg, low.row, high.row, strict.row, error.line],
    refresh(settings, state) {
      keys.show(settings.low, settings.high);
      low.show(settings.low);
      high.show(settings.high);
      strict.show(settings.strict);
      error.show(belongs(state.key_error) === "range" ? state.key_error : null);
    },
  };
}

// Whether a key that was pressed is the lowest wanted: the bound that is nearer moves there, but one that is open is set first.
function isLower(pitch, low, high) {
  if ((low === null) !== (high === null)) return low === null ? pitch < high : pitch < low;
  return Math.abs(pitch - (low ?? PITCHES.least)) < Math.abs(pitch - (high ?? PITCHES.most));
}

function shapeFields(asked) {
  const bars = numberField({
    label: "Bars", hint: "How long melodies are: 4 to 64 bars", scale: BARS, value: readWhole, open: null,
    changed(number, soon) {
      asked.set({ bars: number }, { soon });
      return number;
    },
  });
  let byHand = false; // the user has chosen to write one
  let last = null;
  const form = choiceField({
    label: "Form",
    hint: "Which phrases are equal: in AABA the first comes again twice. Melodies in a form have 16 bars.",
    chosen(value) {
      byHand = value === OTHER;
      written.row.hidden = !byHand;
      if (byHand) written.input.focus();
      else asked.set({ form: value || null });
    },
  });
  const written = textField({
    label: "Your form", hint: "2 to 8 letters; an apostrophe after a letter varies its phrase: AA'BA", placeholder: "AA'BA",
    written: (text) => asked.set({ form: text || null }),
  });
  const error = errorLine(form.input, written.input);
  return {
    rows: [bars.row, form.row, written.row, error.line],
    refresh(settings, state) {
      bars.show(settings.bars);
      form.choices([["", "any"], ...state.forms.map((name) => [name, name]), [OTHER, "another…"]]);
      const listed = settings.form === null || state.forms.includes(settings.form);
      if (settings.form !== last && listed && document.activeElement !== written.input) byHand = false;
      last = settings.form;
      const other = byHand || !listed;
      form.show(other ? OTHER : (settings.form ?? ""));
      written.row.hidden = !other;
      written.show(settings.form ?? "", state.form_error);
      error.show(state.form_error ?? null);
    },
  };
}

function amountFields(asked) {
  const count = numberField({
    label: "Melodies", hint: "How many melodies are made at once", scale: CANDIDATES, value: readWhole, open: null,
    changed(number, soon) {
      asked.set({ count: number }, { soon });
      return number;
    },
  });
  const temperature = numberField({
    label: "Freedom", open: "usual", scale: TEMPERATURES, limits: { least: 0, most: 10 }, start: USUAL_TEMPERATURE,
    hint: "The temperature: 0 takes the likeliest note each time, above 1 melodies get wild",
    text: (number) => String(Number(number.toFixed(2))),
    changed(number, soon) {
      asked.set({ temperature: number }, { soon });
      return number;
    },
  });
  return {
    rows: [count.row, temperature.row],
    refresh(settings) {
      count.show(settings.count);
      temperature.show(settings.temperature);
    },
  };
}

// The same button takes it back: who pressed it by mistake finds the way where they are.
function resetButton(asked) {
  let before = null;
  const button = element("button", { type: "button", class: "small plain" });
  const show = () => {
    button.textContent = before ? "Take back" : "Reset all";
    button.title = before ? "What you wanted before" : "Any key, notes, range, chords and form, in 16 bars; rules stay";
  };
  button.addEventListener("click", () => {
    const settings = asked.settings;
    if (!settings) return;
    const then = before ?? EMPTY;
    before = before ? null : Object.fromEntries(Object.keys(EMPTY).map((name) => [name, settings[name]]));
    asked.set(then);
    show();
  });
  asked.addEventListener("change", () => {
    const settings = asked.settings;
    if (!before || !settings) return;
    if (Object.entries(EMPTY).some(([name, value]) => settings[name] !== value)) before = null; // something new is wanted
    show();
  });
  show();
  return button;
}

/** Return which fields an error of the key is about: "key", "notes" or "range"; null for none. */
export function belongs(error) {
  if (!error) return null;
  if (/^(notes|at_most)\b/.test(error)) return "notes";
  return /^(low|high|pitch|no pitch|range)\b/.test(error) ? "range" : "key";
}
