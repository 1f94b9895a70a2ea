// The candidates: a card each, with a small roll, what it keeps, and thumbs.

import { button, element, redraw } from "./elements.js";
import { drawMini } from "./roll.js";
import { onThemeChange } from "./roll_colours.js";
import { inPlainWords, odditiesInWords, wayInWords } from "./plain_words.js";
import { count, fileName, keeps, verdict } from "./words.js";

const ALL_RULES = { 1: "its rule", 2: "both rules" };
const NATURAL = "Its notes, leaps, rests and repetitions are such as melodies of people have";
const EDGE = 4; // pixels that are seen beside a card that was scrolled to

/** Show the melodies of the set, and what can be made of the chosen one. */
export function mountCandidates(place, session, desk, actions, files) {
  const list = element("ul", { class: "cards" });
  const head = makeHead(session, desk, actions);
  place.append(head.element, list);
  const cards = new Map(); // by id of the melody
  const update = () => {
    const melodies = desk.candidates;
    for (const [id, card] of cards) {
      if (!melodies.some((melody) => melody.id === id)) {
        card.element.remove();
        cards.delete(id);
      }
    }
    melodies.forEach((melody, index) => {
      if (!cards.has(melody.id)) cards.set(melody.id, makeCard(session, desk, actions, files, melody.id));
      const card = cards.get(melody.id);
      if (list.children[index] !== card.element) list.insertBefore(card.element, list.children[index] ?? null);
      card.update(melody, index + 1, melody.id === session.state.chosen);
    });
    list.querySelectorAll("li.empty").forEach((item) => item.remove());
    if (melodies.length === 0) list.append(emptyCard(session.state));
    head.update();
  };
  session.addEventListener("change", update);
  desk.addEventListener("playing", () => cards.forEach((card) => card.playing()));
  onThemeChange(() => cards.forEach((card) => card.draw()));
  list.addEventListener("wheel", (event) => scrollAcross(list, event), { passive: true });
  followPlayhead(desk, cards);
  update();
}

// A wheel that only turns up and down moves the row of cards, where it does not move the page.
function scrollAcross(list, event) {
  const pageScrolls = document.documentElement.scrollHeight > innerHeight;
  if (!pageScrolls && !event.deltaX && !event.ctrlKey) list.scrollLeft += event.deltaY;
}

function emptyCard(state) {
  const starting = !state || state.worker.state === "starting" || state.busy;
  const none = state?.worker.state === "gone" ? "No melodies here." : "No melodies here. “Again” makes some.";
  const text = starting ? "The first melodies are on their way …" : none;
  return element("li", { class: "empty" }, element("p", { text }));
}

function makeHead(session, desk, actions) {
  const again = button("Again", "again", { key: "n", class: "primary", title: "New melodies", onclick: () => actions.again() });
  const like = button("More like this", "like", { key: "l", onclick: () => actions.like() });
  const amount = element("input", {
    type: "range", min: "0.05", max: "1", step: "0.05", value: String(desk.amount),
    "aria-label": "How different they may be",
    oninput: () => {
      desk.amount = Number(amount.value);
      say();
    },
  });
  const say = () => {
    const words = desk.amount < 0.25 ? "close" : desk.amount < 0.6 ? "akin" : "far";
    amount.setAttribute("aria-valuetext", words);
    amount.title = `How different they may be: ${words}`;
  };
  const between = button("Between", "between", {
    key: "t", title: "Melodies between this one and another", onclick: () => actions.between(),
  });
  const other = element("select", {
    "aria-label": "The other melody of “Between”",
    onchange: () => (desk.other = others()[other.selectedIndex]?.id ?? null),
  });
  const others = () => desk.candidates.filter((melody) => melody.id !== session.state?.chosen);
  const update = () => {
    const ready = Boolean(session.state) && session.state.worker.state !== "gone";
    const numbers = new Map(desk.candidates.map((melody, index) => [melody.id, index + 1]));
    const choices = others();
    again.disabled = !ready;
    like.disabled = amount.disabled = !ready || !desk.melody;
    if (!choices.some((melody) => melody.id === desk.other)) desk.other = choices[0]?.id ?? null;
    between.disabled = other.disabled = !ready || !desk.melody || choices.length === 0;
    between.hidden = other.hidden = choices.length === 0;
    const now = choices.map((melody) => numbers.get(melody.id)).join();
    if (other.dataset.choices !== now) {
      other.dataset.choices = now;
      other.replaceChildren(...choices.map((melody) => element("option", { text: `and ${numbers.get(melody.id)}` })));
    }
    other.selectedIndex = choices.findIndex((melody) => melody.id === desk.other);
  };
  say();
  const scale = element("span", { class: "scale" }, element("span", { text: "close" }), amount, element("span", { text: "far" }));
  const head = element("div", { class: "bar" },
    again,
    element("span", { class: "group" }, like, scale),
    element("span", { class: "group" }, between, other));
  return { element: head, update };
}

