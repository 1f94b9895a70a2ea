// The melody in the roll, played into a DAW by the server: over a MIDI port of its own, in the DAW's time.

import { openDialog } from "./dialogs.js";
import { button, element, remember, remembered } from "./elements.js";

const SYNCS = [
  ["internal", "its own tempo"],
  ["midi-clock", "my DAW's MIDI clock"],
  ["jack", "JACK's transport"],
  ["link", "Ableton Link"],
];
const STEPS = [
  "What is in the roll is played over and over; what you change is heard from the next bar line on.",
  "In your DAW, choose the MIDI input “melodylc” for a track, and arm it.",
  "With your DAW's MIDI clock, let it send clock to the port “melodylc”: it starts and stops with your DAW.",
];

/** Put the button that leads into the DAW into `place`. Return the actions. */
export function mountDaw(place, dialog, session) {
  const status = element("p", { class: "daw-status", role: "status" });
  const opener = button("Into DAW", "on", {
    key: "w", title: "Play the melody in the roll into your DAW", "aria-haspopup": "dialog", onclick: () => open(),
  });
  const turn = button("Turn on", "play", { class: "primary", onclick: () => change() });
  const sync = element("select", { id: "daw-sync" }, ...SYNCS.map(([value, text]) => element("option", { value, text })));
  const port = element("input", { id: "daw-port", type: "text", placeholder: "a new one, melodylc", maxlength: "80", autocomplete: "off" });
  const record = element("input", { id: "daw-record", type: "checkbox" });
  const isOn = () => session.state !== null && session.state.live.state !== "off";
  const change = () => {
    if (isOn()) {
      session.send({ do: "live", on: false });
      return;
    }
    remember("dawSync", sync.value);
    remember("dawPort", port.value);
    session.send({ do: "live", on: true, sync: sync.value, port: port.value.trim() || null, record: record.checked });
  };
  const update = () => {
    const { live } = session.state;
    const on = live.state !== "off";
    opener.setAttribute("aria-pressed", String(on));
    opener.title = on ? `Into DAW: ${live.text || "starting"} (w)` : "Play the melody in the roll into your DAW (w)";
    turn.querySelector("span").textContent = on ? "Turn off" : "Turn on";
    for (const field of [sync, port, record]) field.disabled = on;
    const text = live.state === "starting" ? "Starting …" : on ? `On: ${live.text}` : "Off";
    if (status.textContent !== text) status.textContent = text;
  };
  const open = () => {
    sync.value = SYNCS.some(([value]) => value === remembered("dawSync", "")) ? remembered("dawSync", "") : "internal";
    port.value = String(remembered("dawPort", ""));
    openDialog(dialog, "Into your DAW", () => [
      element("ol", { class: "steps" }, ...STEPS.map((text) => element("li", { text }))),
      element("div", { class: "daw-fields" },
        element("label", { for: "daw-sync", text: "In the time of" }), sync,
        element("label", { for: "daw-port", text: "MIDI port" }), port,
        element("label", { for: "daw-record", text: "Record into the folder" }), record),
      element("p", { class: "daw-turn" }, turn), status]);
    if (session.state) update();
  };
  session.addEventListener("error", ({ detail }) => {
    if (dialog.open) status.textContent = detail.text; // the dialog covers where errors are told
  });
  session.addEventListener("change", (event) => event.detail.has("live") && update());
  place.append(opener);
  return { daw: open };
}
