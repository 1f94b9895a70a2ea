// Likes: how many there are, what they tell, and more of what the user likes.

import { askedOf } from "./asked.js";
import { element } from "./elements.js";
import { switchField } from "./fields.js";

/** Fill an element with the thumbs so far, the button that asks, and the switch for more to the user's taste. */
export function mountTaste(place, session) {
  const asked = askedOf(session);
  const now = element("span", { class: "now" });
  const said = element("p", { class: "hint" });
  const meter = element("meter", { min: 0, max: 1, "aria-label": "Known melodies that are to your taste" });
  const ask = element("button", {
    type: "button", text: "Ask me", title: "Two melodies to judge, whose thumbs tell most about your taste",
    onclick: () => session.send({ do: "ask" }),
  });
  const more = switchField({
    label: "More to my taste",
    hint: "A rule like any other: melodies that you would like come first",
    switched: (on) => asked.set({ taste: on }),
  });
  const summary = element("summary", {}, element("span", { text: "Taste" }), now);
  place.append(element("details", { class: "part" }, summary, said, meter, element("div", { class: "buttons" }, ask), more.row));

  const refresh = () => {
    const { state } = session;
    const settings = asked.settings;
    place.inert = !settings; // nothing to change before it is known what there is
    if (!settings) return;
    const { liked, disliked, share: known, text } = state.taste;
    now.textContent = liked + disliked ? `${liked} liked, ${disliked} not` : "";
    const learned = known === null ? "What you like is being learned." : text;
    said.textContent = liked + disliked ? learned : "Give melodies a thumb up or down, and the panel learns what you like.";
    meter.hidden = known === null;
    if (known !== null) meter.value = known;
    meter.textContent = meter.title = known === null ? "" : `${Math.round(100 * known)} %`;
    more.show(settings.taste);
    more.input.disabled = !settings.taste && liked + disliked === 0; // nothing is known yet
    ask.disabled = state.busy?.what === "ask" || state.worker.state !== "ready";
  };
  asked.addEventListener("change", refresh);
  refresh();
}
