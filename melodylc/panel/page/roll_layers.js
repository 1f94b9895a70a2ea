// What of the roll does not move: drawn once into canvases that are wider than what is seen, then only copied each frame.

import { HIGHEST_PITCH, noteName, STEPS_PER_BAR, STEPS_PER_BEAT } from "./notes.js";
import { lines } from "./roll_colours.js";
import { drawLane, drawLockColumns } from "./roll_lock_signs.js";

const AIR = 0.5; // of the width seen, drawn on both sides, so that scrolling copies for a while before it draws
const BLACK = new Set([1, 3, 6, 8, 10]);

class Tile {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d");
    this.stale = true;
  }

  /** Empty the tile, at a size in CSS pixels, with its origin at a point of what it shows. */
  begin(width, height, dpr, x = 0, y = 0) {
    const size = [Math.max(Math.ceil(width * dpr), 1), Math.max(Math.ceil(height * dpr), 1)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.clearRect(0, 0, ...size);
    this.pen.setTransform(dpr, 0, 0, dpr, -x * dpr, -y * dpr);
    this.stale = false;
    return this.pen;
  }
}

/** The still layers of a roll: rows and grid, notes, the strips above, the keys. */
export class Layers {
  constructor() {
    this.ground = new Tile();
    this.notes = new Tile();
    this.head = new Tile();
    this.keys = new Tile();
    this.from = 0; // pixels of the melody at the left edge of the tiles
    this.width = 0;
  }

  /** Say that something must be drawn again: "ground" with all, "notes" with the locks in the lane, "head" or "keys". */
  forget(...names) {
    for (const name of names.length ? names : ["ground", "notes", "head", "keys"]) this[name].stale = true;
  }

  /** Draw what is stale or no longer wide enough. */
  refresh(roll) {
    const { view } = roll;
    if (view.scroll < this.from || view.scroll + view.bodyWidth > this.from + this.width + 0.5) this.forget();
    if (this.ground.stale) {
      const end = Math.max(view.steps * view.stepWidth, view.bodyWidth);
      this.from = view.snap(Math.max(view.scroll - AIR * view.bodyWidth, 0));
      this.width = Math.min(view.scroll + (1 + AIR) * view.bodyWidth, end) - this.from;
      drawGround(this.ground.begin(this.width, view.bodyHeight, view.dpr, this.from, view.snap(view.above)), roll, this);
      this.notes.stale = this.head.stale = true;
    }
    if (this.notes.stale) {
      drawNotes(this.notes.begin(this.width, view.bodyHeight, view.dpr, this.from, view.snap(view.above)), roll, this);
    }
    if (this.head.stale) drawHead(this.head.begin(this.width, view.top, view.dpr, this.from), roll, this);
    if (this.keys.stale) drawKeys(this.keys.begin(view.left, view.bodyHeight, view.dpr, 0, view.snap(view.above)), roll);
  }

  /** Copy the layers to where they are seen. */
  copy(context, view) {
    const dx = Math.round((view.left + this.from - view.snap(view.scroll)) * view.dpr);
    const top = Math.round(view.top * view.dpr);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.ground.canvas, dx, top);
    context.drawImage(this.notes.canvas, dx, top);
    context.drawImage(this.head.canvas, dx, 0);
  }

  /** Copy the keys, over what has been scrolled beneath them. */
  copyKeys(context, view, colours) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colours.panel;
    context.fillRect(0, 0, Math.round(view.left * view.dpr), Math.round(view.top * view.dpr));
    context.drawImage(this.keys.canvas, 0, Math.round(view.top * view.dpr));
  }
}

function seenPitches(view) {
  const highest = HIGHEST_PITCH - Math.floor(view.above / view.rowHeight);
  const lowest = HIGHEST_PITCH - Math.ceil((view.above + view.bodyHeight) / view.rowHeight);
  return [Math.max(lowest, 0), Math.min(highest, HIGHEST_PITCH)];
}

function rowColour(pitch, allowed, tonic, colours) {
  if (pitch % 12 === tonic && (!allowed || allowed.has(pitch))) return colours.tonic;
  if (allowed) return allowed.has(pitch) ? colours.allowed : colours.panel;
  return BLACK.has(pitch % 12) ? colours.paper : colours.panel;
}

