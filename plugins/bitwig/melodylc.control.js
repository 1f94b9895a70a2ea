// melodylc in Bitwig Studio: writes melodies into the clip launcher, and varies or infills those that are there.
// They are made by `melodylc bridge`, which runs beside Bitwig. Plain old JavaScript: that is what every Bitwig runs.

loadAPI(10);
host.setShouldFailOnDeprecatedUse(true);
host.defineController("melodylc", "melodylc", "1.0", "d029639c-1364-4546-9cec-272c9a35e3f6", "melodylc");
host.defineMidiPorts(1, 0); // knobs, if you have any

var SLOTS = 128; // of the selected track that the script looks at
var MOST_BARS = 16; // of a clip
var STEP = 0.25; // quarter notes
var STEPS_PER_BAR = 16;
var CONNECTING = 3000; // milliseconds until a bridge counts as not running
var ANSWERING = 600000; // and until its answer counts as lost
var SELECTING = 3000; // and until Bitwig shows the new clip
var LOOK_AGAIN = 50;
var ON = 64; // values of a control change from here on press a button

var KEYS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
var SCALES = [
  "major", "minor", "ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian", "harmonic minor",
  "melodic minor", "major pentatonic", "minor pentatonic", "blues", "whole tone", "chromatic"
];

var settings = {}; // by name, what the panel shows
var track, slots, clip, transport;
var notes = {}; // of the clip that the cursor is on, by "channel/step/pitch"
var connection = null;
var connectedTo = 0;
var pending = null; // the question that is asked, and what becomes of its answer
var writing = false; // whether a new clip is on its way
var asked = 0;

function init() {
  makeSettings();
  watchClips();
  host.getMidiInPort(0).setMidiCallback(onMidi);
}

function exit() {
  if (connection !== null) connection.disconnect();
}

// --- what the panel shows ------------------------------------------------------------------------------------------

function makeSettings() {
  var program = host.getPreferences();
  settings.port = watched(program.getNumberSetting("Port of melodylc bridge", "melodylc", 1024, 65535, 1, "", 9173));
  settings.firstKnob = watched(program.getNumberSetting("First control change", "Knobs", 0, 108, 1, "", 20));

  var state = host.getDocumentState();
  button("New melody", makeMelody);
  button("Vary the clip", varyClip);
  button("Infill the clip", infillClip);
  settings.bars = watched(state.getNumberSetting("Bars of a new melody", "Melodies", 1, MOST_BARS, 1, "", 16));
  settings.amount = watched(state.getNumberSetting("How far a variation goes", "Melodies", 0, 1, 0.05, "", 0.25));
  settings.fromBar = watched(state.getNumberSetting("Infill from bar", "Melodies", 1, MOST_BARS, 1, "", 9));
  settings.toBar = watched(state.getNumberSetting("Infill to bar", "Melodies", 1, MOST_BARS, 1, "", 16));
  settings.keep = watched(
    state.getEnumSetting("Infill keeps", "Melodies", ["nothing", "rhythm", "pitches"], "nothing"));
  settings.key = watched(
    state.getEnumSetting("Key (own: the clip's)", "Asked for", ["own", "any"].concat(KEYS), "own"));
  settings.scale = watched(state.getEnumSetting("Scale", "Asked for", SCALES, "major"));
  settings.strict = watched(state.getEnumSetting("Guarantee key and range", "Asked for", ["no", "yes"], "no"));
  settings.notes = watched(state.getNumberSetting("At least notes (0: any)", "Asked for", 0, 220, 1, "", 0));
  settings.atMost = watched(state.getNumberSetting("At most notes (0: any)", "Asked for", 0, 220, 1, "", 0));
  settings.low = watched(state.getNumberSetting("Lowest pitch (0: any)", "Asked for", 0, 127, 1, "", 0));
  settings.high = watched(state.getNumberSetting("Highest pitch (127: any)", "Asked for", 0, 127, 1, "", 127));
  settings.rules = watched(state.getStringSetting("Rules (with ; between)", "Asked for", 200, ""));
  settings.chords = watched(state.getStringSetting("Chords (C | Am | F | G)", "Asked for", 200, ""));
  settings.temperature = watched(
    state.getNumberSetting("Temperature (-1: the model's)", "Asked for", -1, 1.5, 0.05, "", -1));
}

