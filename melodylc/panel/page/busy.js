// What the server is at, with a way to stop it.

import { button, element } from "./elements.js";
import { inPlainWords } from "./plain_words.js";
import { sentence } from "./words.js";

/** Show in `place` what is being worked on; the whole page gets the class "working" meanwhile. */
export function mountBusy(place, session, actions) {
  const spinner = element("span", { class: "spinner", "aria-hidden": "true" });
  const text = element("span", { class: "text" });
  const stop = button("Stop", "stop", { key: "Esc", class: "small", onclick: () => actions.stopWork() });
  const update = () => {
    const { busy = null, worker } = session.state ?? { worker: { state: "starting", text: "Connecting" } };
    const waiting = worker.state === "starting" ? worker.text || "Loading the model" : ""; // a banner says that it is gone
    const words = sentence(inPlainWords(busy ? busy.text : waiting));
    const working = Boolean(busy) || worker.state === "starting";
    if (text.textContent !== words) text.textContent = words; // a live region speaks only where something changed
    spinner.hidden = !working;
    stop.hidden = !busy?.stoppable;
    document.body.classList.toggle("working", working);
  };
  place.append(spinner, text, stop);
  session.addEventListener("change", update);
  update();
}
