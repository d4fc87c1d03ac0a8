// The why panel: all that is known of a pair. It stands in the address, so it can be linked, and closes with Escape or back.

import * as api from "./api.js";
import { el, icon } from "./dom.js";
import { age, money, nameOf } from "./format.js";
import { picture } from "./picture.js";
import { changed, go, here, itemLink } from "./router.js";
import { fill, skeletonRows } from "./states.js";
import { edgeCard, edgesOf, versionList } from "./evidence.js";

const drawer = document.getElementById("why");
let open = "";
let plain = null; // the last view without a panel
let before = false; // whether that view lies one step back

drawer.addEventListener("close", () => {
  open = "";
  if (!here().query.get("why")) return;
  if (before) history.back();
  else go(withoutPanel(), { replace: true });
});
drawer.addEventListener("click", (event) => {
  if (event.target === drawer) drawer.close(); // beside the panel
});

const withoutPanel = () => changed({ why: null, of: null });

// Opens, changes or closes the panel as an address says: why=ID, of the view's item or of=ID.
export function showWhy({ id, query }) {
  const of = query.get("of") ?? id;
  const why = query.get("why");
  if (!why || !of) {
    if (drawer.open) drawer.close();
    plain = withoutPanel();
    return;
  }
  if (open === `${of}/${why}`) return;
  open = `${of}/${why}`;
  before = plain === withoutPanel();
  const place = el("div", { class: "drawer-body" });
  const close = el("button", { class: "round", type: "button", "aria-label": "Close", on: { click: () => drawer.close() } }, icon("close"));
  drawer.replaceChildren(el("header", { class: "drawer-head" }, el("h2", { id: "why-title" }, "Why these two?"), close), place);
  fill(place, () => api.explain(of, why), show, skeletonRows(3));
  if (!drawer.open) drawer.showModal();
}

function show(found) {
  return [
    el("div", { class: "pair" }, side(found.a), el("span", { class: "pair-arrow", "aria-hidden": "true" }, "↔"), side(found.b)),
    section("In words", el("ul", { class: "reasons" }, found.reasons.map((reason) => el("li", {}, reason)))),
    found.edges.length ? section("Counted and judged", ...edgesOf(found).map((edge) => edgeCard(edge, found))) : null,
    found.listed.length ? section("Places in lists", el("ul", { class: "reasons" }, found.listed.map((place) => listed(place, found)))) : null,
    section("What both have", modalities(found.modalities)),
    section(`Made from, ${age(found.versions.features_age_s)}`, versionList(found)),
  ].filter(Boolean);
}

function section(title, ...content) {
  return el("section", {}, el("h3", {}, title), ...content);
}

function side(item) {
  const price = money(item.price, item.currency);
  return el("a", { class: "pair-side", href: itemLink(item.item_id) }, picture(item, { eager: true }), el("span", { class: "row-title" }, nameOf(item)), price ? el("span", { class: "price" }, price) : null);
}

function listed(place, { a, b }) {
  const owner = place.of === a.item_id ? a : b;
  return el("li", {}, el("strong", {}, `No. ${place.rank}`), ` of the ${place.type}s of ${nameOf(owner)}, score ${place.score.toFixed(3)}`);
}

function modalities(names) {
  if (!names.length) return el("p", { class: "soft" }, "Neither text nor picture stands on both sides.");
  return el("ul", { class: "chips" }, names.map((name) => el("li", { class: "chip" }, name)));
}