function watched(setting) {
  setting.markInterested();
  return setting;
}

function button(label, pressed) {
  host.getDocumentState().getSignalSetting(label, "Melodies", label).addSignalObserver(pressed);
}

function say(text) {
  host.showPopupNotification("melodylc: " + text);
  host.println("melodylc: " + text);
}

function whole(setting) {
  return Math.round(setting.getRaw());
}

// Returns a question with what the panel asks for; what is "any" is left out. A new melody has no key of its own yet.
function question(kind) {
  var asks = { "do": kind };
  var key = settings.key.get();
  if (key === "own" && kind !== "generate") asks.key = "own";
  if (key !== "own" && key !== "any") asks.key = key + " " + settings.scale.get();
  if (settings.strict.get() === "yes") asks.strict = true;
  if (whole(settings.notes) > 0) asks.notes = whole(settings.notes);
  if (whole(settings.atMost) > 0) asks.at_most = whole(settings.atMost);
  if (whole(settings.low) > 0 || whole(settings.high) < 127) {
    asks.range = whole(settings.low) + "-" + whole(settings.high);
  }
  var rules = settings.rules.get().split(";").map(trimmed).filter(Boolean);
  if (rules.length > 0) asks.rules = rules;
  if (trimmed(settings.chords.get()) !== "") asks.chords = trimmed(settings.chords.get());
  if (settings.temperature.getRaw() >= 0) asks.temperature = hundredths(settings.temperature.getRaw());
  return asks;
}

function trimmed(text) {
  return String(text).trim();
}

function hundredths(value) {
  return Math.round(value * 100) / 100;
}

// --- the clip that is there ----------------------------------------------------------------------------------------

function watchClips() {
  transport = host.createTransport();
  transport.timeSignature().markInterested();
  track = host.createCursorTrack("melodylc", "melodylc", 0, SLOTS, true);
  track.exists().markInterested();
  track.canHoldNoteData().markInterested();
  slots = track.clipLauncherSlotBank();
  for (var index = 0; index < SLOTS; index++) {
    slots.getItemAt(index).exists().markInterested();
    slots.getItemAt(index).hasContent().markInterested();
    slots.getItemAt(index).isSelected().markInterested();
    slots.getItemAt(index).sceneIndex().markInterested();
  }
  clip = track.createLauncherCursorClip("melodylc", "melodylc", MOST_BARS * STEPS_PER_BAR, 128);
  clip.setStepSize(STEP);
  clip.exists().markInterested();
  clip.getLoopStart().markInterested();
  clip.getLoopLength().markInterested();
  clip.clipLauncherSlot().sceneIndex().markInterested();
  clip.addNoteStepObserver(onStep);
}

// Bitwig reports every cell of the grid that changes, so also all of them when another clip is selected.
function onStep(step) {
  var name = step.channel() + "/" + step.x() + "/" + step.y();
  if (String(step.state()) !== "NoteOn") {
    delete notes[name];
    return;
  }
  notes[name] = {
    channel: step.channel(),
    pitch: step.y(),
    start: step.x() * STEP,
    length: step.duration(),
    velocity: Math.max(1, Math.round(step.velocity() * 127))
  };
}

// Returns the notes of the selected clip from the beginning of its loop, and its bars; null if it has no melody.
function melodyOfClip() {
  if (!inFour()) return null;
  if (!clip.exists().get()) return no("select a clip with notes in the launcher first");
  var begin = clip.getLoopStart().get();
  var length = clip.getLoopLength().get();
  var bars = Math.ceil(length / 4 - 0.001);
  if (begin + length > MOST_BARS * 4 + 0.001) {
    return no("expected a clip that loops within its first " + MOST_BARS + " bars");
  }
  var heard = [];
  Object.keys(notes).forEach(function (name) {
    var note = notes[name];
    if (note.start < begin || note.start >= begin + length) return;
    heard.push({
      channel: note.channel,
      pitch: note.pitch,
      start: note.start - begin,
      length: Math.min(note.length, begin + length - note.start),
      velocity: note.velocity
    });
  });
  if (heard.length === 0) return no("the selected clip has no notes");
  heard.sort(function (a, b) { return a.start - b.start || a.pitch - b.pitch; });
  return { notes: heard, bars: bars };
}

