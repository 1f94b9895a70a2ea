// In and out: a MIDI file dropped anywhere on the page, and the melody in hand as a file, dragged or fetched.

import { makeMenu, openDialog } from "./dialogs.js";
import { button, element, icon } from "./elements.js";
import { programName } from "./general_midi.js";
import { fileName } from "./words.js";

const LARGEST = 8 * 1024 * 1024; // bytes of a MIDI file that are sent at all; the server has its own bound
const LONGEST_ERROR = 200; // characters of what the server answers

/** Put the way in into `place`. Return {exports, actions, dragOut(event, melody), update(melody)}. */
export function mountFiles(place, dialog, dropping, session, desk, toasts) {
  const input = element("input", {
    type: "file", accept: ".mid,.midi,.kar,audio/midi", hidden: true, tabindex: "-1", "aria-label": "MIDI file",
  });
  const open = button("Open MIDI", "open", {
    key: "o", title: "Open a MIDI file, or drop one anywhere on the page", onclick: () => input.click(),
  });
  const tracks = button("Track …", "pitches", {
    title: "Choose the track and the bar of the file", onclick: () => chooseTrack(dialog, session),
  });
  const folder = element("span", { class: "folder" });
  place.append(open, input, tracks, folder);
  let asking = false; // a file of this page is on its way: its tracks are shown when they come
  const send = async (file) => {
    asking = true; // before the answer: the state may be here first
    asking = (await upload(file, toasts)) && asking;
  };
  input.addEventListener("change", () => {
    if (input.files[0]) send(input.files[0]);
    input.value = ""; // the same file can be chosen again
  });
  session.addEventListener("change", (event) => {
    const { upload: read, folder: name } = session.state;
    tracks.hidden = !read;
    if (read) tracks.querySelector("span").textContent = `${read.name} …`;
    folder.textContent = name ? name.split(/[\\/]/).filter(Boolean).at(-1) : "";
    folder.title = name ? `Melodies are saved to ${name}` : "";
    if (event.detail.has("upload") && read && asking) {
      asking = false;
      if (read.tracks.length > 1 || read.marked.length > 1) chooseTrack(dialog, session);
    }
  });
  session.addEventListener("error", () => (asking = false)); // it may not have been a MIDI file
  const out = makeExports(session, desk, toasts);
  acceptDrops(dropping, send, () => out.dragging);
  tracks.hidden = true;
  return { exports: out.element, dragOut: out.dragOut, update: out.update, actions: { ...out.actions, open: () => input.click() } };
}

async function upload(file, toasts) {
  if (file.size > LARGEST) {
    toasts.fail(`${file.name} is too large for a MIDI file.`);
    return false;
  }
  try {
    const answer = await fetch("/midi", { method: "POST", body: file, headers: { "X-Name": encodeURIComponent(file.name) } });
    if (answer.ok) return true;
    toasts.fail(`${file.name}: ${await reason(answer)}`);
  } catch {
    toasts.fail("The file did not reach the server.");
  }
  return false;
}

// What the server says of why it does not, or its number where that is no text for users.
async function reason(answer) {
  const plain = answer.headers.get("Content-Type")?.startsWith("text/plain");
  return (plain && (await answer.text()).slice(0, LONGEST_ERROR)) || `the server answers ${answer.status}`;
}

