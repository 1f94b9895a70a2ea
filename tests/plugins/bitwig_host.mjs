// A Bitwig Studio in memory: the part of its controller API (level 10) that the script uses, as its documentation has it.
// Methods that do not exist, values that nobody said to be interested in, objects made after init, wrong arguments: all
// are errors. What a script does to the document happens a moment later, as in Bitwig.

import net from "node:net";

const LATER = 5; // milliseconds until the document follows

export class Bitwig {
  constructor({ signature = "4/4", scenes = 8, tracks = [{}], refuses = false } = {}) {
    this.popups = [];
    this.errors = [];
    this.started = false; // init has returned
    this.settings = {};
    this.signature = signature;
    this.refuses = refuses; // to select the clips that scripts make
    this.tracks = tracks.map(({ notes = true, clips = {} }) => ({
      notes,
      slots: Array.from({ length: scenes }, (_, index) => clips[index] ? madeClip(clips[index]) : null),
    }));
    this.track = 0;
    this.slot = -1; // selected
    this.cursor = null; // the clip that the cursor is on: { track, slot }
    this.cells = new Map(); // as reported to the script
    this.host = strict("host", this.hostMethods());
  }

  // --- what a user does ---

  set(label, value) { this.settings[label].change(value); }
  press(label) { this.settings[label].observers.forEach((each) => each()); }
  midi(status, number, value) { this.onMidi(status, number, value); }
  select(slot, track = this.track) {
    if (track !== this.track) this.cursor = null;
    this.track = track;
    this.slot = slot;
    if (this.tracks[track]?.slots[slot]) this.cursor = { track, slot };
    this.report();
  }

  // --- what becomes of the document ---

  later(change) {
    setTimeout(() => { change(); this.report(); }, LATER);
  }

  clip() { return this.cursor === null ? null : this.tracks[this.cursor.track].slots[this.cursor.slot]; }

  // Reports the cells of the grid that differ from those reported before.
  report() {
    const cells = new Map();
    for (const note of this.clip()?.notes ?? []) {
      const first = Math.floor(note.start / this.step + 1e-9);
      const last = Math.ceil((note.start + note.length) / this.step - 1e-9);
      for (let x = first; x < last; x++) {
        const state = x === first ? "NoteOn" : "NoteSustain";
        if (x < this.width) cells.set(`${note.channel}/${x}/${note.pitch}`, { state, note });
      }
    }
    const differs = (name) => {
      const [before, now] = [this.cells.get(name), cells.get(name)];
      return before?.state !== now?.state || JSON.stringify(before?.note) !== JSON.stringify(now?.note);
    };
    const changed = [...new Set([...this.cells.keys(), ...cells.keys()])].filter(differs);
    this.cells = cells;
    for (const name of changed) {
      const [channel, x, y] = name.split("/").map(Number);
      const { state, note } = cells.get(name) ?? { state: "Empty", note: { velocity: 0, length: 0 } };
      // a Java enum: no string, but it prints as one
      const step = strict("NoteStep", { channel: () => channel, x: () => x, y: () => y,
        state: () => ({ toString: () => state }), velocity: () => note.velocity / 127, duration: () => note.length });
      this.onStep(step);
    }
  }

  // --- the API ---

  hostMethods() {
    return {
      defineController: (...texts) => { expect(texts, "string", "string", "string", "string", "string"); },
      defineMidiPorts: (...numbers) => { expect(numbers, "number", "number"); },
      setShouldFailOnDeprecatedUse: (flag) => { expect([flag], "boolean"); },
      println: (text) => { expect([text], "string"); },
      showPopupNotification: (text) => { expect([text], "string"); this.popups.push(text); },
      scheduleTask: (task, delay) => { expect([task, delay], "function", "number"); setTimeout(this.guarded(task), delay); },
      getMidiInPort: (index) => {
        if (index !== 0) throw new Error("getMidiInPort: there is one");
        return strict("MidiIn", { setMidiCallback: (call) => { this.onMidi = this.guarded(call); } });
      },
      getPreferences: () => this.settingsObject("Preferences"),
      getDocumentState: () => this.settingsObject("DocumentState"),
      createTransport: () => {
        this.onlyInit("createTransport");
        return strict("Transport", { timeSignature: () => this.signatureValue ??= this.value(() => this.signature) });
      },
      createCursorTrack: (...given) => {
        this.onlyInit("createCursorTrack");
        expect(given, "string", "string", "number", "number", "boolean");
        return this.cursorTrack(given[3]);
      },
      connectToRemoteHost: (name, port, made) => {
        expect([name, port, made], "string", "number", "function");
        this.connect(name, port, this.guarded(made));
      },
    };
  }

