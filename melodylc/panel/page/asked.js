// What melodies are asked for, as the page shows it: the settings of the server, with what was just changed here on top
// until the server has answered. So a slider does not jump back to a value that is on its way.

const PAUSE = 150; // milliseconds without a movement, after which a dragged value is sent
const PATIENCE = 1500; // milliseconds after which the server's value is shown whatever was sent

const known = new WeakMap(); // one for each session: the parts of the page share it

/** Return the settings of a session, with changes on their way. Events: "change". */
export function askedOf(session) {
  if (!known.has(session)) known.set(session, new Asked(session));
  return known.get(session);
}

class Asked extends EventTarget {
  constructor(session) {
    super();
    this.session = session;
    this.unsent = {};
    this.underWay = new Map(); // setting -> {value, since}
    session.addEventListener("change", () => {
      this.#forgetAnswered();
      this.#changed();
    });
    session.addEventListener("error", ({ detail }) => {
      if (detail?.do !== "set") return;
      this.underWay = new Map([...this.underWay].filter(([name]) => name in this.unsent)); // it was not taken
      this.#changed();
    });
  }

  /** Return all settings, or null before the first state. */
  get settings() {
    const state = this.session.state;
    if (!state) return null;
    const settings = { ...state.settings };
    for (const [name, { value }] of this.underWay) settings[name] = value;
    return settings;
  }

  /** Change settings; while dragging (soon), send them only when the hand rests. */
  set(values, { soon = false } = {}) {
    Object.assign(this.unsent, values);
    for (const [name, value] of Object.entries(values)) this.underWay.set(name, { value, since: Date.now() });
    clearTimeout(this.timer);
    if (soon) this.timer = setTimeout(() => this.#send(), PAUSE);
    else this.#send();
    this.#changed();
  }

  #send() {
    const settings = this.unsent;
    this.unsent = {};
    this.session.send({ do: "set", settings });
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.#giveUp(), PATIENCE);
  }

  #forgetAnswered() {
    for (const [name, { value }] of this.underWay) {
      if (!(name in this.unsent) && same(value, this.session.state?.settings[name])) this.underWay.delete(name);
    }
  }

  #giveUp() {
    clearTimeout(this.waiting);
    if (!this.underWay.size) return;
    const connected = this.session.connected !== false; // otherwise it is sent later, and stays
    for (const [name, { since }] of this.underWay) {
      if (connected && !(name in this.unsent) && Date.now() - since >= PATIENCE) this.underWay.delete(name);
    }
    if (this.underWay.size) this.waiting = setTimeout(() => this.#giveUp(), PATIENCE);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Return whether two settings are equal, whatever they are made of. */
export function same(one, other) {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => same(one[name], other[name]));
}
