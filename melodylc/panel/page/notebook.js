// Melodies in a notebook: the panel's roll and player, without its server. What is shown stands in the page as JSON.

import { toNotes } from "./notes.js";
import { PianoRoll } from "./roll.js";
import { Player } from "./sound.js";

const SLOWEST = 20; // beats a minute
const FASTEST = 400;

const { melodies, tempo } = JSON.parse(document.getElementById("shown").textContent);
const byId = (id) => document.getElementById(id);
const play = byId("play");
const which = byId("which");
const player = new Player();
let cursor = 0; // the step that it plays from
let range = null; // the stretch that is looped

const roll = new PianoRoll(byId("roll"), {
  onSeek(step) {
    cursor = step;
    if (player.playing) player.play(step);
    else roll.playhead(step);
  },
  onSelect(chosen) {
    range = chosen;
    roll.select(chosen);
    player.loop = chosen;
    if (chosen) cursor = chosen[0];
    if (!player.playing) roll.playhead(chosen ? cursor : null);
  },
  onHear: (pitch) => player.playing || player.hear([pitch]),
});

function show(index) {
  const melody = melodies[index];
  roll.show(melody, { readOnly: true });
  player.load({ notes: toNotes(melody.states), steps: melody.states.length, chords: melody.chords });
  if (range && range[1] > melody.states.length) {
    range = player.loop = null;
    roll.select(null);
  }
  cursor = Math.min(cursor, melody.states.length - 1);
}

function drawFrame() {
  const step = player.position();
  if (step !== null) roll.playhead(step);
  if (player.playing) requestAnimationFrame(drawFrame);
}

function update() {
  play.textContent = player.playing ? "Stop" : "Play";
  play.setAttribute("aria-pressed", String(player.playing));
}

function toggle() {
  byId("error").textContent = "";
  player.toggle(cursor);
}

function go(by) {
  which.selectedIndex = (which.selectedIndex + by + melodies.length) % melodies.length;
  show(which.selectedIndex);
}

which.append(...melodies.map(({ title }) => new Option(title)));
byId("melodies").hidden = melodies.length < 2;
which.addEventListener("change", () => show(which.selectedIndex));
byId("before").addEventListener("click", () => go(-1));
byId("after").addEventListener("click", () => go(1));
play.addEventListener("click", toggle);
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.target.closest("button, input, select")) return;
  event.preventDefault();
  toggle();
});
byId("tempo").value = player.tempo = tempo;
byId("tempo").addEventListener("change", ({ target }) => {
  player.tempo = Math.min(Math.max(Number(target.value) || tempo, SLOWEST), FASTEST);
  target.value = player.tempo;
});
byId("repeat").addEventListener("change", ({ target }) => (player.repeat = target.checked));
byId("with-chords").hidden = !melodies.some(({ chords }) => chords);
player.chordsAlong = byId("chords").checked;
byId("chords").addEventListener("change", ({ target }) => (player.chordsAlong = target.checked));
player.addEventListener("start", () => {
  update();
  drawFrame();
});
player.addEventListener("stop", () => {
  update();
  roll.playhead(cursor || null);
});
player.addEventListener("error", ({ detail }) => (byId("error").textContent = detail.text));
show(0);
update();
