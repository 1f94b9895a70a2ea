// The left side of the panel by itself, with a session that a test speaks for.

class FakeSession extends EventTarget {
  connected = true;
  state = null;
  sent = [];

  send(action) {
    this.sent.push(structuredClone(action));
    if (window.answers && action.do === "set") this.receive({ settings: { ...this.state.settings, ...action.settings } });
  }

  receive(change) {
    this.state = { ...this.state, ...change };
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(Object.keys(change)) }));
  }
}

const at = new URL(document.querySelector("link").href); // where the page's own files lie
const { mountControls } = await import(new URL("controls.js", at));
const { mountRules } = await import(new URL("rules.js", at));
const { mountLearning } = await import(new URL("learning.js", at));
const { mountTaste } = await import(new URL("taste.js", at));
const mounts = { attributes: mountControls, rules: mountRules, learning: mountLearning, taste: mountTaste };

window.mountAnew = () => {
  window.session = new FakeSession();
  window.heard = [];
  window.answers = true;
  const player = { hear: (pitches) => window.heard.push(pitches) };
  for (const [id, mount] of Object.entries(mounts)) {
    const place = document.createElement("section");
    place.id = id;
    document.getElementById(id).replaceWith(place);
    mount(place, window.session, player);
  }
};
document.documentElement.dataset.loaded = "";