function inFour() {
  var signature = String(transport.timeSignature().get());
  if (/^4\/4\b/.test(signature)) return true;
  say("melodies are in 4/4, and the project is in " + signature);
  return false;
}

function no(text) {
  say(text);
  return null;
}

function asMelody(heard) {
  return heard.map(function (note) { return [note.pitch, note.start, note.length, note.velocity]; });
}

function asNote(note) {
  return { channel: 0, pitch: note[0], start: note[1], length: note[2], velocity: note[3] || 96 };
}

// --- the buttons ---------------------------------------------------------------------------------------------------

function makeMelody() {
  if (!inFour()) return;
  var asks = question("generate");
  asks.bars = whole(settings.bars);
  ask(asks, function (made) { write(made.notes.map(asNote), made.bars, "melodylc"); });
}

function varyClip() {
  var given = melodyOfClip();
  if (given === null) return;
  var asks = question("vary");
  asks.melody = asMelody(given.notes);
  asks.bars = given.bars;
  asks.amount = hundredths(settings.amount.getRaw());
  ask(asks, function (made) { write(made.notes.map(asNote), given.bars, "melodylc vary"); });
}

function infillClip() {
  var given = melodyOfClip();
  if (given === null) return;
  var from = (whole(settings.fromBar) - 1) * 4;
  var to = Math.min(whole(settings.toBar), given.bars) * 4;
  if (from >= to) {
    say("infill from bar " + whole(settings.fromBar) + " to " + whole(settings.toBar) + ": the clip has no such bars");
    return;
  }
  var asks = question("infill");
  asks.melody = asMelody(given.notes);
  asks.bars = given.bars;
  asks.remake = [[from, to]];
  if (settings.keep.get() !== "nothing") asks.keep = settings.keep.get();
  ask(asks, function (made) {
    write(infilled(given.notes, made.notes.map(asNote), from, to), given.bars, "melodylc infill");
  });
}

// Returns the notes that were there, with those of the melody in place of what begins in [from, to).
function infilled(given, melody, from, to) {
  function inside(note) { return note.start >= from && note.start < to; }
  return given.filter(function (note) { return !inside(note); }).concat(melody.filter(inside));
}

// --- the clip that is written --------------------------------------------------------------------------------------

// Writes notes into a new clip, so that nothing that is there is changed: in the first empty slot of the selected
// track, from the selected slot on.
function write(melody, bars, name) {
  if (!track.exists().get() || !track.canHoldNoteData().get()) {
    say("select an instrument track: the clip goes there");
    return;
  }
  var index = emptySlot();
  if (index < 0) {
    say("the track has no empty slot from the selected one on; add a scene");
    return;
  }
  var slot = slots.getItemAt(index);
  slot.createEmptyClip(bars * 4);
  slot.select();
  writing = true;
  whenSelected(slot.sceneIndex().get(), bars * 4, SELECTING, function () {
    writing = false;
    melody.forEach(function (note) {
      clip.setStep(note.channel, Math.round(note.start / STEP), note.pitch, note.velocity, note.length);
    });
    clip.setName(name);
  });
}

function emptySlot() {
  var first = 0;
  for (var index = 0; index < SLOTS; index++) {
    if (slots.getItemAt(index).isSelected().get()) first = index;
  }
  for (index = first; index < SLOTS; index++) {
    if (slots.getItemAt(index).exists().get() && !slots.getItemAt(index).hasContent().get()) return index;
  }
  return -1;
}

// Does something once the cursor is on the new clip, which is empty: never on another one.
function whenSelected(scene, length, patience, then) {
  var there = clip.exists().get() && clip.clipLauncherSlot().sceneIndex().get() === scene
    && clip.getLoopLength().get() === length && Object.keys(notes).length === 0;
  if (there) {
    then();
  } else if (patience <= 0) {
    writing = false;
    say("Bitwig did not select the new clip; nothing was written into it");
  } else {
    host.scheduleTask(function () { whenSelected(scene, length, patience - LOOK_AGAIN, then); }, LOOK_AGAIN);
  }
}