// The whole page takes files. What is dragged out of the page itself is not taken in again.
function acceptDrops(dropping, send, dragging) {
  const isFile = (event) => !dragging() && event.dataTransfer?.types.includes("Files");
  let depth = 0; // each element that is entered and left tells; only the last leave is the page's
  const show = (on) => {
    document.body.classList.toggle("dropping", on);
    dropping.setAttribute("aria-hidden", String(!on));
  };
  addEventListener("dragenter", (event) => {
    if (!isFile(event)) return;
    depth += 1;
    show(true);
  });
  addEventListener("dragleave", (event) => {
    if (!isFile(event)) return;
    depth -= 1;
    if (depth <= 0) show(false);
  });
  addEventListener("dragover", (event) => {
    if (!isFile(event) && !dragging()) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = dragging() ? "none" : "copy"; // else the browser would go to what is dragged
  });
  addEventListener("drop", (event) => {
    depth = 0;
    show(false);
    if (!isFile(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) send(file);
  });
}

function chooseTrack(dialog, session) {
  const { upload: read } = session.state;
  if (!read) return;
  const number = element("input", { type: "number", min: "1", value: "1", id: "upload-bar" });
  const hint = element("span", { class: "hint" });
  const marked = element("select", { id: "upload-marked", onchange: () => (number.value = marked.value) });
  const marker = element("p", { class: "row" }, element("label", { for: "upload-marked", text: "Marker" }), marked);
  marker.hidden = !read.marked.length;
  const { taken } = read; // what is shown now
  const isTaken = (track) => track.track === taken?.track && track.channel === taken?.channel;
  let chosen = read.tracks.find(isTaken) ?? read.tracks[0];
  const choose = (track) => {
    chosen = track;
    number.min = String(track.first + 1);
    number.max = String(track.last + 1);
    number.value = String((isTaken(track) ? taken.bar : track.bar ?? track.first) + 1);
    hint.textContent = track.first === track.last ? `only bar ${track.first + 1}` : `${track.first + 1} to ${track.last + 1}`;
    // What is marked in the last bars is not sixteen bars long: it is at the end of the last sixteen.
    const options = read.marked.map(({ bar, text }) => {
      const first = Math.min(Math.max(bar, track.first), track.last);
      return element("option", { value: String(first + 1), text: `${text}, bar ${bar + 1}` });
    });
    marked.replaceChildren(element("option", { value: number.value, text: "…" }), ...options);
  };
  const rows = read.tracks.map((track) => {
    const radio = element("input", { type: "radio", name: "track", checked: track === chosen, onchange: () => choose(track) });
    const sound = track.channel === 9 ? "Drums" : track.program === null ? "" : programName(track.program);
    const words = [`Track ${track.track + 1}`, `channel ${track.channel + 1}`, sound].filter(Boolean).join(" · ");
    return element("label", { class: "row" }, radio, element("span", { text: words }));
  });
  const use = () => {
    const bar = Math.min(Math.max(Math.round(Number(number.value)) || 1, chosen.first + 1), chosen.last + 1);
    session.send({ do: "import", upload: read.id, track: chosen.track, channel: chosen.channel, bar: bar - 1 });
    dialog.close();
  };
  number.addEventListener("keydown", (event) => event.key === "Enter" && use());
  if (chosen) choose(chosen);
  openDialog(dialog, read.name, () => chosen
    ? [
      element("fieldset", {}, element("legend", { text: "Track with the melody" }), ...rows),
      marker,
      element("p", { class: "row" }, element("label", { for: "upload-bar", text: "Begin with bar" }), number, hint),
      element("p", { class: "ends" }, button("Use it", "check", { class: "primary", onclick: use })),
    ]
    : [element("p", { text: "No track of this file has a melody." })]);
}

function makeExports(session, desk, toasts) {
  const state = { dragging: false };
  const address = (melody, kind) => new URL(`/melodies/${encodeURIComponent(melody.id)}.${kind}`, location.href).href;
  const fetchFile = (kind, query = "") => () => {
    const melody = desk.melody;
    if (!melody) return;
    const link = element("a", { href: address(melody, kind) + query, download: `${fileName(melody)}.${kind}` });
    document.body.append(link);
    link.click();
    link.remove();
  };
  const dragOut = (event, melody) => {
    const url = address(melody, "mid");
    event.dataTransfer.setData("DownloadURL", `audio/midi:${fileName(melody)}.mid:${url}`);
    event.dataTransfer.setData("text/uri-list", url);
    event.dataTransfer.effectAllowed = "copy";
    state.dragging = true;
    addEventListener("dragend", () => (state.dragging = false), { once: true });
  };
  const copyAbc = async () => {
    const melody = desk.melody;
    if (!melody) return;
    try {
      if (!navigator.clipboard) throw new Error("the browser allows it on this machine's own address only; “Staff” shows the ABC");
      await navigator.clipboard.writeText(await abcOf(melody));
      toasts.say(`“${melody.title || "The melody"}” is copied as ABC.`);
    } catch (error) {
      toasts.fail(`The melody is not copied: ${error.message}`);
    }
  };
  const actions = {
    download: fetchFile("mid"), downloadChords: fetchFile("mid", "?chords=1"), musicXml: fetchFile("musicxml"), copyAbc,
  };
  const handle = element("span", {
    class: "handle", draggable: "true", title: "Drag it as a MIDI file into your DAW or a folder",
    ondragstart: (event) => dragOut(event, desk.melody),
  }, icon("drag"), element("span", { text: "Drag out" }));
  const save = button("Save", "save", {
    key: "s", title: "Save to the folder", onclick: () => desk.melody && session.send({ do: "save", melody: desk.melody.id }),
  });
  const midi = button("MIDI", "download", { key: "g", title: "Download the MIDI file", onclick: () => actions.download() });
  const staff = button("Staff", "staff", {
    key: "v", title: "View on a staff", onclick: () => desk.dispatchEvent(new CustomEvent("staff")),
  });
  const chords = button("MIDI with its chords", "download", { onclick: () => actions.downloadChords() });
  const more = makeMenu("More", "More ways to take it out", [
    chords,
    button("MusicXML", "download", { key: "x", title: "Download as MusicXML", onclick: () => actions.musicXml() }),
    button("Copy as ABC", "copy", { key: "a", onclick: () => copyAbc() }),
  ]);
  const update = (melody) => {
    for (const one of [save, midi, staff, more]) one.disabled = !melody;
    chords.hidden = !melody?.chords;
    handle.hidden = !melody;
    save.querySelector("span").textContent = melody?.saved ? "Saved" : "Save";
    save.classList.toggle("done", Boolean(melody?.saved));
    save.title = melody?.saved ? `Saved as ${melody.saved} (s)` : "Save to the folder (s)";
  };
  const made = element("span", { class: "group exports", role: "group", "aria-label": "Take it out" });
  made.append(handle, save, midi, staff, more, more.menu);
  return { element: made, actions, dragOut, update, get dragging() { return state.dragging; } };
}

/** Return a melody as ABC, which the server writes. */
export async function abcOf(melody) {
  const answer = await fetch(`/melodies/${encodeURIComponent(melody.id)}.abc`);
  if (!answer.ok) throw new Error(await reason(answer));
  return answer.text();
}
