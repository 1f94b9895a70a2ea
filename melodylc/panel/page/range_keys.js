// A small keyboard that shows a range of pitches. It is for the eye and the hand; the sliders beside it say and do the same.

const SVG = "http://www.w3.org/2000/svg";
const BLACK = new Set([1, 3, 6, 8, 10]);
const MIDDLE_C = 60;
const WHITE_WIDTH = 7;
const HEIGHT = 26;

/** The keys from one pitch to another; pressed(pitch) is called for a key that is pressed. */
export class RangeKeys {
  constructor(lowest, highest, pressed) {
    this.keys = new Map();
    const whites = [];
    const blacks = [];
    for (let pitch = lowest; pitch <= highest; pitch++) {
      const black = BLACK.has(pitch % 12);
      const left = whites.length * WHITE_WIDTH;
      const key = shape("rect", black
        ? { x: left - 2, y: 0, width: 4, height: HEIGHT * 0.6, class: "black" }
        : { x: left, y: 0, width: WHITE_WIDTH, height: HEIGHT, class: "white" });
      key.dataset.pitch = pitch;
      (black ? blacks : whites).push(key);
      this.keys.set(pitch, key);
    }
    const middle = this.keys.get(MIDDLE_C);
    const x = Number(middle?.getAttribute("x")) + WHITE_WIDTH / 2;
    this.sign = shape("circle", { cx: x, cy: HEIGHT - 5, r: 1.6, class: "middle" }); // of the middle C
    const viewBox = `0 0 ${whites.length * WHITE_WIDTH} ${HEIGHT}`;
    this.svg = shape("svg", { viewBox, class: "range-keys", "aria-hidden": "true" });
    this.svg.append(...whites, ...blacks, ...(middle ? [this.sign] : []));
    this.svg.addEventListener("click", (event) => {
      const pitch = event.target.dataset?.pitch;
      if (pitch !== undefined) pressed(Number(pitch));
    });
  }

  /** Mark the keys from the lowest to the highest pitch that may come; null leaves an end open. */
  show(low, high) {
    this.svg.classList.toggle("open", low === null && high === null); // nothing is marked where everything may come
    const outside = (pitch) => pitch < (low ?? 0) || pitch > (high ?? 127);
    for (const [pitch, key] of this.keys) key.classList.toggle("outside", outside(pitch));
    this.sign.classList.toggle("outside", outside(MIDDLE_C));
  }
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