// --- the bridge ----------------------------------------------------------------------------------------------------

// Asks the bridge; `use` gets the melody of its answer.
function ask(asks, use) {
  if (pending !== null || writing) {
    say("still making the one before");
    return;
  }
  asked++;
  asks.id = asked;
  var mine = { id: asked, message: JSON.stringify(asks), use: use };
  pending = mine;
  if (connection !== null && connectedTo === whole(settings.port)) send();
  else connect();
  host.scheduleTask(function () { giveUp(mine, "no answer; see what melodylc bridge says"); }, ANSWERING);
}

function giveUp(mine, text) {
  if (pending !== mine) return;
  pending = null;
  say(text);
}

function connect() {
  var mine = pending;
  var port = whole(settings.port);
  var missing = "start melodylc bridge in a terminal, then try again (nothing answers at port " + port + ")";
  var former = connection;
  connection = null;
  if (former !== null) former.disconnect();
  try {
    host.connectToRemoteHost("127.0.0.1", port, function (made) {
      connection = made;
      connectedTo = port;
      made.setReceiveCallback(onAnswer);
      made.setDisconnectCallback(function () {
        if (connection !== made) return;
        connection = null;
        if (pending !== null) giveUp(pending, "melodylc bridge has ended; start it again");
      });
      if (pending === mine) send();
    });
  } catch (error) {
    giveUp(mine, missing);
    return;
  }
  // where nothing listens, Bitwig says nothing
  host.scheduleTask(function () { if (connection === null) giveUp(mine, missing); }, CONNECTING);
}

// Bitwig takes the length off what comes, and wants it on what goes; its bytes are signed.
function send() {
  var text = asciiOf(pending.message);
  var bytes = [text.length >> 24, text.length >> 16, text.length >> 8, text.length];
  for (var index = 0; index < text.length; index++) bytes.push(text.charCodeAt(index));
  connection.send(bytes.map(function (byte) { return (byte << 24) >> 24; }));
}

function asciiOf(json) {
  return json.replace(/[\u007f-\uffff]/g, function (letter) {
    return "\\u" + ("000" + letter.charCodeAt(0).toString(16)).slice(-4);
  });
}

function onAnswer(data) {
  var encoded = "";
  for (var index = 0; index < data.length; index++) encoded += "%" + ("0" + (data[index] & 255).toString(16)).slice(-2);
  var answer = JSON.parse(decodeURIComponent(encoded));
  if (pending === null || answer.id !== pending.id) return; // of a question that was given up
  var use = pending.use;
  pending = null;
  if (answer.error) {
    say(answer.error);
    return;
  }
  var made = answer.melodies[0];
  use(made);
  if (!made.kept && made.why) say("not everything is kept: " + made.why);
}

// --- knobs ---------------------------------------------------------------------------------------------------------

// By control change, from the first one on, in the order of `melodylc live`, whose hold and mute press buttons here.
var KNOBS = [
  function (value) { settings.key.set(KEYS[Math.floor(value * KEYS.length / 128)]); },
  function (value) { settings.scale.set(SCALES[Math.floor(value * SCALES.length / 128)]); },
  function (value) { settings.notes.setRaw(value === 0 ? 0 : someNotes(value)); },
  function (value) { settings.low.setRaw(value); },
  function (value) { settings.high.setRaw(value); },
  function (value) { settings.temperature.setRaw(hundredths(1.5 * value / 127)); },
  function (value) { settings.amount.setRaw(hundredths(value / 127)); },
  pad(makeMelody),
  pad(varyClip),
  pad(infillClip),
  function (value) {
    settings.low.setRaw(value === 0 ? 0 : 60 - Math.floor(value / 4));
    settings.high.setRaw(value === 0 ? 127 : 72 + Math.floor(value / 4));
  },
  function (value) { settings.atMost.setRaw(value === 127 ? 0 : someNotes(value)); }
];

function someNotes(value) {
  return Math.round(16 + 204 * value / 127);
}

function pad(pressed) {
  return function (value) { if (value >= ON) pressed(); };
}

function onMidi(status, number, value) {
  var knob = (status & 0xf0) === 0xb0 ? KNOBS[number - whole(settings.firstKnob)] : undefined;
  if (knob) knob(value);
}
