// The colours of the roll, from the custom properties of the page; where the page has none, as in a notebook, its own.

const NAMES = [
  "paper", "panel", "ink", "faint", "line", "accent", "accent-ink", "note", "note-edge", "wrong", "wrong-edge", "locked",
  "allowed", "tonic", "black-key", "beat", "bar", "play", "select", "good",
];

const OWN = {
  light: [
    "#f4f5f7", "#ffffff", "#1d2329", "#59626d", "#d5dae0", "#2458c7", "#ffffff", "#3d78d8", "#1f4f9f", "#e5484d", "#8f1220",
    "#8a6100", "#e9f0f8", "#d3e3f5", "#3a424c", "#dfe3e8", "#a9b2bc", "#c2410c", "#2458c7", "#1c7c4a",
  ],
  dark: [
    "#14171b", "#1b1f24", "#e6e9ed", "#9aa4b0", "#343b44", "#7aa7ff", "#0d1420", "#5b97f2", "#b4d0ff", "#e5555a", "#ffc2c2",
    "#e0b04a", "#222b36", "#2b3b50", "#0c0e11", "#2a3038", "#525c68", "#ff9d5c", "#7aa7ff", "#5fca8e",
  ],
};

/** Return whether the page is dark: what it says itself, else what the user's system prefers. */
export function isDark() {
  const said = document.documentElement.dataset.theme;
  return said ? said === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Return the colours that hold for an element, by name without dashes: colours.noteEdge. */
export function readColours(element) {
  const style = getComputedStyle(element);
  const own = OWN[isDark() ? "dark" : "light"];
  const colours = {};
  NAMES.forEach((name, index) => {
    const key = name.replace(/-(.)/, (_, letter) => letter.toUpperCase());
    colours[key] = style.getPropertyValue(`--${name}`).trim() || own[index];
  });
  colours.font = style.fontFamily || "system-ui, sans-serif";
  return colours;
}

/** Call back whenever the theme changes; return a function that ends it. */
export function onThemeChange(call) {
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(call);
  media.addEventListener("change", call);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
  return () => {
    media.removeEventListener("change", call);
    observer.disconnect();
  };
}

/**
 * Return a pattern of lines: "/" and "\" slanted, "|" upright, "-" level. It is drawn in device pixels, so that the
 * lines meet at the edges of the tile and stay sharp.
 */
export function lines(context, direction, colour, { gap = 6, thick = 1.5, ground = null, dpr = 1 } = {}) {
  const size = Math.max(Math.round(gap * dpr), 3);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  if (ground) {
    pen.fillStyle = ground;
    pen.fillRect(0, 0, size, size);
  }
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineWidth = Math.max(thick * dpr, 1);
  const whole = Math.max(Math.round(pen.lineWidth), 1);
  if (direction === "|") pen.fillRect(0, 0, whole, size);
  else if (direction === "-") pen.fillRect(0, 0, size, whole);
  else {
    pen.beginPath();
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift - 1, direction === "/" ? size + 1 : -1);
      pen.lineTo(shift + size + 1, direction === "/" ? -1 : size + 1);
    }
    pen.stroke();
  }
  const pattern = context.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / dpr));
  return pattern;
}
