// The rules that there are, in a dialog: found by a word, read about, and added by a click or Enter.

import { element } from "./elements.js";
import { freshId } from "./fields.js";
import { fileName, inWords, summaryOf } from "./rule_words.js";

/** The dialog: open() shows it, and chosen(entry of the catalogue) is called for the rule that is added. */
export class RuleList {
  constructor(session, chosen) {
    this.session = session;
    this.chosen = chosen;
    const title = freshId("add-rule");
    const id = freshId("find-rule");
    this.filter = element("input", {
      type: "search", id, placeholder: "leaps, rhythm, chord…", autocomplete: "off", spellcheck: "false",
    });
    this.filter.addEventListener("input", () => this.#filter());
    this.found = element("p", { class: "hint", role: "status" });
    this.groups = element("div", { class: "rule-groups" });
    this.close = element("button", { type: "button", text: "Close", onclick: () => this.element.close() });
    this.element = element(
      "dialog",
      { class: "rule-list", "aria-labelledby": title },
      element("header", {}, element("h2", { id: title, text: "Add a rule" }), this.close),
      element(
        "div", { class: "body" },
        element("div", { class: "field" }, element("label", { for: id, text: "Find" }), this.filter),
        this.found,
        this.groups,
      ),
    );
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.element.close(); // beside it
    });
    this.items = [];
    this.drawn = null;
  }

  open() {
    this.filter.value = "";
    this.element.showModal();
    this.refresh();
    this.#filter();
    this.filter.focus();
  }

  /** Show what the catalogue has now; only while it is open. */
  refresh() {
    const { catalogue } = this.session.state ?? {};
    if (!this.element.open || !catalogue) return;
    const text = JSON.stringify(catalogue);
    if (text === this.drawn) return;
    this.drawn = text;
    this.#draw(catalogue);
    this.#filter();
  }

  #draw(catalogue) {
    const files = new Map();
    for (const entry of catalogue) {
      const file = entry.error ? entry.name : (entry.file ?? null);
      files.set(file, [...(files.get(file) ?? []), entry]);
    }
    this.items = [];
    this.groups.replaceChildren(...[...files].map(([file, entries]) => this.#group(file, entries)));
  }

  #group(file, entries) {
    const id = freshId("rules-of");
    const list = element("ul", { "aria-labelledby": id });
    for (const entry of entries) {
      const line = entry.error
        ? element("li", {}, element("p", { class: "field-error", text: entry.error }))
        : element("li", {}, this.#button(entry), ...about(entry));
      const name = inWords(entry.name).toLowerCase();
      const words = `${fileName(file ?? "")} ${name} ${entry.name} ${entry.error ? "" : summaryOf(entry)} ${entry.summary} ${entry.error ?? ""}`.toLowerCase();
      this.items.push({ line, name, words, entry });
      list.append(line);
    }
    const title = file === null ? "Built in" : fileName(file);
    return element("section", {}, element("h3", { id, text: title, title: file }), list);
  }

  #button(entry) {
    const text = inWords(entry.name);
    return element("button", { type: "button", class: "add-rule", text, onclick: () => this.#choose(entry) });
  }

  #choose(entry) {
    this.element.close();
    this.chosen(entry);
  }

  #filter() {
    const wanted = this.filter.value.toLowerCase().trim();
    const words = wanted.split(/\s+/).filter(Boolean);
    for (const item of this.items) {
      item.line.hidden = !words.every((word) => item.words.includes(word));
      item.rank = wanted ? rank(item.name, wanted) : 0;
      item.line.classList.remove("best");
    }
    // what is called so comes before what only speaks of it; the sort leaves others in their order
    const sorted = [...this.items].sort((one, other) => one.rank - other.rank);
    for (const { line } of sorted) line.parentElement.append(line);
    for (const section of this.groups.children) section.hidden = !section.querySelector("li:not([hidden])");
    this.best = sorted.find(({ line, entry }) => !line.hidden && !entry.error);
    if (wanted) this.best?.line.classList.add("best");
    const count = this.#buttons().length;
    const text = `${count || "No"} ${count === 1 ? "rule" : "rules"}`;
    this.found.textContent = wanted && this.best ? `${text}; Enter adds ${this.best.name}` : text;
  }

  #buttons() {
    return [...this.groups.querySelectorAll("li:not([hidden]) > .add-rule")];
  }

  #key(event) {
    const buttons = this.#buttons();
    if (event.key === "Enter" && event.target === this.filter) {
      event.preventDefault();
      if (this.best) this.#choose(this.best.entry);
    }
    const at = buttons.indexOf(document.activeElement);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || (at < 0 && event.target !== this.filter)) return;
    event.preventDefault();
    (at + by < 0 ? this.filter : buttons[Math.min(at + by, buttons.length - 1)])?.focus();
  }
}

function rank(name, wanted) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  return name.includes(wanted) ? 2 : 3;
}

function about(entry) {
  const summary = summaryOf(entry).trim();
  const parts = [element("p", { class: "hint", text: summary })];
  const doc = (entry.doc ?? "").trim();
  if (doc && doc !== summary) {
    const which = element("span", { class: "unseen", text: ` about ${inWords(entry.name)}` });
    const more = element("summary", { text: "In detail" }, which);
    parts.push(element("details", {}, more, element("pre", { text: doc })));
  }
  return parts;
}
