// The curve of learning: shares of melodies, round by round.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 260;
const HEIGHT = 130;
const LEFT = 34; // where the axes cross; labels stand outside
const BOTTOM = HEIGHT - 30;
const TOP = 10;
const RIGHT = WIDTH - 10;
const FEWEST = 4; // rounds that the axis has at least: a point in the middle of nothing says little

/** Return a picture of [[round, kept, satisfied], ...]: shares 0 to 1, kept a solid line, satisfied a dashed one. */
export function drawnCurve(curve) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curve", role: "img" });
  svg.setAttribute("aria-label", `Learning: ${inWords(curve)}`);
  const last = Math.max(FEWEST, curve.at(-1)?.[0] ?? 0);
  const first = Math.min(1, curve[0]?.[0] ?? 1); // rounds count from 0 or from 1
  const x = (round) => LEFT + ((round - first) / (last - first)) * (RIGHT - LEFT);
  const y = (share) => BOTTOM - share * (BOTTOM - TOP);
  for (const share of [0, 0.5, 1]) {
    svg.append(shape("line", { x1: LEFT, x2: RIGHT, y1: y(share), y2: y(share), class: share ? "grid" : "axis" }));
    svg.append(label(`${100 * share} %`, LEFT - 4, y(share) + 3, "end"));
  }
  svg.append(shape("line", { x1: LEFT, x2: LEFT, y1: TOP, y2: BOTTOM, class: "axis" }));
  for (const round of new Set([first, Math.round((first + last) / 2), last])) {
    svg.append(label(String(round), x(round), BOTTOM + 12, round === last ? "end" : "middle"));
  }
  svg.append(label("rounds of learning", (LEFT + RIGHT) / 2, HEIGHT - 4, "middle"));
  for (const [column, name] of [[2, "satisfied"], [1, "kept"]]) {
    const points = curve.map((row) => `${x(row[0]).toFixed(1)},${y(row[column]).toFixed(1)}`);
    svg.append(shape("polyline", { points: points.join(" "), class: `line ${name}` }));
    const at = curve.at(-1);
    const r = name === "kept" ? 3.5 : 2.5;
    if (at) svg.append(shape("circle", { cx: x(at[0]), cy: y(at[column]), r, class: `dot ${name}` }));
  }
  return svg;
}

/** Return what the last round of a curve says. */
export function inWords(curve) {
  const last = curve.at(-1);
  if (!last) return "the first round is under way";
  const [round, kept, satisfied] = last;
  return `round ${round}: ${percent(satisfied)} keep the rules, ${percent(kept)} sound natural too`;
}

/** Return two lines with their names, as they are drawn. */
export function legend() {
  const svg = shape("svg", { viewBox: "0 0 260 18", class: "curve legend", "aria-hidden": "true" });
  for (const [at, name, text] of [[0, "satisfied", "keep the rules"], [128, "kept", "and sound natural"]]) {
    svg.append(shape("line", { x1: at, x2: at + 20, y1: 9, y2: 9, class: `line ${name}` }), label(text, at + 25, 12.5, "start"));
  }
  return svg;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function label(text, x, y, anchor) {
  const made = shape("text", { x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
