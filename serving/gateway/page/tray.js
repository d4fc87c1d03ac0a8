// The items of the bundle that is being put together, kept for the tab.

import { announce, el, icon } from "./dom.js";
import { nameOf } from "./format.js";
import { address } from "./router.js";

const KEPT = "goeswith.tray";
const MOST = 50;

export const trayIds = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");

export const trayLink = (ids = trayIds(), query = {}) => address("bundle", { items: ids.map(encodeURIComponent).join(","), ...query });

export const idsOf = (query) => (query.get("items") ?? "").split(",").filter(Boolean).map(decodeURIComponent);

export function keepTray(ids) {
  sessionStorage.setItem(KEPT, JSON.stringify([...new Set(ids)].slice(0, MOST)));
  showTray();
}

export function showTray() {
  const ids = trayIds();
  const badge = document.getElementById("tray-count");
  badge.textContent = ids.length;
  badge.hidden = !ids.length;
  document.getElementById("tray").setAttribute("href", trayLink());
}

// A button that puts an item into the bundle, or takes it out again.
export function trayButton(item, { words = false } = {}) {
  const button = el("button", { class: words ? "button quiet" : "round small", type: "button" });
  const show = () => {
    const held = trayIds().includes(item.item_id);
    const label = held ? "In the bundle" : "Add to bundle";
    button.setAttribute("aria-pressed", String(held));
    button.setAttribute("aria-label", `${label}: ${nameOf(item)}`);
    button.title = label;
    button.replaceChildren(icon(held ? "check" : "new"), ...(words ? [label] : []));
  };
  button.addEventListener("click", () => {
    const held = trayIds();
    const taken = held.includes(item.item_id);
    keepTray(taken ? held.filter((one) => one !== item.item_id) : [...held, item.item_id]);
    announce(taken ? "Taken out of the bundle" : "Added to the bundle");
    show();
  });
  show();
  return button;
}
