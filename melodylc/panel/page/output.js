// Where the sound goes: the synthesizer of the page, a SoundFont of the user's, or a MIDI port.

import { element } from "./elements.js";

const LARGEST = 512 * 1024 * 1024; // bytes of a SoundFont, which the page holds in memory
const LOAD = "load a SoundFont"; // entries of the list that are no outputs
const FIND = "find MIDI ports";

/** Return a list of outputs to choose from. */
export function makeOutput(player) {
  const file = element("input", { type: "file", accept: ".sf2,.sf3,.dls", hidden: true, tabindex: "-1", "aria-label": "SoundFont file" });
  const list = element("select", { "aria-label": "Sound output", title: "Where the sound goes", onchange: () => choose(list.value) });
  const refresh = async ({ ask = false } = {}) => {
    const outputs = await player.outputs({ ask });
    const options = outputs.map(({ id, name }) => [id, name]);
    options.push([LOAD, "Load a SoundFont …"]);
    if (navigator.requestMIDIAccess && !outputs.some(({ id }) => isPort(id))) options.push([FIND, "Find MIDI ports …"]);
    list.replaceChildren(...options.map(([value, text]) => element("option", { value, text })));
    list.value = player.output;
    return outputs;
  };
  const choose = async (wanted) => {
    list.value = player.output; // until the other one sounds
    if (wanted === LOAD) file.click();
    else if (wanted === FIND) {
      const outputs = await refresh({ ask: true });
      if (!outputs.some(({ id }) => isPort(id))) fail(player, "The browser shows no MIDI port.");
    } else {
      await player.setOutput(wanted);
      list.value = player.output;
    }
  };
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    file.value = ""; // the same file can be chosen again
    if (chosen) await load(player, list, chosen);
    refresh();
  });
  player.addEventListener("outputs", () => refresh());
  refresh();
  return element("span", { class: "group" }, list, file);
}

const isPort = (id) => id !== "synth" && id !== "soundfont";

async function load(player, list, file) {
  if (file.size > LARGEST) return fail(player, `${file.name} is too large; SoundFonts of up to 512 MB can be loaded.`);
  list.disabled = true;
  try {
    await player.loadSoundFont(await file.arrayBuffer(), file.name); // tells itself where it cannot
  } finally {
    list.disabled = false;
  }
}

function fail(player, text) {
  player.dispatchEvent(new CustomEvent("error", { detail: { text } }));
}