/** Draw the rows and the grid. */
function drawGround(pen, roll, { from, width }) {
  const { view, colours, allowed, tonic } = roll;
  const { rowHeight, stepWidth } = view;
  const top = view.snap(view.above);
  const line = 1 / view.dpr;
  const end = Math.min(view.steps * stepWidth, from + width);
  pen.fillStyle = colours.paper;
  pen.fillRect(from, top, width, view.bodyHeight);
  const [lowest, highest] = seenPitches(view);
  for (let pitch = lowest; pitch <= highest; pitch++) {
    const y = view.snap((HIGHEST_PITCH - pitch) * rowHeight);
    const bottom = view.snap((HIGHEST_PITCH - pitch + 1) * rowHeight);
    pen.fillStyle = rowColour(pitch, allowed, tonic, colours);
    pen.fillRect(from, y, end - from, bottom - y);
    if (pitch % 12 === 0) pen.fillStyle = colours.bar;
    else pen.fillStyle = colours.beat;
    if (pitch % 12 === 0 || rowHeight >= 7) pen.fillRect(from, bottom - line, end - from, line);
  }
  const bars = STEPS_PER_BAR * stepWidth;
  for (const [every, colour, least] of [[1, colours.beat, 11], [STEPS_PER_BEAT, colours.beat, 2.5], [STEPS_PER_BAR, colours.bar, 0]]) {
    if (stepWidth < least) continue;
    pen.fillStyle = colour;
    pen.globalAlpha = every === 1 ? 0.6 : 1;
    // at a far zoom, where every bar would be a hatching, every fourth
    const spacing = every === STEPS_PER_BAR && bars < 7 ? 4 * every : every;
    const first = Math.ceil(from / stepWidth / spacing) * spacing;
    for (let step = first; step * stepWidth <= end; step += spacing) {
      pen.fillRect(view.snap(step * stepWidth), top, line, view.bodyHeight);
    }
  }
  pen.globalAlpha = 1;
}

/** Draw one note into rows: its fill, its edge, its name where there is room. */
function drawNote(pen, note, { x, y, width, height, wrong, hatch, colours, dpr, flats }) {
  const radius = Math.min(3, height / 4, width / 4);
  const thick = width < 5 ? 0 : Math.max(Math.round(dpr) / dpr, 1 / dpr); // of a narrow note nothing but edge would be seen
  pen.beginPath();
  pen.roundRect(x + thick / 2, y + thick / 2, Math.max(width - thick, 1), Math.max(height - thick, 1), radius);
  pen.fillStyle = wrong ? hatch : colours.note;
  pen.fill();
  if (thick) {
    pen.lineWidth = thick;
    pen.strokeStyle = wrong ? colours.wrongEdge : colours.noteEdge;
    pen.stroke();
  }
  if (height < 12 || width < 30 || wrong) return;
  pen.fillStyle = colours.accentInk;
  pen.font = `600 ${Math.min(height - 3, 11)}px ${colours.font}`;
  pen.textBaseline = "middle";
  pen.fillText(noteName(note.pitch, flats), x + 5, y + height / 2 + 0.5);
}

/** Return the fill of wrong notes: red, with slanted lines in the colour of what is behind, which is seen in any theme. */
export function wrongHatch(pen, colours, dpr, gap = 5) {
  return lines(pen, "/", colours.panel, { gap, thick: 1.1, ground: colours.wrong, dpr });
}

/** Draw the notes and, behind them, the locks. */
function drawNotes(pen, roll, { from, width }) {
  const { view, colours, notes, wrong } = roll;
  const { stepWidth, rowHeight } = view;
  drawLockColumns(pen, roll, from, width);
  const hatch = wrongHatch(pen, colours, view.dpr);
  for (const note of notes) {
    const x = view.snap(note.start * stepWidth);
    const right = view.snap(note.end * stepWidth);
    if (right < from || x > from + width) continue;
    const y = view.snap((HIGHEST_PITCH - note.pitch) * rowHeight);
    const bottom = view.snap((HIGHEST_PITCH - note.pitch + 1) * rowHeight);
    const isWrong = wrong.has(note.start);
    const least = isWrong ? 4 : 1.5; // narrower, no hatching would be seen
    drawNote(pen, note, {
      x, y, width: Math.max(right - x - (right - x > 2.5 ? 1 : 0.5), least), height: bottom - y - 1 / view.dpr, hatch, colours,
      wrong: isWrong, dpr: view.dpr, flats: roll.flats,
    });
  }
}

