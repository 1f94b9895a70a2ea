// News and errors in a corner, and a lasting banner while there is no server.

import { button, element } from "./elements.js";
import { inPlainWords } from "./plain_words.js";
import { sentence } from "./words.js";

const NEWS = 5000; // milliseconds that news stay,
const TROUBLE = 20000; // and errors, while no pointer and no focus rests on them
const MOST = 3; // at once: the oldest makes room
const PATIENCE = 400; // milliseconds without a server before the banner: a reload of the server is shorter

/** Show what the session and the player say. Return {say(text), fail(text)}. */
export function mountToasts(place, banner, session, player) {
  const show = (text, kind, lasts) => {
    for (const other of place.children) if (other.dataset.text === text) other.remove();
    const toast = element("div", { class: `toast ${kind}`, "data-text": text });
    const close = button("Close", "close", { quiet: true, class: "plain", onclick: () => toast.remove() });
    toast.append(element("p", { text: sentence(inPlainWords(text)) }), close);
    place.append(toast);
    while (place.children.length > MOST) place.firstChild.remove();
    const end = () => (toast.matches(":hover, :focus-within") ? setTimeout(end, NEWS) : toast.remove());
    setTimeout(end, lasts);
  };
  const say = (text) => show(text, "news", NEWS);
  const fail = (text) => show(text, "error", TROUBLE);
  session.addEventListener("said", (event) => say(event.detail.text));
  session.addEventListener("error", (event) => fail(event.detail.text));
  player.addEventListener("error", (event) => fail(event.detail.text));
  watchConnection(banner, session);
  return { say, fail };
}

function watchConnection(banner, session) {
  let timer = null;
  const update = () => {
    clearTimeout(timer);
    if (session.connected) {
      const { worker } = session.state ?? {};
      banner.textContent = worker?.state === "gone" ? `No melodies can be made: ${inPlainWords(worker.text)}` : "";
      document.body.classList.remove("disconnected");
      return;
    }
    timer = setTimeout(() => {
      const text = session.refused
        ? "This address is not valid any more. Open the one that the command printed."
        : session.reason ? `${sentence(session.reason)}; trying again …` : "The server has stopped; reconnecting …";
      if (banner.textContent !== text) banner.textContent = text;
      document.body.classList.add("disconnected");
    }, session.refused ? 0 : PATIENCE);
  };
  session.addEventListener("connection", update);
  session.addEventListener("change", (event) => event.detail.has("worker") && update());
}
