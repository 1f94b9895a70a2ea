// A melody drawn small, for the card of a candidate: notes, wrong ones hatched, bar lines, how far it has been played.

import { toNotes } from "./notes.js";
import { isDark, readColours } from "./roll_colours.js";
import { wrongHatch } from "./roll_layers.js";

const coloursRead = new Map(); // by theme: cards are many, and reading styles costs a layout each

/**
 * Draw a melody small, for a card. `played`, optional: [from, to] steps that have sounded. The style sheet gives the canvas
 * its size; draw again when that or the theme changes.
 */
export function drawMini(canvas, melody, played = null) {
  const theme = isDark();
  if (!coloursRead.has(theme) && canvas.isConnected) coloursRead.set(theme, readColours(canvas));
  drawSmall(canvas, {
    colours: coloursRead.get(theme) ?? readColours(canvas),
    dpr: window.devicePixelRatio || 1,
    notes: melody ? toNotes(melody.states) : [],
    steps: melody?.states.length ?? 0,
    wrong: new Set((melody?.outside ?? []).map(([step]) => step)),
    played,
  });
}

function drawSmall(canvas, { colours, dpr, notes, steps, wrong, played }) {
  const width = canvas.clientWidth || canvas.width;
  const height = canvas.clientHeight || canvas.height;
  const size = [Math.round(width * dpr), Math.round(height * dpr)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const pen = canvas.getContext("2d");
  pen.setTransform(dpr, 0, 0, dpr, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!steps) return;
  const snap = (pixels) => Math.round(pixels * dpr) / dpr;
  const stepWidth = width / steps;
  const pitches = notes.map(({ pitch }) => pitch);
  const middle = notes.length ? (Math.min(...pitches) + Math.max(...pitches)) / 2 : 66;
  const rows = notes.length ? Math.max(Math.max(...pitches) - Math.min(...pitches) + 2, 14) : 14;
  const rowHeight = height / rows;
  const top = middle + rows / 2;
  const every = steps * stepWidth > (steps / 16) * 6 ? 16 : 64;
  for (let step = every; step < steps; step += every) {
    pen.fillStyle = step % 64 ? colours.beat : colours.bar;
    pen.fillRect(snap(step * stepWidth), 0, 1 / dpr, height);
  }
  if (played) {
    pen.globalAlpha = 0.18;
    pen.fillStyle = colours.play;
    pen.fillRect(played[0] * stepWidth, 0, (played[1] - played[0]) * stepWidth, height);
    pen.globalAlpha = 1;
    pen.fillRect(snap(played[1] * stepWidth) - 0.75, 0, 1.5, height);
  }
  const hatch = wrongHatch(pen, colours, dpr, 3.5);
  const noteHeight = Math.min(Math.max(rowHeight, 2), 6);
  for (const note of notes) {
    const isWrong = wrong.has(note.start);
    const tall = isWrong ? Math.max(noteHeight, 4) : noteHeight; // low enough rows would hide the hatching
    const x = snap(note.start * stepWidth);
    const y = snap((top - note.pitch - 0.5) * rowHeight + (rowHeight - tall) / 2);
    const long = Math.max(snap(note.end * stepWidth) - x - (stepWidth > 2 ? 1 : 0.4), 1);
    pen.fillStyle = isWrong ? hatch : colours.note;
    pen.fillRect(x, y, long, tall);
    if (!isWrong) continue;
    pen.fillStyle = colours.wrong;
    pen.fillRect(x, y, long, 1);
    pen.fillRect(x, y + tall - 1, long, 1);
  }
}