/** Draw bar numbers, chord names and the lane of locks. */
function drawHead(pen, roll, { from, width }) {
  const { view, colours } = roll;
  const { stepWidth } = view;
  const line = 1 / view.dpr;
  const end = Math.min(view.steps * stepWidth, from + width);
  pen.fillStyle = colours.panel;
  pen.fillRect(from, 0, width, view.top);
  const barWidth = STEPS_PER_BAR * stepWidth;
  let every = 1;
  while (barWidth * every < 30) every *= 2;
  pen.textBaseline = "middle";
  for (let bar = Math.max(Math.floor(from / barWidth) - every, 0); bar * barWidth < end; bar++) {
    const x = view.snap(bar * barWidth);
    const named = bar % every === 0;
    pen.fillStyle = colours.bar;
    if (named || barWidth >= 7) pen.fillRect(x, named ? 4 : view.ruler - 5, line, view.ruler - (named ? 4 : view.ruler - 5));
    if (!named) continue;
    pen.fillStyle = colours.faint;
    pen.font = `500 11px ${colours.font}`;
    pen.fillText(`${bar + 1}`, x + 4, view.ruler / 2 + 1);
  }
  if (view.chords) drawChords(pen, roll, from, width, every);
  pen.fillStyle = colours.line;
  pen.fillRect(from, view.laneTop, width, line);
  drawLane(pen, roll, from, width);
  pen.fillStyle = colours.bar;
  pen.fillRect(from, view.snap(view.top - line), width, line);
}

// Letters of chords may be smaller and narrower where there is little room.
function fitting(pen, name, room, font) {
  return [11.5, 10].some((size) => {
    pen.font = `600 ${size}px ${font}`;
    return pen.measureText(name).width * 0.75 <= room;
  });
}

/**
 * Draw the names of chords, where the melody changes to them. Where not all have room, those at bars that are numbered; the
 * others are dots, which the pointer tells.
 */
function drawChords(pen, { view, colours, chords }, from, width, every) {
  const { stepWidth } = view;
  const line = 1 / view.dpr;
  const middle = (view.chordsTop + view.laneTop) / 2 + 0.5;
  pen.fillStyle = colours.line;
  pen.fillRect(from, view.chordsTop, width, line);
  const roomOf = ({ start, end }) => (end - start) * stepWidth - 5;
  const all = chords.every((chord) => fitting(pen, chord.name, roomOf(chord), colours.font));
  const numbered = every * STEPS_PER_BAR;
  let last = null;
  let free = from; // beyond what is written
  for (const chord of chords) {
    const x = view.snap(chord.start * stepWidth);
    const isNamed = all ? chord.name !== last || roomOf(chord) > 24 : chord.start % numbered === 0;
    last = chord.name;
    if (x > from + width || x + numbered * stepWidth < from) continue;
    pen.fillStyle = colours.bar;
    if (isNamed || x > free) pen.fillRect(x, view.chordsTop, line, view.laneTop - view.chordsTop);
    if (isNamed) {
      const room = all ? roomOf(chord) : numbered * stepWidth - 8;
      fitting(pen, chord.name, room, colours.font);
      pen.fillStyle = colours.ink;
      pen.fillText(chord.name, x + 4, middle, room);
      free = x + 4 + Math.min(pen.measureText(chord.name).width, room);
    } else if (!all && x > free && roomOf(chord) > 2) {
      pen.fillStyle = colours.faint;
      pen.fillText("·", x + 4, middle);
    }
  }
}

/** Draw the keys of a piano, one a row, with the names of the Cs. */
function drawKeys(pen, roll) {
  const { view, colours, allowed } = roll;
  const { rowHeight, left } = view;
  const top = view.snap(view.above);
  const line = 1 / view.dpr;
  const short = Math.round(left * 0.58);
  pen.fillStyle = colours.panel;
  pen.fillRect(0, top, left, view.bodyHeight);
  const [lowest, highest] = seenPitches(view);
  for (let pitch = lowest; pitch <= highest; pitch++) {
    const y = view.snap((HIGHEST_PITCH - pitch) * rowHeight);
    const bottom = view.snap((HIGHEST_PITCH - pitch + 1) * rowHeight);
    const tone = pitch % 12;
    if (BLACK.has(tone)) {
      pen.fillStyle = colours.line;
      pen.fillRect(short, view.snap((y + bottom) / 2), left - short, line); // the edge of the white keys beside it
      pen.fillStyle = colours.blackKey;
      pen.beginPath();
      pen.roundRect(-4, y + line, short + 4, bottom - y - 2 * line, 2);
      pen.fill();
    } else if (tone === 0 || tone === 5) {
      pen.fillStyle = tone === 0 ? colours.bar : colours.line;
      pen.fillRect(0, bottom - line, left, line);
    }
    if (tone === 0 && rowHeight >= 5) {
      pen.fillStyle = allowed && !allowed.has(pitch) ? colours.faint : colours.ink;
      pen.font = `600 ${Math.min(Math.max(rowHeight - 1, 8.5), 10.5)}px ${colours.font}`;
      pen.textBaseline = "middle";
      pen.textAlign = "right";
      pen.fillText(noteName(pitch), left - 5, (y + bottom) / 2 + 0.5);
    }
  }
  pen.textAlign = "left";
  pen.fillStyle = colours.bar;
  pen.fillRect(left - line, top, line, view.bodyHeight);
}
