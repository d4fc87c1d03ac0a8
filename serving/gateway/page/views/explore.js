// The catalogue by words; before a word is typed, what sells best.

import { search } from "../api.js";
import { card } from "../cards.js";
import { announce, el } from "../dom.js";
import { plural } from "../format.js";
import { arrowKeys } from "../keys.js";
import { empty, fill, skeletonCards } from "../states.js";

const FIRST = 24;
const MORE = 60;
const ABOVE_THE_FOLD = 6;

export function mount(root) {
  const hero = el(
    "section",
    { class: "hero" },
    el("h1", {}, "What replaces it, what goes with it, what completes it."),
    el("p", {}, "Search for an item to see its substitutes and complements, the bundle that it asks for, and the evidence behind each answer."),
  );
  const heading = el("h2", { class: "list-title" });
  const place = el("div", { class: "results" });
  root.append(hero, el("section", {}, heading, place));
  arrowKeys(place, { before: () => document.getElementById("q") });
  return { update: (route) => update(route, { hero, heading, place }) };
}

async function update({ query }, { hero, heading, place }, k = FIRST) {
  const q = (query.get("q") ?? "").trim();
  document.title = q ? `${q} · goeswith` : "goeswith";
  hero.className = q ? "unseen" : "hero";
  await fill(
    place,
    () => search(q, k),
    (found) => {
      heading.textContent = titleOf(q, found);
      announce(titleOf(q, found));
      return show(found, () => update({ query }, { hero, heading, place }, MORE));
    },
    skeletonCards(8),
  );
}

function titleOf(q, found) {
  if (!q) return found.items.length ? "To start with" : "";
  return found.total ? `${plural(found.total, "item", "items")} for “${q}”` : `Nothing for “${q}”`;
}

function show(found, more) {
  if (!found.items.length) {
    return [found.q ? empty("No item has these words.", "Try fewer or other words, a brand, a category, or an item's id.") : empty("The catalogue is empty.", "Items come in by: goeswith run ingest")];
  }
  const grid = el("ul", { class: "grid" }, found.items.map((item, place) => card(item, { eager: place < ABOVE_THE_FOLD })));
  const hidden = found.q && found.items.length < Math.min(found.total, MORE);
  return [grid, ...(hidden ? [el("p", { class: "more" }, el("button", { class: "button quiet", type: "button", on: { click: more } }, "Show more"))] : [])];
}
