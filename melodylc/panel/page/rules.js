// The rules that melodies are to keep: those in use with their parameters, and a list to add from.

import { askedOf } from "./asked.js";
import { element } from "./elements.js";
import { errorLine, freshId, readNumber, readWhole } from "./fields.js";
import { RuleList } from "./rule_list.js";
import { noteName } from "./notes.js";
import { pitchOf } from "./pitches.js";
import { ruleErrorInWords } from "./plain_words.js";
import { fileName, inWords, parameterWords, summaryOf } from "./rule_words.js";

/** Fill an element with the rules in use and a button that offers more. */
export function mountRules(place, session) {
  const asked = askedOf(session);
  const rows = new Map(); // by name and how many of that name came before: fields stay while others come and go
  const count = element("span", { class: "now" });
  const used = element("ul", { class: "rules" });
  const none = element("p", { class: "hint", text: "None yet. A rule says what each melody has to do." });
  const broken = element("div", { role: "status" });
  const change = (index, changed) => {
    const rules = asked.settings.rules;
    if (!rules[index]) return;
    asked.set({ rules: rules.map((rule, at) => (at === index ? { ...rule, ...changed } : rule)) });
  };
  const remove = (index) => {
    asked.set({ rules: asked.settings.rules.filter((_, at) => at !== index) });
    (used.children[Math.min(index, used.children.length - 1)]?.querySelector("button") ?? add).focus();
  };
  const list = new RuleList(session, (entry) => {
    asked.set({ rules: [...asked.settings.rules, { name: entry.name, arguments: firstArguments(entry), on: true }] });
    const row = used.lastElementChild;
    (row?.querySelector("input.argument:placeholder-shown, .argument") ?? row?.querySelector("input"))?.focus();
    row?.scrollIntoView({ block: "nearest" });
  });
  const add = element("button", { type: "button", text: "Add a rule…", onclick: () => list.open(), "aria-haspopup": "dialog" });
  const summary = element("summary", {}, element("span", { text: "Rules" }), count);
  place.append(element("details", { class: "part", open: true }, summary, used, none, broken, add), list.element);

  const refresh = () => {
    const settings = asked.settings;
    place.inert = !settings; // nothing to change before it is known what there is
    if (!settings) return;
    const { state } = session;
    const wanted = keysOf(settings.rules);
    for (const [key, row] of rows) {
      if (wanted.includes(key)) continue;
      row.element.remove();
      rows.delete(key);
    }
    settings.rules.forEach((rule, index) => {
      const entry = state.catalogue.find(({ name, error }) => name === rule.name && !error) ?? null;
      const shape = JSON.stringify(entry?.parameters ?? null);
      let row = rows.get(wanted[index]);
      if (!row || row.shape !== shape) {
        row?.element.remove(); // a file of rules was saved, and the rule takes other parameters
        row = new RuleRow(rule.name, entry, shape);
        rows.set(wanted[index], row);
      }
      row.changed = (changed) => change(index, changed);
      row.removed = () => remove(index);
      if (used.children[index] !== row.element) used.insertBefore(row.element, used.children[index] ?? null);
      row.show(rule, state.rule_errors?.[index] ?? null, rewardOf(state, settings.rules, index));
    });
    none.hidden = settings.rules.length > 0;
    const on = settings.rules.filter((rule) => rule.on).length;
    count.textContent = on === settings.rules.length ? `${on || "none"}` : `${on} of ${settings.rules.length} on`;
    showBroken(broken, state.catalogue);
    list.refresh();
  };
  asked.addEventListener("change", refresh);
  refresh();
}

