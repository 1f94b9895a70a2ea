// Playing: play and stop, loop, tempo, metronome, chords, instrument, volume, and where the sound goes.

import { button, element, redraw, remember, remembered } from "./elements.js";
import { FAMILIES } from "./general_midi.js";
import { makeOutput } from "./output.js";
import { barAndBeat } from "./words.js";

const SLOWEST = 20; // beats a minute
const FASTEST = 300;
const TEMPO = 120; // before the state tells it
const SOFT_CHORDS = 0.6; // as loud as the melody at most: chords are there to hear the melody over
const STEP_OF_TEMPO = 5; // of a key
const STEP_OF_VOLUME = 0.1;

/** Show the transport. Return its actions, by name. */
export function mountTransport(place, session, player, desk, actions) {
  const play = button("Play", "play", { quiet: true, key: "Space", class: "primary round", onclick: () => actions.play() });
  const time = element("output", { class: "time", "aria-label": "Bar and beat", "aria-live": "off", text: "1.1" });
  const loop = button("Loop", "loop", {
    key: "k", title: "Loop the marked stretch", "aria-pressed": "false", onclick: () => actions.loop(),
  });
  const toggles = makeToggles(player);
  const tempo = makeTempo(session, player);
  const sound = makeSound(player);
  place.append(
    play, time,
    element("span", { class: "group" }, loop, toggles.repeat),
    element("span", { class: "tempo-field" }, element("span", { "aria-hidden": "true", text: "Tempo" }), tempo.input),
    element("span", { class: "group" }, toggles.metronome, toggles.chordsAlong),
    element("span", { class: "gap" }),
    ...sound.elements);
  const update = () => {
    const playing = desk.playing !== null;
    redraw(play, playing ? "Stop" : "Play", playing ? "stop" : "play", "Space");
    play.classList.toggle("playing", playing);
    play.disabled = !desk.melody;
    loop.disabled = !desk.selection;
    loop.setAttribute("aria-pressed", String(desk.looping));
    toggles.chordsAlong.disabled = !desk.melody?.chords;
    if (!playing) showTime(desk.cursor);
  };
  const showTime = (step) => {
    const text = barAndBeat(step);
    if (time.textContent !== text) time.textContent = text;
  };
  const frame = () => {
    const step = desk.playing === null ? null : player.position();
    if (step !== null) showTime(step);
    if (desk.playing !== null) requestAnimationFrame(frame);
  };
  session.addEventListener("change", () => {
    tempo.update();
    update();
  });
  desk.addEventListener("selection", update);
  desk.addEventListener("playing", () => {
    update();
    if (desk.playing !== null) requestAnimationFrame(frame);
  });
  update();
  return {
    faster: () => tempo.by(STEP_OF_TEMPO),
    slower: () => tempo.by(-STEP_OF_TEMPO),
    louder: () => sound.volumeBy(STEP_OF_VOLUME),
    softer: () => sound.volumeBy(-STEP_OF_VOLUME),
    repeat: () => toggles.repeat.click(),
    metronome: () => toggles.metronome.click(),
    chordsAlong: () => toggles.chordsAlong.click(),
    instrument: () => sound.instrument.focus(),
  };
}

function makeToggles(player) {
  const toggle = (name, words, picture, key, title, otherwise) => {
    const made = button(words, picture, { key, title, onclick: () => turn(made.getAttribute("aria-pressed") !== "true") });
    const turn = (on) => {
      made.setAttribute("aria-pressed", String(on));
      player[name] = on;
      remember(name, on);
    };
    turn(remembered(name, otherwise) === true);
    return made;
  };
  player.chordVolume = SOFT_CHORDS;
  return {
    repeat: toggle("repeat", "Repeat", "repeat", "p", "Begin again at the end", false),
    metronome: toggle("metronome", "Click", "metronome", "m", "Metronome", false),
    chordsAlong: toggle("chordsAlong", "Chords", "chords", "h", "Play the chords along", true),
  };
}

function makeTempo(session, player) {
  const input = element("input", {
    type: "number", min: String(SLOWEST), max: String(FASTEST), step: "any", value: String(TEMPO),
    "aria-label": "Tempo", title: "Beats a minute ([ slower, ] faster)", onchange: () => set(Number(input.value)),
  });
  const set = (beats) => {
    const tempo = Math.min(Math.max(beats || TEMPO, SLOWEST), FASTEST);
    input.value = String(Math.round(10 * tempo) / 10);
    player.tempo = tempo;
    if (tempo !== told) session.send({ do: "set", settings: { tempo } });
    told = tempo;
  };
  let told = TEMPO; // the tempo that the server has told, or was told
  player.tempo = TEMPO;
  const update = () => {
    const { tempo } = session.state.settings;
    if (tempo === told) return; // what is being typed stays
    told = tempo;
    player.tempo = tempo;
    input.value = String(Math.round(10 * tempo) / 10);
  };
  return { input, update, by: (more) => set(Number(input.value) + more) };
}

function makeSound(player) {
  const instrument = element("select", {
    "aria-label": "Instrument", title: "Instrument (i)", onchange: () => setProgram(Number(instrument.value)),
  });
  let number = 0;
  for (const [family, names] of FAMILIES) {
    const options = names.map((name) => element("option", { value: String(number++), text: name }));
    instrument.append(element("optgroup", { label: family }, ...options));
  }
  const setProgram = (program) => {
    player.program = program;
    instrument.value = String(program);
    remember("program", program);
  };
  const volume = element("input", {
    type: "range", min: "0", max: "1", step: "0.02", "aria-label": "Volume", title: "Volume (, softer, . louder)",
    oninput: () => setVolume(Number(volume.value)),
  });
  const setVolume = (share) => {
    volume.value = String(share);
    player.volume = share;
    remember("volume", share);
  };
  const program = remembered("program", 0);
  setProgram(Number.isInteger(program) && program >= 0 && program < 128 ? program : 0);
  const share = remembered("volume", 0.8);
  setVolume(share >= 0 && share <= 1 ? share : 0.8);
  const speaker = button("Hear a note", "volume", { quiet: true, class: "plain", onclick: () => player.hear([60]) });
  return {
    instrument,
    volumeBy: (more) => setVolume(Math.min(Math.max(Number(volume.value) + more, 0), 1)),
    elements: [
      instrument,
      element("span", { class: "group" }, speaker, volume),
      makeOutput(player),
    ],
  };
}