  guarded(call) {
    return (...given) => {
      try { call(...given); } catch (error) { this.errors.push(String(error.stack)); }
    };
  }

  onlyInit(name) {
    if (this.started) throw new Error(`${name} can only be called during init`);
  }

  value(read, more = {}) {
    let interested = false;
    const get = () => {
      if (!interested) throw new Error("nobody is interested in this value: markInterested");
      return read();
    };
    return strict("Value", { get, markInterested: () => { this.onlyInit("markInterested"); interested = true; },
      ...Object.fromEntries(Object.entries(more).map(([name, make]) => [name, make(get)])) });
  }

  settingsObject(kind) {
    const add = (label, category, setting) => {
      this.onlyInit(`${kind}.get...Setting`);
      expect([label, category], "string", "string");
      if (this.settings[label]) throw new Error(`${kind}: there is a setting ${label}`);
      this.settings[label] = setting;
      return setting.object;
    };
    const setting = (initial, checked, more) => {
      const held = { value: initial, observers: [], change: (value) => { held.value = checked(value); } };
      held.object = this.value(() => held.value, more(held));
      return held;
    };
    return strict(kind, {
      getSignalSetting: (label, category, action) => {
        expect([action], "string");
        const held = { observers: [] };
        held.object = strict("Signal", { addSignalObserver: (call) => { held.observers.push(this.guarded(call)); } });
        return add(label, category, held);
      },
      getNumberSetting: (label, category, low, high, step, unit, initial) => {
        expect([low, high, step, unit, initial], "number", "number", "number", "string", "number");
        const checked = (value) => {
          if (typeof value !== "number" || Number.isNaN(value)) throw new Error(`${label}: ${value} is no number`);
          return Math.min(high, Math.max(low, value));
        };
        return add(label, category, setting(checked(initial), checked, (held) => ({
          getRaw: (get) => get, setRaw: () => held.change, get: (get) => () => (get() - low) / (high - low) })));
      },
      getEnumSetting: (label, category, options, initial) => {
        const checked = (value) => {
          if (!options.includes(value)) throw new Error(`${label}: ${value} is none of ${options}`);
          return value;
        };
        return add(label, category, setting(checked(initial), checked, (held) => ({ set: () => held.change })));
      },
      getStringSetting: (label, category, most, initial) => {
        expect([most, initial], "number", "string");
        const checked = (value) => { expect([value], "string"); return value.slice(0, most); };
        return add(label, category, setting(checked(initial), checked, (held) => ({ set: () => held.change })));
      },
    });
  }

  cursorTrack(count) {
    const here = () => this.tracks[this.track];
    const slots = Array.from({ length: count }, (_, index) => {
      const exists = this.value(() => index < (here()?.slots.length ?? 0));
      const content = this.value(() => Boolean(here()?.slots[index]));
      const selected = this.value(() => this.slot === index);
      const scene = this.value(() => index);
      return strict("ClipLauncherSlot", {
        exists: () => exists, hasContent: () => content, isSelected: () => selected, sceneIndex: () => scene,
        createEmptyClip: (beats) => {
          expect([beats], "number");
          const track = this.track;
          this.later(() => { this.tracks[track].slots[index] = madeClip({ length: beats }); });
        },
        select: () => {
          const track = this.track;
          this.later(() => { if (!this.refuses) this.select(index, track); });
        },
      });
    });
    const bank = strict("ClipLauncherSlotBank", { getItemAt: (index) => slots[index] });
    const exists = this.value(() => here() !== undefined);
    const notes = this.value(() => here()?.notes ?? false);
    return strict("CursorTrack", {
      exists: () => exists, canHoldNoteData: () => notes, clipLauncherSlotBank: () => bank,
      createLauncherCursorClip: (...given) => {
        this.onlyInit("createLauncherCursorClip");
        expect(given, "string", "string", "number", "number");
        this.width = given[2];
        return this.cursorClip();
      },
    });
  }

