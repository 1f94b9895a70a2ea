// Back and forward through the sets of melodies, and the list of them all.

import { button, element } from "./elements.js";
import { inPlainWords } from "./plain_words.js";
import { timeOfDay } from "./words.js";

/** Show where the page is among the sets, with a way to each of them. */
export function mountHistory(place, session, actions) {
  const move = (words, picture, key, title) =>
    button(words, picture, { quiet: true, key, title, onclick: () => actions[picture]() });
  const back = move("Back", "back", "b", "Back to the set before");
  const forward = move("Forward", "forward", "f", "Forward to the next set");
  const list = element("select", {
    "aria-label": "Sets of melodies",
    onchange: () => session.send({ do: "go", set: idOf(session.state.sets, list.value) }),
  });
  place.append(back, forward, list);
  let drawn = "";
  const update = () => {
    const { sets = [], at = null } = session.state ?? {};
    const index = sets.findIndex((set) => set.id === at);
    back.disabled = index <= 0;
    forward.disabled = index < 0 || index === sets.length - 1;
    list.disabled = sets.length === 0;
    const now = JSON.stringify(sets.map((set) => [set.id, set.title]));
    if (now !== drawn) list.replaceChildren(...sets.map(option).reverse()); // the latest at the top
    if (sets.length === 0) list.replaceChildren(element("option", { text: "No melodies yet" }));
    drawn = now;
    if (index >= 0) list.value = String(at);
    list.title = sets[index]?.title ?? "";
  };
  session.addEventListener("change", (event) => (event.detail.has("sets") || event.detail.has("at")) && update());
  update();
}

function option(set, index) {
  return element("option", { value: String(set.id), text: `${index + 1}. ${inPlainWords(set.title)} · ${timeOfDay(set.time)}` });
}

// Values of options are texts, ids may be numbers.
function idOf(sets, value) {
  return sets.find((set) => String(set.id) === value)?.id;
}
