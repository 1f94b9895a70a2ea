// What of the roll moves or comes and goes: marked stretch, painting, hover, chosen note, cursor, playhead. Drawn each frame.

import { LOCK_NAMES } from "./roll_locks.js";
import { noteWords } from "./roll_words.js";

/** What a pointer is over when it is over nothing. */
export const NOWHERE = { pitch: null, note: null, chord: null, range: null, part: null };

const BAR = 6; // thickness of the scroll bars

function column(pen, view, [from, to], top, height) {
  const x = view.snap(view.x(from));
  pen.fillRect(x, top, view.snap(view.x(to)) - x, height);
}

/** Return where a scroll bar along the lower edge lies, {x, y, width, height}, or null where all is seen. */
export function scrollBar(view) {
  const whole = view.steps * view.stepWidth;
  if (whole <= view.bodyWidth + 1) return null;
  const width = Math.max((view.bodyWidth / whole) * view.bodyWidth, 24);
  const x = view.left + (view.scroll / (whole - view.bodyWidth)) * (view.bodyWidth - width);
  return { x, y: view.height - BAR - 2, width, height: BAR };
}

/** Draw an upright line over all of the roll, of whole device pixels, so that it is sharp. */
function upright(pen, view, x) {
  const thick = Math.max(Math.round(1.6 * view.dpr), 1);
  pen.fillRect(view.snap(x) - Math.floor(thick / 2) / view.dpr, 0, thick / view.dpr, view.height);
}

function drawStretch(pen, view, range, colour) {
  pen.fillStyle = colour;
  pen.globalAlpha = 0.16;
  column(pen, view, range, view.top, view.bodyHeight);
  pen.globalAlpha = 0.4;
  column(pen, view, range, 0, view.ruler);
  pen.globalAlpha = 1;
  for (const step of range) upright(pen, view, view.x(step));
  // handles that say: these edges can be drawn
  const [left, right] = range.map((step) => view.snap(view.x(step)));
  pen.beginPath();
  pen.moveTo(left, 0);
  pen.lineTo(left + 7, 0);
  pen.lineTo(left, 9);
  pen.moveTo(right, 0);
  pen.lineTo(right - 7, 0);
  pen.lineTo(right, 9);
  pen.fill();
}

function noteBox(view, note) {
  const x = view.snap(view.x(note.start));
  const y = view.snap(view.y(note.pitch));
  return [x, y, view.snap(view.x(note.end)) - x, view.snap(view.y(note.pitch - 1)) - y];
}

function ring(pen, view, note, colour, thick) {
  const [x, y, width, height] = noteBox(view, note);
  pen.strokeStyle = colour;
  pen.lineWidth = thick;
  pen.beginPath();
  pen.roundRect(x - thick / 2 - 0.5, y - thick / 2 - 0.5, Math.max(width + thick - 0.5, 2), height + thick, 4);
  pen.stroke();
}

function drawHover(pen, roll) {
  const { view, colours, hover } = roll;
  const { left } = view;
  if (hover.pitch !== null) {
    pen.globalAlpha = 0.06;
    pen.fillStyle = colours.ink;
    pen.fillRect(left, view.snap(view.y(hover.pitch)), view.bodyWidth, view.rowHeight);
    pen.globalAlpha = 1;
  }
  if (hover.range) {
    pen.fillStyle = colours.locked;
    pen.globalAlpha = 0.18;
    column(pen, view, hover.range, 0, view.height);
    pen.globalAlpha = 1;
  }
  if (hover.note) ring(pen, view, hover.note, colours.ink, 1.25);
}

/** Draw a line of text on a plate that stays inside the roll. */
function drawPlate(pen, { view, colours }, text, x, y) {
  pen.font = `500 11.5px ${colours.font}`;
  const width = Math.min(pen.measureText(text).width + 14, view.bodyWidth);
  const left = Math.min(Math.max(x - width / 2, view.left + 2), Math.max(view.width - width - 2, view.left + 2));
  const top = y - 26 < view.top ? y + view.rowHeight + 8 : y - 26;
  pen.beginPath();
  pen.roundRect(view.snap(left), view.snap(top), width, 20, 4);
  pen.fillStyle = colours.ink;
  pen.fill();
  pen.fillStyle = colours.panel;
  pen.textBaseline = "middle";
  pen.fillText(text, left + 7, top + 10.5, width - 14);
}