function makeCard(session, desk, actions, files, id) {
  const now = () => session.state.melodies[id];
  const canvas = element("canvas", { class: "mini", "aria-hidden": "true" });
  const line = element("span", { class: "line", "aria-hidden": "true" });
  const title = element("span", { class: "title" });
  const facts = element("span", { class: "facts" });
  const way = element("span", { class: "way" });
  const choose = element("button", { type: "button", class: "choose", onclick: () => desk.choose(id) },
    title, element("span", { class: "roll" }, canvas, line), facts, way);
  const play = button("Play", "play", {
    quiet: true, class: "play", onclick: () => (desk.playing === id ? desk.togglePlay() : desk.playMelody(id)),
  });
  const mark = (value) => () => session.send({ do: "mark", melody: id, mark: now().mark === value ? 0 : value });
  const up = button("I like it", "up", { quiet: true, key: "u", onclick: mark(1) });
  const down = button("I do not like it", "down", { quiet: true, key: "d", onclick: mark(-1) });
  const like = button("More like this", "like", {
    quiet: true, onclick: () => session.send({ do: "like", melody: id, amount: desk.amount }),
  });
  const item = element("li", { class: "card", draggable: "true", "data-melody": id }, choose, element("div", { class: "does" }, play, up, down, like));
  item.addEventListener("dragstart", (event) => files.dragOut(event, now()));
  let number = 0;
  let drawn = null;
  const draw = () => {
    drawn = now();
    if (drawn) drawMini(canvas, drawn);
  };
  const update = (melody, at, chosen) => {
    const came = chosen && !item.classList.contains("chosen");
    item.classList.toggle("chosen", chosen);
    choose.setAttribute("aria-pressed", String(chosen));
    up.setAttribute("aria-pressed", String(melody.mark === 1));
    down.setAttribute("aria-pressed", String(melody.mark === -1));
    if (came) comeIntoView(item, choose);
    if (melody === drawn && at === number) return;
    number = at;
    up.setAttribute("aria-label", `I like ${at}`);
    down.setAttribute("aria-label", `I do not like ${at}`);
    like.setAttribute("aria-label", `More like ${at}`);
    const name = inPlainWords(melody.title);
    const made = wayInWords(melody.way);
    const bare = name.endsWith(` ${at}`) ? name.slice(0, -` ${at}`.length) : name; // the number stands before it
    title.textContent = `${at}. ${bare || count(melody.bars, "bar")}`;
    choose.title = `${name}\n${made}\nDrag it out as the MIDI file “${fileName(melody)}.mid”`;
    way.textContent = made;
    facts.replaceChildren(...factsOf(melody));
    draw();
    playing();
  };
  const playing = () => {
    const heard = desk.playing === id;
    item.classList.toggle("playing", heard);
    redraw(play, heard ? `Stop ${number}` : `Play ${number}`, heard ? "stop" : "play");
    if (!heard) line.hidden = true;
  };
  new ResizeObserver(draw).observe(canvas);
  return { element: item, update, draw, playing, line };
}

// Scroll the row of cards, never the page, and let the focus follow where it was on another card.
function comeIntoView(item, choose) {
  const row = item.parentElement;
  if (document.activeElement?.matches(".choose")) choose.focus({ preventScroll: true });
  if (item.offsetLeft < row.scrollLeft) row.scrollLeft = item.offsetLeft - EDGE;
  const beyond = item.offsetLeft + item.offsetWidth - row.clientWidth;
  if (beyond > row.scrollLeft) row.scrollLeft = beyond + EDGE;
}

function factsOf(melody) {
  const facts = [];
  const broken = melody.rules.filter((rule) => !keeps(rule));
  if (melody.rules.length > 0) {
    const words = broken.length === 0
      ? `keeps ${ALL_RULES[melody.rules.length] ?? `all ${melody.rules.length} rules`}`
      : `breaks ${broken.map((rule) => inPlainWords(rule.name)).join(", ")}`;
    facts.push(verdict(broken.length === 0, words, words));
  }
  if (melody.checked === false) return [element("span", { class: "way", text: "being checked …" })];
  const odd = odditiesInWords(melody.implausible);
  facts.push(verdict(!odd, odd ? `unusual: ${odd}` : "sounds natural", odd || NATURAL));
  return facts;
}

// A line over the small roll of what is heard.
function followPlayhead(desk, cards) {
  let running = false; // one loop, however often playing is announced
  const frame = () => {
    const card = cards.get(desk.playing);
    running = Boolean(card);
    if (!card) return;
    const step = desk.player.position();
    if (step !== null) {
      card.line.hidden = false;
      // As wide as the roll and moved by a transform: nothing else is laid out or painted again for it.
      card.line.style.transform = `translateX(${(100 * step) / desk.loaded.states.length}%)`;
    }
    requestAnimationFrame(frame);
  };
  desk.addEventListener("playing", () => {
    if (!running && desk.playing !== null) requestAnimationFrame(frame);
    running ||= desk.playing !== null;
  });
}
