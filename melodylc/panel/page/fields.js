// Form fields: their elements, what they show, and what they tell when they change.

import { element } from "./elements.js";

let made = 0;

/** Return an id that no element has yet. */
export function freshId(stem) {
  made += 1;
  return `${stem}-${made}`;
}

/**
 * Return a line for an error: show(text or null) shows or hides it, and marks and describes the fields it is about, which
 * are all unless some are given.
 */
export function errorLine(...fields) {
  const line = element("p", { class: "field-error", id: freshId("error"), hidden: true, role: "alert" });
  return {
    line,
    show(text, about = fields) {
      const shown = text ?? "";
      if (line.textContent !== shown) line.textContent = shown; // not again: a screen reader would read it again
      line.hidden = !text;
      for (const field of fields) describe(field, line.id, Boolean(text) && about.includes(field));
    },
  };
}

function describe(field, id, wrong) {
  const lines = new Set((field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  if (wrong) lines.add(id);
  else lines.delete(id); // another line may be about it still
  if (lines.size) {
    field.setAttribute("aria-describedby", [...lines].join(" "));
    field.setAttribute("aria-invalid", "true");
  } else {
    field.removeAttribute("aria-describedby");
    field.removeAttribute("aria-invalid");
  }
}

/** Return a select: show(value), choices([[value, text], ...]); chosen(value) is called when the user chooses. */
export function choiceField({ label, hint, chosen }) {
  const id = freshId("choice");
  const select = element("select", { id, title: hint });
  select.addEventListener("change", () => chosen(select.value));
  let offered = "";
  return {
    row: element("div", { class: "field" }, element("label", { for: id, text: label, title: hint }), select),
    input: select,
    choices(pairs) {
      if (offered === JSON.stringify(pairs)) return;
      offered = JSON.stringify(pairs);
      const value = select.value;
      select.replaceChildren(...pairs.map(([of, text]) => element("option", { value: of, text: text })));
      select.value = value;
    },
    show(value) {
      if (select.value !== value) select.value = value;
    },
  };
}

/** Return a checkbox with its label: show(on); switched(on) is called when the user switches it. */
export function switchField({ label, hint, switched }) {
  const id = freshId("switch");
  const input = element("input", { type: "checkbox", id, title: hint });
  input.addEventListener("change", () => switched(input.checked));
  const text = element("label", { for: id, text: label, title: hint });
  return {
    row: element("div", { class: "field switch" }, input, text),
    input,
    show(on) {
      input.checked = Boolean(on);
    },
  };
}

/**
 * Return a field of text: show(value, error); written(text) is called when the user has finished, or is undefined for a
 * text that the field itself knows is none. While it is written in, and while what was written here is in error, the text stays.
 */
export function textField({ label, hint, placeholder = "", written, list }) {
  const id = freshId("text");
  const input = element("input", { type: "text", id, title: hint, placeholder, autocomplete: "off", spellcheck: "false" });
  if (list) input.setAttribute("list", list);
  let editing = false;
  let mine = null;
  input.addEventListener("input", () => (editing = true));
  input.addEventListener("change", () => {
    editing = false;
    mine = input.value;
    written(input.value.trim());
  });
  return {
    row: element("div", { class: "field" }, element("label", { for: id, text: label, title: hint }), input),
    input,
    show(value, error = null) {
      if (editing && document.activeElement === input) return;
      editing = false;
      if (error && mine !== null && input.value === mine) return;
      if (!error) mine = null;
      if (input.value !== value) input.value = value;
    },
  };
}

/**
 * Return a number as a slider, a small field and a button that leaves it open; while it is open, the field says so.
 *
 * scale: {least, most, step} of the slider, `start` where the slider stands while the number is open; `limits` are those of
 * the field, where they are wider. text(value) and value(text) say how a number is written (undefined: not understood).
 * open: the word for null, such as "any", or null for a number that is always there.
 * changed(value, soon) is called with what the user wants, and returns what may be (a bound that must not cross another).
 */
export function numberField({
  label, hint, scale, limits, start, text = String, value = readNumber, open = "any", changed, wrong,
}) {
  const id = freshId("number");
  const bounds = limits ?? scale;
  const slider = element("input", {
    type: "range", min: scale.least, max: scale.most, step: scale.step, title: hint, "aria-label": `${label}: slider`,
  });
  const field = element("input", {
    type: "text", id, title: hint, placeholder: open ?? "", autocomplete: "off", spellcheck: "false", class: "short",
    inputmode: value === readNumber ? "decimal" : "text",
  });
  const button = open === null ? null : element("button", {
    type: "button", class: "leave-open small plain", text: "×", title: `${label}: ${open}`, "aria-label": `${label}: ${open}`,
  });
  const error = errorLine(field);
  let editing = false;
  let dragging = false;

  const display = (number) => {
    const shown = number === null ? (start ?? scale.least) : number;
    if (Number(slider.value) !== shown) slider.value = shown;
    slider.setAttribute("aria-valuetext", number === null ? open : text(number));
    slider.classList.toggle("open", number === null);
    if (!editing) field.value = number === null ? "" : text(number);
    if (!button) return;
    if (number === null && document.activeElement === button) field.focus();
    button.classList.toggle("away", number === null);
  };
  const ask = (number, soon) => {
    error.show(null);
    display(changed(number, soon));
  };

  slider.addEventListener("input", () => {
    dragging = true;
    editing = false;
    ask(Number(slider.value), true);
  });
  slider.addEventListener("change", () => {
    dragging = false;
    ask(Number(slider.value), false);
  });
  field.addEventListener("input", () => (editing = true));
  field.addEventListener("change", () => {
    const written = field.value.trim();
    const number = written === "" && open !== null ? null : value(written);
    if (number === undefined || (number !== null && !(number >= bounds.least && number <= bounds.most))) {
      error.show(wrong ?? `expected a number from ${text(bounds.least)} to ${text(bounds.most)}`);
      return; // what was written stays, to be mended
    }
    editing = false;
    ask(number, false);
  });
  field.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const from = value(field.value.trim()) ?? start;
    if (!by || from === undefined) return;
    event.preventDefault();
    editing = false;
    const next = Math.min(bounds.most, Math.max(bounds.least, from + by * (scale.step ?? 1)));
    ask(Number(next.toFixed(4)), true);
  });
  field.addEventListener("blur", () => {
    if (!error.line.hidden) return;
    editing = false;
  });
  button?.addEventListener("click", () => {
    editing = false;
    ask(null, false);
  });
  const parts = [element("label", { for: id, text: label, title: hint }), slider, field];
  return {
    row: element("div", { class: "field number" }, ...parts, ...(button ? [button] : []), error.line),
    input: field,
    slider,
    show(number) {
      if (!dragging && !editing) display(number);
    },
  };
}

/** Return the number that a text is, or undefined. */
export function readNumber(text) {
  const number = Number(text.replace(",", "."));
  return text !== "" && Number.isFinite(number) ? number : undefined;
}

/** Return the whole number that a text is, or undefined. */
export function readWhole(text) {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
