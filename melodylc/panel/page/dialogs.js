// Dialogs, which have a title and a button that closes them, and small menus of buttons.

import { button, element } from "./elements.js";

/** Open a dialog with a title, a button that closes it, and what `fill` makes. A click beside it closes it too. */
export function openDialog(dialog, title, fill) {
  const close = button("Close", "close", { quiet: true, class: "plain", key: "Esc", onclick: () => dialog.close() });
  dialog.replaceChildren(
    element("header", {}, element("h2", { id: `${dialog.id}-title`, text: title }), close),
    element("div", { class: "body" }, ...fill()));
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close(); // a handler that returned false would take the click from all within
  };
  if (!dialog.open) dialog.showModal();
}

/** Return a button that opens a menu of other buttons over it; the menu is its `menu`, to be put beside it. */
export function makeMenu(words, title, buttons) {
  const menu = element("div", { class: "menu", popover: "auto", role: "group", "aria-label": title }, ...buttons);
  const opener = button(words, null, { title, "aria-expanded": "false", onclick: () => menu.togglePopover() });
  opener.append(element("span", { "aria-hidden": "true", text: "▴" }));
  menu.addEventListener("click", () => menu.hidePopover());
  menu.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    opener.setAttribute("aria-expanded", String(open));
    if (!open) return;
    const beside = opener.getBoundingClientRect();
    menu.style.left = `${Math.max(beside.right - menu.offsetWidth, 8)}px`;
    menu.style.top = `${Math.max(beside.top - menu.offsetHeight - 4, 8)}px`;
    menu.querySelector("button:not([hidden])").focus();
  });
  opener.menu = menu;
  return opener;
}