class RuleRow {
  constructor(name, entry, shape) {
    this.shape = shape;
    this.entry = entry;
    this.changed = () => {};
    this.removed = () => {};
    const words = inWords(name);
    const id = freshId("rule");
    this.on = element("input", { type: "checkbox", id, title: `Switch ${words} on or off` });
    this.on.addEventListener("change", () => this.changed({ on: this.on.checked }));
    this.reward = element("span", { class: "reward" });
    const drop = element("button", {
      type: "button", class: "remove small plain", text: "×", title: `Remove ${words}`, "aria-label": `Remove ${words}`,
      onclick: () => this.removed(),
    });
    const label = element("label", { for: id, text: words });
    const summary = entry ? element("p", { class: "hint", text: summaryOf(entry) }) : "";
    this.fields = (entry?.parameters ?? []).map((parameter) =>
      argumentField(entry, parameter, (value) => this.#argue(parameter, value)));
    this.plain = element("p", { class: "hint", hidden: Boolean(entry) });
    this.error = errorLine(this.on, ...this.fields.map((field) => field.input));
    this.element = element(
      "li",
      { class: "rule" },
      element("div", { class: "rule-head" }, this.on, label, this.reward, drop),
      summary,
      ...this.fields.map((field) => field.row),
      this.plain,
      this.error.line,
    );
  }

  #argue(parameter, value) {
    const given = { ...this.given };
    if (value === undefined) delete given[parameter.name];
    else given[parameter.name] = value;
    this.given = given;
    this.changed({ arguments: given });
  }

  // the fields that an error names, or all of them
  #about(error) {
    const inputs = this.fields.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(error ?? "")).map(({ input }) => input);
    return inputs.length ? inputs : [this.on, ...this.fields.map(({ input }) => input)];
  }

  #wordsOf(name) {
    const parameter = this.entry?.parameters.find((one) => one.name === name);
    return parameter ? parameterWords(this.entry, parameter).words : name.replaceAll("_", " ");
  }

  show(rule, error, reward) {
    this.given = rule.arguments ?? {};
    this.on.checked = rule.on;
    this.element.classList.toggle("off", !rule.on);
    this.fields.forEach((field) => field.show(this.given[field.name]));
    if (!this.entry) {
      const given = Object.entries(this.given).map(([name, value]) => `${name} ${value}`).join(", ");
      this.plain.textContent = given ? `${given} (this rule is not there now)` : "This rule is not there now.";
    }
    const missing = (this.entry?.parameters ?? []).filter(({ name, required }) => required && this.given[name] === undefined);
    const words = missing.map((parameter) => parameterWords(this.entry, parameter).words).join(", ");
    const names = missing.map(({ name }) => name).join(" ");
    if (missing.length) this.error.show(`still needed: ${words}`, this.#about(names));
    else this.error.show(error && ruleErrorInWords(error, rule.name, (name) => this.#wordsOf(name)), this.#about(error));
    showReward(this.reward, rule.on && !error ? reward : null);
  }
}

function showReward(place, reward) {
  place.hidden = reward === null;
  if (reward === null) return;
  const kept = reward >= 1;
  place.classList.toggle("kept", kept);
  place.textContent = kept ? "✓ kept" : `${Math.floor(reward * 100)} %`;
  place.title = `How far the melody that you look at keeps it: ${kept ? "altogether" : `${Math.floor(reward * 100)} of 100`}`;
}

// One field for an argument; value undefined: not given, so that the rule's own default holds.
function argumentField(entry, parameter, changed) {
  const { name, kind, default: usual } = parameter;
  const id = freshId("argument");
  const { words, hint, isPitch } = parameterWords(entry, parameter);
  const label = element("label", { for: id, text: words, title: hint });
  const makeInput = isPitch ? pitchArgument : ({ choice: choiceArgument, bool: boolArgument }[kind] ?? textArgument);
  const { input, show } = makeInput(parameter, { id, title: hint, class: "argument" }, changed, usual);
  const row = element("div", { class: kind === "bool" ? "field switch" : "field" });
  row.append(...(kind === "bool" ? [input, label] : [label, input]));
  return { name, row, input, show };
}

function choiceArgument(parameter, properties, changed, usual) {
  const texts = (parameter.choices ?? []).map(String);
  const choices = texts.map((text) => element("option", { value: text, text }));
  if (usual === null) choices.unshift(element("option", { value: "", text: parameter.required ? "choose…" : "any" }));
  const input = element("select", properties, ...choices);
  input.addEventListener("change", () => {
    changed((parameter.choices ?? []).find((choice) => String(choice) === input.value));
  });
  return { input, show: (value) => (input.value = String(value ?? usual ?? "")) };
}

function boolArgument(parameter, properties, changed, usual) {
  const input = element("input", { type: "checkbox", ...properties });
  input.addEventListener("change", () => changed(input.checked));
  return { input, show: (value) => (input.checked = Boolean(value ?? usual)) };
}

function textArgument({ kind, required }, properties, changed, usual) {
  const isNumber = kind === "int" || kind === "float";
  const read = kind === "int" ? readWhole : readNumber;
  const placeholder = usual !== null ? String(usual) : required ? "" : "any";
  const input = element("input", {
    type: isNumber ? "number" : "text", placeholder, autocomplete: "off", spellcheck: "false", ...properties,
  });
  if (isNumber) input.step = kind === "int" ? "1" : "0.05";
  let editing = false;
  input.addEventListener("input", () => (editing = true));
  input.addEventListener("change", () => {
    editing = false;
    const text = input.value.trim();
    if (!isNumber) changed(text || undefined);
    else if (text === "") changed(undefined);
    else changed(read(text) ?? Number(text)); // 2.5 where a whole number is wanted: the rule says so
  });
  return {
    input,
    show(value) {
      if (editing && document.activeElement === input) return;
      editing = false;
      const text = value === undefined || value === null ? "" : String(value);
      if (input.value !== text) input.value = text;
    },
  };
}

// Pitches are written as notes; what is none goes on as it is, and the rule says what it expects.
function pitchArgument(parameter, properties, changed, usual) {
  const asText = { ...parameter, kind: "text" };
  const wanted = (text) => changed(text === undefined ? undefined : pitchOf(text) ?? text);
  const { input, show } = textArgument(asText, properties, wanted, usual);
  return { input, show: (value) => show(Number.isInteger(value) ? noteName(value) : value) };
}

function firstArguments(entry) {
  const chosen = entry.parameters.filter(({ kind, required, choices }) => kind === "choice" && required && choices?.length);
  return Object.fromEntries(chosen.map(({ name, choices }) => [name, choices[0]]));
}

function keysOf(rules) {
  const seen = new Map();
  return rules.map(({ name }) => {
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return `${name}\n${before}`;
  });
}

// A melody says for each reward which rule it is of, by the name that it has in the list; the second rule of a name has the
// second reward of that name.
function rewardOf(state, rules, index) {
  const { name } = rules[index];
  const place = rules.slice(0, index).filter((rule, at) => rule.on && rule.name === name && !state.rule_errors?.[at]).length;
  const rewards = state.melodies?.[state.chosen]?.rules ?? [];
  return rewards.filter((each) => (each.rule ?? each.name) === name)[place]?.reward ?? null;
}

function showBroken(place, catalogue) {
  const files = catalogue.filter(({ error }) => error);
  const lines = files.map(({ name, error }) => `${fileName(name)}: ${error}`);
  if ([...place.children].map((line) => line.textContent).join("\n") === lines.join("\n")) return;
  place.replaceChildren(...lines.map((text) => element("p", { class: "field-error", text: text })));
}