  cursorClip() {
    const exists = this.value(() => this.clip() !== null);
    const begin = this.value(() => this.clip()?.begin ?? 0);
    const length = this.value(() => this.clip()?.length ?? 0);
    const scene = this.value(() => this.cursor?.slot ?? -1);
    const slot = strict("ClipLauncherSlot", { sceneIndex: () => scene });
    const change = (edit) => {
      const edited = this.clip();
      if (edited !== null) this.later(() => edit(edited));
    };
    return strict("PinnableCursorClip", {
      exists: () => exists, getLoopStart: () => begin, getLoopLength: () => length, clipLauncherSlot: () => slot,
      setStepSize: (size) => { expect([size], "number"); this.step = size; },
      addNoteStepObserver: (call) => { this.onlyInit("addNoteStepObserver"); this.onStep = this.guarded(call); },
      setName: (name) => { expect([name], "string"); change((edited) => { edited.name = name; }); },
      setStep: (...given) => {
        expect(given, "number", "number", "number", "number", "number");
        const [channel, x, pitch, velocity, duration] = given;
        if (![channel, x, pitch, velocity].every(Number.isInteger) || x < 0 || x >= this.width || pitch < 0 || pitch > 127
          || channel < 0 || channel > 15 || velocity < 1 || velocity > 127 || duration <= 0) {
          throw new Error(`setStep: no such note: ${given}`);
        }
        change((edited) => {
          edited.notes.push({ channel, start: x * this.step, pitch, velocity, length: duration });
        });
      },
    });
  }

  connect(name, port, made) {
    const socket = net.connect(port, name);
    let received = Buffer.alloc(0);
    let onData = () => {};
    let onEnd = () => {};
    socket.on("error", () => {}); // where nothing listens, nothing is said
    socket.on("connect", () => made(strict("RemoteConnection", {
      setReceiveCallback: (call) => { onData = this.guarded(call); },
      setDisconnectCallback: (call) => { onEnd = this.guarded(call); },
      disconnect: () => { socket.destroy(); },
      send: (bytes) => {
        if (!bytes.every((each) => Number.isInteger(each) && each >= -128 && each <= 127)) {
          throw new Error("send: bytes are signed");
        }
        socket.write(Buffer.from(bytes.map((each) => each & 255)));
      },
    })));
    socket.on("data", (data) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
        const end = 4 + received.readUInt32BE(0);
        onData(new Int8Array(received.subarray(4, end))); // without its length, and signed
        received = received.subarray(end);
      }
    });
    socket.on("close", () => onEnd());
  }
}

// Returns an object that has these methods and no other.
function strict(kind, methods) {
  return new Proxy(methods, {
    get(target, name) {
      if (name in target || typeof name === "symbol") return target[name];
      throw new TypeError(`${kind} has no method ${name}`);
    },
    set(_, name) { throw new TypeError(`${kind}: ${String(name)} cannot be set`); },
  });
}

function expect(given, ...types) {
  if (given.length !== types.length || given.some((each, index) => typeof each !== types[index])) {
    throw new TypeError(`expected ${types}, got ${given.map((each) => typeof each)}`);
  }
}

function madeClip({ begin = 0, length, notes = [], name = "" }) {
  return { begin, length, name, notes: notes.map(([pitch, start, long, velocity = 96, channel = 0]) => ({
    channel, start, pitch, velocity, length: long })) };
}
