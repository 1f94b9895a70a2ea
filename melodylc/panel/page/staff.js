// The melody on a staff: drawn by abcjs, which is loaded when it is asked for first.

import { openDialog } from "./dialogs.js";
import { button, element } from "./elements.js";
import { abcOf } from "./files.js";

const SCRIPT = "/page/third_party/abcjs/abcjs-basic-min.js";
const WIDTH = 900; // of the staff in its own units; it is scaled to the dialog

const LINES = { minSpacing: 1.6, maxSpacing: 2.8, preferredMeasuresPerLine: 4 };

/** Return {open} for the staff of the melody in hand. */
export function mountStaff(dialog, desk, toasts) {
  const open = async () => {
    const melody = desk.melody;
    if (!melody) return;
    try {
      const [abcjs, abc] = await Promise.all([load(), abcOf(melody)]);
      const paper = element("div", { class: "paper", role: "img", "aria-label": `${melody.title || "The melody"} on a staff` });
      openDialog(dialog, melody.title || "Melody", () => [
        paper,
        element("details", {}, element("summary", { text: "As ABC" }), element("pre", { tabindex: "0", text: abc })),
        element("p", { class: "ends" }, button("Print", null, { onclick: () => print() })),
      ]);
      withoutStyleSheets(() => abcjs.renderAbc(paper, abc, { staffwidth: WIDTH, responsive: "resize", wrap: LINES }));
    } catch (error) {
      toasts.fail(`The staff cannot be shown: ${error.message}`);
    }
  };
  desk.addEventListener("staff", open);
  return { open };
}

// abcjs puts a style sheet for dragging notes into its picture. The page forbids style sheets that are not its own, and
// nothing is dragged here: an element without a meaning takes its place.
function withoutStyleSheets(draw) {
  const make = document.createElementNS.bind(document);
  document.createElementNS = (space, name) => make(space, name === "style" ? "metadata" : name);
  try {
    draw();
  } finally {
    delete document.createElementNS; // the browser's own is behind it
  }
}

let loading = null;

function load() {
  loading ??= new Promise((done, fail) => {
    const failed = () => {
      loading = null; // another try may do better
      fail(new Error("its script does not load"));
    };
    document.head.append(element("script", { src: SCRIPT, onload: () => done(globalThis.ABCJS), onerror: failed }));
  });
  return loading;
}
