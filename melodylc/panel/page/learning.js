// Learning: whether it is needed, how it goes, and what has been learned.

import { askedOf } from "./asked.js";
import { element } from "./elements.js";
import { inPlainWords } from "./plain_words.js";
import { stopWork } from "./stopping.js";
import { drawnCurve, inWords, legend } from "./learning_curve.js";

const SEARCH = "Melodies that keep your rules are searched for, and come at once.";
const LEARNING = "Learning takes minutes; after it, melodies for these rules come faster, and more of them keep the rules.";

/** Fill an element with the button that learns the rules, the curve while it learns, and what has been learned. */
export function mountLearning(place, session) {
  const asked = askedOf(session);
  const now = element("span", { class: "now" });
  const said = element("p", { class: "hint" });
  const learn = element("button", { type: "button", text: "Learn these rules", onclick: () => session.send({ do: "learn" }) });
  const stop = element("button", {
    type: "button", text: "Stop", title: "Keeps the best so far", onclick: () => stopWork(session),
  });
  const stopHint = element("span", { class: "hint", text: "keeps the best so far" });
  const picture = element("div");
  const words = element("p", { class: "values", role: "status" });
  const progress = element("div", {}, picture, legend(), words);
  const learned = element("ul", { class: "learned" });
  const summary = element("summary", {}, element("span", { text: "Learning" }), now);
  const part = element(
    "details", { class: "part" }, summary, said, element("div", { class: "buttons" }, learn, stop, stopHint), progress, learned,
  );
  place.append(part);

  let curve = null; // the one of now, or the last: what came of it stays to be seen
  let curveOf = ""; // what it was learned for
  let was = false;
  let drawn = null;
  const refresh = () => {
    const { state } = session;
    const settings = asked.settings;
    place.inert = !settings; // nothing to change before it is known what there is
    if (!settings) return;
    const learning = state.busy?.what === "learn";
    const asks = JSON.stringify([settings.chords, settings.rules.filter(({ on }) => on)]);
    if (learning) {
      curve = state.busy.curve ?? [];
      if (!was) curveOf = asks;
    } else if (asks !== curveOf || !curve?.length) curve = null; // it was of other rules, or ended before its first round
    if (learning && !was) part.open = true; // it was asked for: here is how it goes
    const focused = document.activeElement;
    const some = Boolean(settings.chords) || settings.rules.some(({ on }) => on);
    const ready = state.worker.state === "ready";
    learn.hidden = learning;
    learn.disabled = !some || !ready;
    stop.hidden = stopHint.hidden = !(learning && state.busy.stoppable);
    if (learning && focused === learn && !stop.hidden) stop.focus();
    if (!learning && was && focused === stop) learn.focus();
    was = learning;
    said.textContent = explained(state, some, learning);
    now.textContent = learning ? "learning…" : "";
    progress.hidden = !curve;
    if (curve && drawn !== JSON.stringify(curve)) {
      drawn = JSON.stringify(curve);
      picture.replaceChildren(drawnCurve(curve));
    }
    const line = curve ? (learning ? upper(inWords(curve)) : `Ended after ${inWords(curve)}`) : "";
    if (words.textContent !== line) words.textContent = line;
    list(learned, state.learned ?? []);
  };
  asked.addEventListener("change", refresh);
  refresh();
}

function explained(state, some, learning) {
  if (learning) return upper(inPlainWords(state.busy.text || "learning"));
  if (!some) return "Key, notes and range need no learning. Add a rule or chords, and they can be learned.";
  if (state.worker.state !== "ready") return state.worker.text;
  return `${SEARCH} ${LEARNING}`;
}

function upper(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function list(place, learned) {
  const key = JSON.stringify(learned);
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  place.hidden = !learned.length;
  place.replaceChildren(
    ...learned.map(({ rules, report }) =>
      element("li", {}, element("strong", { text: `Learned: ${inPlainWords(rules)}` }), element("span", { class: "hint", text: inPlainWords(report) }))),
  );
}
