// Runs the controller script in a Bitwig in memory: SCRIPT SCENARIO, a JSON file. Writes what became of it, as JSON.
//
// A scenario has what the document has, and `steps`: [method, ...arguments] of Bitwig as a user does them, ["wait",
// "clips" that are written, "slots" that are taken, or "popups", how many].

import fs from "node:fs";
import vm from "node:vm";
import { Bitwig } from "./bitwig_host.mjs";

const PATIENCE = 120000; // milliseconds

const [script, scenario] = process.argv.slice(2);
const { steps, ...document } = JSON.parse(fs.readFileSync(scenario, "utf-8"));
const bitwig = new Bitwig(document);
const sleep = (time) => new Promise((done) => setTimeout(done, time));

const context = vm.createContext({ host: bitwig.host, loadAPI: (level) => {
  if (level > 18) throw new Error(`loadAPI: no level ${level}`);
} });
vm.runInContext(fs.readFileSync(script, "utf-8"), context, { filename: script });
vm.runInContext("init()", context);
bitwig.started = true;
bitwig.report();

const slots = () => bitwig.tracks.flatMap((track) => track.slots).filter(Boolean);
const counts = { clips: () => slots().filter((clip) => clip.name).length, slots: () => slots().length,
  popups: () => bitwig.popups.length };
for (const [method, ...given] of steps) {
  if (method === "wait") {
    for (const end = Date.now() + PATIENCE; counts[given[0]]() < given[1] && bitwig.errors.length === 0;) {
      if (Date.now() > end) throw new Error(`waited for ${given}: ${JSON.stringify(bitwig.popups)}`);
      await sleep(2);
    }
  } else {
    bitwig[method](...given);
  }
}
await sleep(20);
vm.runInContext("exit()", context);

const order = (a, b) => a.start - b.start || a.pitch - b.pitch;
const tracks = bitwig.tracks.map(({ slots }) => slots.map((clip) => clip && { ...clip, notes: clip.notes.sort(order).map(
  ({ pitch, start, length, velocity, channel }) => [pitch, start, length, velocity, channel]) }));
const settings = Object.fromEntries(Object.entries(bitwig.settings).map(([label, { value }]) => [label, value ?? null]));
process.stdout.write(JSON.stringify({ tracks, settings, popups: bitwig.popups, errors: bitwig.errors }), () => {
  process.exit(0);
});
