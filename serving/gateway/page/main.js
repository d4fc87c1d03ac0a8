// Starts the page: which view an address shows, the search field, the keys that work everywhere.

import { el } from "./dom.js";
import { firstStop } from "./keys.js";
import { address, go, here } from "./router.js";
import { empty } from "./states.js";
import { showTray } from "./tray.js";
import * as bundle from "./views/bundle.js";
import * as dashboard from "./views/dashboard.js";
import * as explore from "./views/explore.js";
import * as item from "./views/item.js";
import * as fresh from "./views/new.js";
import * as rules from "./views/rules.js";
import { showWhy } from "./why.js";

const VIEWS = { explore, item, new: fresh, bundle, rules, dashboard };
const main = document.getElementById("main");
const asked = document.getElementById("q");
let shown = null;

// A view is mounted once for a path; another question in its address only updates it.
function show() {
  const route = here();
  const path = `${route.name}/${route.id}`;
  if (shown?.path !== path) mount(route, path);
  shown.view.update(route);
  showWhy(route);
  if (document.activeElement !== asked) asked.value = route.name === "explore" ? (route.query.get("q") ?? "") : "";
}

function mount(route, path) {
  const first = shown === null;
  const root = el("div", { class: `view ${route.name}` });
  const view = (VIEWS[route.name] ?? lost).mount(root, route);
  shown = { path, view };
  main.replaceChildren(root);
  for (const tab of document.querySelectorAll("[data-view]")) {
    const current = tab.dataset.view === (route.name === "item" ? "explore" : route.name);
    if (current) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
  if (!first && document.activeElement !== asked) main.focus({ preventScroll: true });
}

const lost = {
  mount(root) {
    document.title = "Nothing here · goeswith";
    root.append(el("h1", { class: "unseen" }, "Nothing here"), empty("There is no such page.", "Search for an item, or choose a view above."));
    return { update() {} };
  },
};

let waiting = 0;

function find(delay) {
  clearTimeout(waiting);
  waiting = setTimeout(() => go(address("", { q: asked.value.trim() }), { replace: here().name === "explore" }), delay);
}

function shortcuts(event) {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    asked.focus();
    asked.select();
  }
}

asked.addEventListener("input", () => find(160));
asked.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  firstStop(main)?.focus();
});
document.getElementById("find").addEventListener("submit", (event) => {
  event.preventDefault();
  find(0);
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("keydown", shortcuts);
addEventListener("hashchange", show);
showTray();
show();
