// Making the elements of the page. Texts always become text nodes: nothing that the server says is read as markup.

const SVG = "http://www.w3.org/2000/svg";

// Each drawn on a square of 24, as strokes, so that they take the colour of the text beside them.
const SHAPES = {
  play: "M8 5v14l11-7z",
  stop: "M7 7h10v10H7z",
  again: "M20 11a8 8 0 1 0-2.3 6M20 4v7h-7",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  up: "M7 11v9H4v-9zM7 11l4-8c1.7 0 2.6 1.2 2.4 2.8L13 9h5.2c1.3 0 2.2 1.2 1.9 2.4l-1.6 6.8A2.4 2.4 0 0 1 16.2 20H7",
  down: "M7 13V4H4v9zM7 13l4 8c1.7 0 2.6-1.2 2.4-2.8L13 15h5.2c1.3 0 2.2-1.2 1.9-2.4l-1.6-6.8A2.4 2.4 0 0 0 16.2 4H7",
  like: "M4 9c2.7-3 5.3-3 8 0s5.3 3 8 0M4 16c2.7-3 5.3-3 8 0s5.3 3 8 0",
  between: "M4 5v14M20 5v14M8 12h8M8 12l2.5-2.5M8 12l2.5 2.5M16 12l-2.5-2.5M16 12l-2.5 2.5",
  select: "M6 4v13.5l3.6-3.2 2.4 5.2 2.5-1.2-2.4-5 4.9-.3z",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  rhythm: "M4 8v8M9 8v8M12 8v8M20 8v8",
  pitches: "M4 17h4v-4h4V9h4V5h4",
  free: "M6 11h12v9H6zM9 11V7a3 3 0 0 1 5.8-1",
  in: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.5 15.5L20 20M8.5 11h5M11 8.5v5",
  out: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15.5 15.5L20 20M8.5 11h5",
  fit: "M4 9V5h4M16 5h4v4M20 15v4h-4M8 19H4v-4",
  undo: "M8 5L4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11h-3",
  redo: "M16 5l4 4-4 4M20 9H10a5.5 5.5 0 0 0 0 11h3",
  remake: "M5 19L16 8M14.5 6.5l3 3M7 4v4M5 6h4M18 14v4M16 16h4",
  on: "M4 12h13M12 6l6 6-6 6M21 5v14",
  loop: "M7 7h9a4 4 0 0 1 4 4M17 17H8a4 4 0 0 1-4-4M9.5 4L7 7l2.5 3M14.5 20l2.5-3-2.5-3",
  repeat: "M5 12V9a3 3 0 0 1 3-3h11M16 3l3 3-3 3M19 12v3a3 3 0 0 1-3 3H5M8 21l-3-3 3-3",
  metronome: "M9 4h6l3 16H6zM7 15h10M12 15l5-9",
  chords: "M5 6h9M5 11h9M5 16h9M18 5v12",
  volume: "M4 10v4h3l4 4V6L7 10zM15 9a4 4 0 0 1 0 6M17.5 6.5a8 8 0 0 1 0 11",
  drag: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  download: "M12 4v11M7.5 10.5L12 15l4.5-4.5M5 19h14",
  save: "M4 7a1 1 0 0 1 1-1h4l2 2h8a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM12 11v5M9.5 13.5L12 16l2.5-2.5",
  open: "M4 18V7a1 1 0 0 1 1-1h4l2 2h8a1 1 0 0 1 1 1v2M4 18l2.5-7H21l-2.5 7z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  staff: "M3 6h18M3 10h18M3 14h18M3 18h18M10 16V6",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5h.01",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7",
  cross: "M7 7l10 10M17 7L7 17",
};
const FILLED = new Set(["play", "stop"]);

/** Return a new element: `properties` that begin with "on" are listeners, `text` is its text, the others attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return a small picture that takes the colour of the text; words beside it say what it means. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", FILLED.has(name) ? "icon filled" : "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** Return a button with a picture and, unless `quiet`, its words; the key that does the same stands in its title. */
export function button(words, picture, { key = "", quiet = false, ...properties } = {}) {
  const title = properties.title ?? words;
  const made = element("button", { type: "button", ...properties, title: key ? `${title} (${key})` : title });
  if (picture) made.append(icon(picture));
  if (quiet) made.setAttribute("aria-label", words);
  else made.append(element("span", { text: words }));
  return made;
}

/** Give a button another picture and another name. */
export function redraw(made, words, picture, key = "") {
  if (made.dataset.picture === picture + words) return;
  made.dataset.picture = picture + words;
  made.querySelector("svg").replaceWith(icon(picture));
  made.title = key ? `${words} (${key})` : words;
  const text = made.querySelector("span");
  if (text) text.textContent = words;
  else made.setAttribute("aria-label", words);
}

/** Return what a setting of this browser was, or `otherwise`. */
export function remembered(name, otherwise) {
  try {
    const kept = JSON.parse(localStorage.getItem(`melodylc.${name}`));
    return kept === null ? otherwise : kept;
  } catch {
    return otherwise; // storage may be forbidden, and what lies there may be anything
  }
}

/** Keep a setting of this browser. */
export function remember(name, value) {
  try {
    localStorage.setItem(`melodylc.${name}`, JSON.stringify(value));
  } catch {
    // forbidden or full: the setting lasts as long as the page
  }
}