function drawCursor(pen, roll) {
  const { view, colours } = roll;
  if (roll.chosen) ring(pen, view, roll.chosen, colours.ink, 2);
  if (!roll.focused) return;
  pen.strokeStyle = colours.accent;
  pen.lineWidth = 2;
  pen.setLineDash([4, 3]);
  if (roll.activeTool === "edit") {
    if (!roll.chosen && roll.byKeys) {
      pen.strokeRect(...noteBox(view, { ...roll.caret, end: roll.caret.start + 1 }));
    }
  } else if (roll.byKeys) {
    const x = view.snap(view.x(roll.bars[0]));
    pen.strokeRect(x + 1, 1, view.snap(view.x(roll.bars[1])) - x - 2, view.height - 2);
  }
  pen.setLineDash([]);
}

/** Return the text at the pointer and its place, or null. */
function whatIsTold({ view, hover, painting, gesture, chosen, outside, flats }) {
  if (painting) return { text: LOCK_NAMES[painting.lock], x: painting.x, y: painting.y };
  if (hover.chord) {
    return { text: hover.chord.name, x: view.x((hover.chord.start + hover.chord.end) / 2), y: view.chordsTop };
  }
  const note = gesture?.show ? chosen : hover.note; // a note that is dragged tells where it would be
  return note && { text: noteWords(note, outside, flats), x: view.x((note.start + note.end) / 2), y: view.y(note.pitch) };
}

/** Draw one frame's moving things over the still layers. */
export function drawMoving(pen, roll) {
  const { view, colours, hover, at } = roll;
  pen.setTransform(view.dpr, 0, 0, view.dpr, 0, 0);
  pen.save();
  pen.beginPath();
  pen.rect(view.left, 0, view.bodyWidth, view.height);
  pen.clip();
  if (roll.range) drawStretch(pen, view, roll.range, colours.select);
  drawHover(pen, roll);
  if (roll.painting) {
    pen.fillStyle = colours.locked;
    pen.globalAlpha = 0.14;
    column(pen, view, roll.painting.range, view.laneTop, view.height);
    pen.globalAlpha = 1;
  }
  drawCursor(pen, roll);
  if (at !== null) {
    const x = view.snap(view.x(at));
    pen.fillStyle = colours.play;
    upright(pen, view, x);
    pen.beginPath();
    pen.moveTo(x - 5.5, 0);
    pen.lineTo(x + 5.5, 0);
    pen.lineTo(x, 8);
    pen.fill();
  }
  const bar = scrollBar(view);
  if (bar) {
    pen.globalAlpha = hover.part === "scroll" ? 0.65 : 0.35;
    pen.fillStyle = colours.faint;
    pen.beginPath();
    pen.roundRect(bar.x, bar.y, bar.width, bar.height, bar.height / 2);
    pen.fill();
    pen.globalAlpha = 1;
  }
  const told = whatIsTold(roll);
  if (told) drawPlate(pen, roll, told.text, told.x, told.y);
  pen.restore();
}

/** Mark the key of the row that the pointer is over. */
export function drawKeyHover(pen, { view, colours, hover }) {
  if (hover.pitch === null) return;
  pen.setTransform(view.dpr, 0, 0, view.dpr, 0, 0);
  pen.save();
  pen.beginPath();
  pen.rect(0, view.top, view.left, view.bodyHeight);
  pen.clip();
  pen.globalAlpha = 0.3;
  pen.fillStyle = colours.accent;
  pen.fillRect(0, view.snap(view.y(hover.pitch)), view.left - 1, view.rowHeight);
  pen.restore();
}
