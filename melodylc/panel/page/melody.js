// The melody in hand: tools, the piano roll, what is done to it, and what holds of it.

import { button, element } from "./elements.js";
import { TOOLS } from "./desk.js";
import { PianoRoll } from "./roll.js";
import { inPlainWords, odditiesInWords, wayInWords } from "./plain_words.js";
import { count, keeps, verdict } from "./words.js";

const WORDS = {
  select: ["Select", "Click to go there, drag to mark a stretch that is looped"],
  edit: ["Draw", "Draw notes, drag them, drag their ends; a double click takes one away"],
  lock: ["Lock", "Paint what stays when the rest is made again"],
  rhythm: ["Rhythm", "Paint where the rhythm stays and the pitches are made again"],
  pitches: ["Pitches", "Paint where the pitches stay and the rhythm is made again"],
  free: ["Free", "Paint where locks are taken away"],
};
const MOST_ODDITIES = 2; // that are named; the title has them all
const MOST_BARS = 64; // of a melody in the panel

/** Show the melody in hand with its tools. */
export function mountMelody(place, session, player, desk, actions, files) {
  const rollPlace = element("div", { id: "roll" });
  place.append(rollPlace); // a roll reads its colours where it stands
  const roll = new PianoRoll(rollPlace, handlers(player, desk));
  desk.roll = roll;
  const tools = makeTools(desk);
  const bar = makeBar(desk, actions, tools.element);
  const facts = element("div", { class: "facts", role: "group", tabindex: "0", "aria-label": "What holds of it" });
  const foot = element("div", { class: "bar foot" }, facts, files.exports);
  rollPlace.before(bar.element);
  rollPlace.after(foot);
  let shown; // undefined: nothing yet, not even emptiness
  const update = () => {
    const melody = desk.melody;
    bar.update(melody, session.state);
    files.update(melody);
    if (melody === shown) return; // a change of something else: what is being dragged stays
    shown = melody;
    roll.show(melody, { tonic: melody?.tonic ?? null, readOnly: false });
    facts.replaceChildren(...(melody ? allFacts(melody) : []));
    facts.title = [...facts.children].map((fact) => fact.textContent).join("\n"); // not all of them may have room
  };
  session.addEventListener("change", update);
  desk.addEventListener("selection", () => {
    roll.select(desk.selection);
    if (!player.playing) roll.playhead(desk.melody ? desk.cursor : null);
  });
  desk.addEventListener("tool", tools.update);
  followPlayhead(desk, roll);
  update();
}

// What the hand does in the roll.
function handlers(player, desk) {
  return {
    onEdit: (states) => desk.change("edit", { states: Array.from(states) }, { checked: false }),
    onLock: (locks) => desk.change("lock", { locks: Array.from(locks) }),
    onSeek: (step) => desk.seek(step),
    onSelect: (range) => desk.mark(range),
    onHear: (pitch) => player.playing || player.hear([pitch]),
  };
}

function makeTools(desk) {
  const buttons = TOOLS.map((tool, index) => {
    const [words, title] = WORDS[tool];
    const onclick = () => desk.setTool(tool);
    return button(words, tool, { key: String(index + 1), title, "aria-pressed": "false", "data-tool": tool, onclick });
  });
  const update = () => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.tool === desk.roll.tool));
  };
  update();
  return { element: element("span", { class: "group tools", role: "group", "aria-label": "Tools" }, ...buttons), update };
}

function makeBar(desk, actions, tools) {
  const quiet = (words, picture, key, action) => button(words, picture, { quiet: true, key, onclick: () => actions[action]() });
  const undo = quiet("Undo", "undo", "Ctrl+Z", "undo");
  const redo = quiet("Redo", "redo", "Ctrl+Y", "redo");
  const zoom = [
    quiet("Zoom out", "out", "-", "zoomOut"), quiet("Zoom in", "in", "+", "zoomIn"), quiet("All of it", "fit", "0", "zoomToFit"),
  ];
  const remake = button("Remake", "remake", { key: "r", title: "Make what is not locked again", onclick: () => actions.remake() });
  const longer = button("Continue", "on", { key: "c", title: "Make it longer", onclick: () => actions.continue() });
  const bars = element("input", {
    type: "number", min: "1", max: String(MOST_BARS), value: String(desk.bars),
    "aria-label": "Bars to continue by", title: "Bars to continue by",
    onchange: () => {
      desk.bars = Math.min(Math.max(Math.round(Number(bars.value)) || 1, 1), MOST_BARS);
      bars.value = String(desk.bars);
    },
  });
  const made = element("div", { class: "bar" }, tools,
    element("span", { class: "group" }, undo, redo),
    element("span", { class: "group" }, ...zoom),
    element("span", { class: "gap" }),
    remake,
    element("span", { class: "group" }, longer, bars, element("span", { class: "unit", "aria-hidden": "true", text: "bars" })));
  const update = (melody, state) => {
    const able = Boolean(melody) && state.worker.state !== "gone";
    undo.disabled = !melody?.undo;
    redo.disabled = !melody?.redo;
    remake.disabled = !able;
    longer.disabled = bars.disabled = !able || melody.bars >= MOST_BARS;
    remake.classList.toggle("primary", Boolean(melody?.locks.some((lock) => lock > 0))); // locks are there to remake the rest
  };
  return { element: made, update };
}

function allFacts(melody) {
  const [broken, kept] = [melody.rules.filter((rule) => !keeps(rule)), melody.rules.filter(keeps)];
  const fact = (rule) => {
    const share = `${Math.floor(100 * rule.reward)} %`; // rounded down: 100 % is only what keeps the rule
    const name = inPlainWords(rule.name);
    return verdict(keeps(rule), keeps(rule) ? name : `${name}: ${share}`, `${name}: kept to ${share}`);
  };
  const odd = odditiesInWords(melody.implausible);
  const natural = verdict(!odd, odd ? `unusual: ${odditiesInWords(melody.implausible, MOST_ODDITIES)}` : "sounds natural",
    odd || "Its notes, leaps, rests and repetitions are such as melodies of people have");
  const way = wayInWords(melody.way);
  const parts = [
    element("strong", { text: inPlainWords(melody.title) || "Melody", title: inPlainWords(melody.title) }),
    melody.checked === false ? element("span", { class: "way", text: "being checked …" }) : null,
    ...broken.map(fact), // first: the others may not fit beside them
    natural,
    ...kept.map(fact),
    element("span", { class: "way", text: `${count(melody.bars, "bar")}${way ? ` · ${way}` : ""}` }),
  ];
  return parts.filter(Boolean);
}

function followPlayhead(desk, roll) {
  let running = false;
  const frame = () => {
    running = desk.playing !== null;
    const step = running ? desk.player.position() : null;
    roll.playhead(running ? step : desk.melody ? desk.cursor : null);
    if (running) requestAnimationFrame(frame);
  };
  desk.addEventListener("playing", () => {
    if (!running) requestAnimationFrame(frame);
    running = true;
  });
}
