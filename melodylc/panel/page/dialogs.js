// Dialogs: each has a title and a button that closes it.

import { button, element } from "./elements.js";

/** Open a dialog with a title, a button that closes it, and what `fill` makes. A click beside it closes it too. */
export function openDialog(dialog, title, fill) {
  const close = button("Close", "close", { quiet: true, class: "plain", key: "Esc", onclick: () => dialog.close() });
  dialog.replaceChildren(
    element("header", {}, element("h2", { id: `${dialog.id}-title`, text: title }), close),
    element("div", { class: "body" }, ...fill()));
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  if (!dialog.open) dialog.showModal();
}
