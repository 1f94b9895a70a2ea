// The help: what the page is, in five lines, and all keys; and the choice between light and dark.

import { openDialog } from "./dialogs.js";
import { button, element, remember, remembered } from "./elements.js";
import { KEYS } from "./keyboard.js";

const THEMES = ["auto", "light", "dark"];
const FIRST_STEPS = [
  "Again makes new melodies. Space plays the one in the roll; arrows choose another.",
  "On the left you say what melodies are asked for; new ones follow by themselves.",
  "Lock what is good in the roll, then Remake makes the rest again.",
  "A thumb up or down teaches the panel your taste.",
  "Drag a candidate into your DAW, or save it to the folder. Drop a MIDI file here to begin from it.",
];

/** Put the buttons of theme and help into `place`. Return the actions. */
export function mountHelp(place, dialog) {
  const theme = button("Theme", "theme", {
    quiet: true, class: "plain", onclick: () => setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]),
  });
  let now = "auto";
  const setTheme = (wanted) => {
    now = THEMES.includes(wanted) ? wanted : "auto";
    if (now === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset.theme = now;
    theme.title = `Theme: ${now === "auto" ? "as the system" : now}`;
    theme.setAttribute("aria-label", theme.title);
    remember("theme", now);
  };
  setTheme(remembered("theme", "auto"));
  const help = () => openDialog(dialog, "Help", () => [
    element("ol", { class: "steps" }, ...FIRST_STEPS.map((text) => element("li", { text }))),
    element("div", { class: "keys" }, ...KEYS.map(([family, rows]) =>
      element("section", {}, element("h3", { text: family }), element("dl", {}, ...rows.filter(([shown]) => shown).flatMap(keyRow))))),
  ]);
  place.append(theme, button("Help", "help", { quiet: true, key: "?", class: "plain", onclick: help }));
  return { help };
}

function keyRow([shown, , , words]) {
  const keys = shown.split(" ").map((key) => (key === "…" ? key : element("kbd", { text: key })));
  return [element("dt", {}, ...keys), element("dd", { text: words })];
}
