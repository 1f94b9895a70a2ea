// How locks look: a pattern and a sign of its own for each kind, so that colour is not what tells them apart.

import { STEPS_PER_BAR } from "./notes.js";
import { lines } from "./roll_colours.js";
import { LOCK_NAMES, LOCKED, PITCHES, RHYTHM, stretches } from "./roll_locks.js";

const DIRECTIONS = { [LOCKED]: "\\", [RHYTHM]: "|", [PITCHES]: "-" };
const LETTERS = { [RHYTHM]: "R", [PITCHES]: "P" };
const SIGN = 13; // pixels that a sign needs

function drawPadlock(pen, x, y, colour) {
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 1.3;
  pen.beginPath();
  pen.arc(x + 4, y + 3.4, 2.1, Math.PI, 0);
  pen.lineTo(x + 6.1, y + 4.5);
  pen.moveTo(x + 1.9, y + 3.4);
  pen.lineTo(x + 1.9, y + 4.5);
  pen.stroke();
  pen.beginPath();
  pen.roundRect(x + 0.6, y + 4, 6.8, 4.6, 1);
  pen.fill();
}

/** Draw a faint pattern over the rows of all locked steps. */
export function drawLockColumns(pen, { view, colours, locks }, from, width) {
  const patterns = {};
  for (const stretch of stretches(locks)) {
    const x = view.snap(stretch.from * view.stepWidth);
    const right = view.snap(stretch.to * view.stepWidth);
    if (right < from || x > from + width) continue;
    const direction = DIRECTIONS[stretch.lock];
    patterns[stretch.lock] ??= lines(pen, direction, colours.locked, { gap: 8, thick: 1, dpr: view.dpr });
    pen.globalAlpha = 0.07;
    pen.fillStyle = colours.locked;
    pen.fillRect(x, view.snap(view.above), right - x, view.bodyHeight);
    pen.globalAlpha = 0.24;
    pen.fillStyle = patterns[stretch.lock];
    pen.fillRect(x, view.snap(view.above), right - x, view.bodyHeight);
    pen.globalAlpha = 1;
  }
}

/** Draw the lane of locks: a patterned bar for each stretch, with its sign and, where there is room, its name. */
export function drawLane(pen, { view, colours, locks }, from, width) {
  const top = view.laneTop + 1;
  const height = view.top - view.laneTop - 2;
  const patterns = {};
  for (const stretch of stretches(locks)) {
    const x = view.snap(stretch.from * view.stepWidth);
    const right = view.snap(stretch.to * view.stepWidth);
    if (right < from || x > from + width) continue;
    pen.save();
    pen.beginPath();
    pen.roundRect(x + 1, top, Math.max(right - x - 2, 1), height, 2);
    pen.clip();
    pen.globalAlpha = 0.22;
    pen.fillStyle = colours.locked;
    pen.fillRect(x, top, right - x, height);
    pen.globalAlpha = 0.75;
    patterns[stretch.lock] ??= lines(pen, DIRECTIONS[stretch.lock], colours.locked, { gap: 4, thick: 1, dpr: view.dpr });
    pen.fillStyle = patterns[stretch.lock];
    pen.fillRect(x, top, right - x, height);
    pen.globalAlpha = 1;
    pen.font = `600 9px ${colours.font}`;
    pen.textBaseline = "middle";
    const name = LOCK_NAMES[stretch.lock];
    const barWidth = STEPS_PER_BAR * view.stepWidth;
    let free = x + 1; // where the next sign may stand
    let named = false;
    for (let step = stretch.from; step < stretch.to; step = (Math.floor(step / STEPS_PER_BAR) + 1) * STEPS_PER_BAR) {
      const at = Math.max(view.snap(step * view.stepWidth) + 1, x + 1);
      if (at < free || (named && barWidth < 60)) continue;
      const words = !named && right - at > SIGN + pen.measureText(name).width + 8 ? pen.measureText(name).width + 4 : 0;
      pen.fillStyle = colours.panel;
      pen.fillRect(at, top, SIGN + words, height);
      if (stretch.lock === LOCKED) drawPadlock(pen, at + 2.5, top + (height - 10) / 2 + 0.5, colours.locked);
      else {
        pen.fillStyle = colours.locked;
        pen.fillText(LETTERS[stretch.lock], at + 3.5, top + height / 2 + 0.5);
      }
      pen.fillStyle = colours.ink;
      if (words) pen.fillText(name, at + SIGN, top + height / 2 + 0.5);
      free = at + SIGN + words;
      named = true;
    }
    pen.restore();
  }
}
