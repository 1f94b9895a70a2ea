// The socket to the server, and the state that it tells. The state is the server's: the page sends wishes and shows what comes.

const FIRST_WAIT = 500; // milliseconds before a closed socket is opened again,
const LONGEST_WAIT = 5000; // doubled up to this
const MOST_KEPT = 100; // actions that wait for a connection
const OWN_CODES = 4000; // codes from here on are the server's own, their reasons for the user
const BAD_TOKEN = 4403; // the code with which the server closes a socket whose token is not valid

/** Return the address of the socket that belongs to a page. */
export function socketAddress(page) {
  const address = new URL("/session", page);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

/** Return the state after a change: melodies are merged by id (null takes one away), everything else is replaced. */
export function merged(state, change) {
  const next = { ...state, ...change };
  if (change.melodies) {
    next.melodies = { ...state.melodies, ...change.melodies };
    for (const id of Object.keys(next.melodies)) if (next.melodies[id] === null) delete next.melodies[id];
  }
  return next;
}

/**
 * The connection. Events: "change" (detail: the Set of changed keys of the state), "error" and "said" (detail.text: one
 * line for the user), "connection" (connected or not any more).
 */
export class Session extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
    this.state = null;
    this.connected = false;
    this.refused = false; // the token is not valid: no use in trying again
    this.reason = ""; // why the server closed the socket, where it said so
    this.kept = [];
    this.wait = FIRST_WAIT;
    this.#open();
    // A laptop that wakes up, a network that is back: do not sit out the rest of the wait.
    addEventListener("online", () => this.#retry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retry());
  }

  /** Send an action; without a connection it is kept and sent at the next one. */
  send(action) {
    if (this.connected) this.socket.send(JSON.stringify(action));
    else this.#keep(action);
  }

  /** Show a change that is as good as made, before the server tells it. */
  foresee(change) {
    if (!this.state) return;
    this.state = merged(this.state, change);
    this.#tell("change", new Set(Object.keys(change)));
  }

  #keep(action) {
    const last = this.kept.at(-1);
    if (action.do === "set" && last?.do === "set") last.settings = { ...last.settings, ...action.settings };
    else this.kept.push(structuredClone(action));
    if (this.kept.length > MOST_KEPT) this.kept.shift();
  }

  #open() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.connected = true;
      this.wait = FIRST_WAIT;
      this.#tell("connection");
      for (const action of this.kept.splice(0)) this.send(action);
    });
    socket.addEventListener("message", (event) => this.#receive(event.data));
    socket.addEventListener("close", (event) => this.#closed(event));
  }

  #closed({ code, reason }) {
    this.connected = false;
    this.refused = code === BAD_TOKEN;
    this.reason = code >= OWN_CODES ? reason : "";
    this.#tell("connection");
    if (this.refused) return;
    this.timer = setTimeout(() => this.#reopen(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }

  #retry() {
    if (this.timer) this.#reopen();
  }

  #reopen() {
    clearTimeout(this.timer);
    this.timer = null;
    this.#open();
  }

  #receive(text) {
    const message = JSON.parse(text);
    if (message.kind === "state" || message.kind === "change") {
      // A whole state replaces what was there; a change that comes before any has nothing to change.
      const whole = message.kind === "state";
      if (!whole && !this.state) return;
      this.state = whole ? message.state : merged(this.state, message.state);
      this.#tell("change", new Set(Object.keys(message.state)));
    } else if (message.kind === "error" || message.kind === "said") {
      this.#tell(message.kind, { text: message.text, do: message.do });
    }
  }

  #tell(kind, detail = null) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
