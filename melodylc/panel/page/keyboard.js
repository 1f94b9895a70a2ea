// A key for everything. None works while something is typed, nor where a part of the page has its own use for it.

import { TOOLS } from "./desk.js";

/** The keys, by what they belong to: [keys as they are shown, what `event.key` may be, name of the action, words]. */
export const KEYS = [
  ["Hear", [
    ["Space", [" "], "play", "Play or stop"],
    ["k", ["k"], "loop", "Loop the marked stretch"],
    ["p", ["p"], "repeat", "Repeat"],
    ["m", ["m"], "metronome", "Metronome"],
    ["h", ["h"], "chordsAlong", "Chords along"],
    ["[ ]", ["["], "slower", "Tempo"],
    [null, ["]"], "faster"],
    [", .", [","], "softer", "Volume"],
    [null, ["."], "louder"],
    ["i", ["i"], "instrument", "Choose the instrument"],
  ]],
  ["Make", [
    ["← →", ["ArrowLeft"], "previous", "Choose a candidate"],
    [null, ["ArrowRight"], "next"],
    ["n", ["n"], "again", "Again: new melodies"],
    ["l", ["l"], "like", "More like this"],
    ["t", ["t"], "between", "Between this one and another"],
    ["u", ["u"], "thumbsUp", "I like it"],
    ["d", ["d"], "thumbsDown", "I do not like it"],
    ["b", ["b"], "back", "Back to the set before"],
    ["f", ["f"], "forward", "Forward"],
    ["Esc", ["Escape"], "stopWork", "Stop what is being worked on"],
  ]],
  ["The melody in hand", [
    ["1 … 6", [], null, "Tools: select, draw, lock, rhythm, pitches, free"],
    ["e", ["e"], "focusRoll", "Go into the roll: arrows move there"],
    ["r", ["r"], "remake", "Remake what is not locked"],
    ["c", ["c"], "continue", "Continue"],
    ["Ctrl+Z", ["ctrl z"], "undo", "Undo"],
    ["Ctrl+Y", ["ctrl y", "ctrl Z"], "redo", "Redo"],
    ["+ − 0", ["+", "="], "zoomIn", "Zoom in, out, all of it"],
    [null, ["-"], "zoomOut"],
    [null, ["0"], "zoomToFit"],
  ]],
  ["In and out", [
    ["o", ["o"], "open", "Open a MIDI file"],
    ["s", ["s", "ctrl s"], "save", "Save to the folder"],
    ["g", ["g"], "download", "Download the MIDI file"],
    ["a", ["a"], "copyAbc", "Copy as ABC"],
    ["x", ["x"], "musicXml", "Download as MusicXML"],
    ["w", ["w"], "daw", "Play it into the DAW"],
    ["v", ["v"], "staff", "View on a staff"],
    ["?", ["?"], "help", "This help"],
  ]],
];

/** Let keys do what buttons do. */
export function mountKeyboard(actions, desk) {
  const names = new Map();
  for (const [, rows] of KEYS) for (const [, keys, name] of rows) for (const key of keys) names.set(key, name);
  // A button that was clicked keeps the focus, and a space would press it again instead of playing. A button that was
  // reached by keys is pressed by them.
  let byKeys = false;
  addEventListener("pointerdown", () => (byKeys = false), true);
  addEventListener("keydown", (event) => (byKeys ||= event.key === "Tab"), true);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.isComposing || isTaken(event, byKeys)) return;
    const command = event.ctrlKey || event.metaKey;
    const letter = event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase(); // whatever caps lock makes of it
    const key = command ? `ctrl ${letter}` : event.key;
    const tool = command ? undefined : TOOLS[Number(event.key) - 1];
    const name = names.get(key);
    const before = document.activeElement;
    if (tool) desk.setTool(tool);
    else if (name) actions[name]();
    else return;
    byKeys ||= document.activeElement !== before; // a key brought the focus there
    event.preventDefault();
  });
  // What was set with the pointer is done: the keys are the page's again, not the list's or the slider's.
  document.addEventListener("change", ({ target }) => {
    if (!byKeys && target.matches("select, input[type=range], input[type=checkbox], input[type=radio]")) target.blur();
  });
  document.addEventListener("keyup", (event) => {
    // Firefox presses the focused button at the key's release.
    if (event.key === " " && isButton(event.target) && !byKeys && !isTaken(event, byKeys)) event.preventDefault();
  });
}

const isButton = (target) => target.matches?.("button, summary, a[href], [role='button']");

// Whether a key belongs to what has the focus.
function isTaken(event, byKeys) {
  const target = event.target;
  if (!(target instanceof Element)) return false;
  if (document.querySelector("dialog[open], .menu:popover-open")) return true;
  if (event.ctrlKey || event.metaKey) return isTyping(target);
  if (isTyping(target) || target.matches("select")) return true;
  if (target.matches("input")) return event.key === " " || event.key.startsWith("Arrow"); // sliders, switches
  if (event.key === " ") return byKeys && isButton(target) && !target.matches(".choose"); // the arrows have chosen already
  if (event.key.startsWith("Arrow")) return target.closest("#roll, .facts") !== null;
  return false;
}

function isTyping(target) {
  const kinds = "input:not([type=checkbox], [type=radio], [type=range], [type=button], [type=submit], [type=file], [type=color])";
  return target.isContentEditable || target.matches(`textarea, ${kinds}`);
}
