// What the server is at, with a way to stop it.

import { button, element } from "./elements.js";

/** Show in `place` what is being worked on; the whole page gets the class "working" meanwhile. */
export function mountBusy(place, session, actions) {
  const spinner = element("span", { class: "spinner", "aria-hidden": "true" });
  const text = element("span", { class: "text" });
  const stop = button("Stop", "stop", { key: "Esc", class: "small", onclick: () => actions.stopWork() });
  const update = () => {
    const { busy = null, worker } = session.state ?? { worker: { state: "starting", text: "Connecting" } };
    const words = busy ? busy.text : worker.state === "ready" ? "" : worker.text;
    const working = Boolean(busy) || worker.state === "starting";
    if (text.textContent !== words) text.textContent = words; // a live region speaks only where something changed
    spinner.hidden = !working;
    stop.hidden = !busy?.stoppable;
    document.body.classList.toggle("working", working);
    document.body.classList.toggle("gone", worker.state === "gone");
  };
  place.append(spinner, text, stop);
  session.addEventListener("change", update);
  update();
}
