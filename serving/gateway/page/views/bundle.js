// The bundle builder: the items chosen so far, what they cost, and what would complete them within the budget.

import * as api from "../api.js";
import { answerList, sourceBadge } from "../answers.js";
import { card } from "../cards.js";
import { announce, el, icon } from "../dom.js";
import { money, nameOf } from "../format.js";
import { filterForm, filtersOf } from "../filters.js";
import { picture } from "../picture.js";
import { changed, go, here, itemLink } from "../router.js";
import { empty, fill, problem, skeletonCards, skeletonRows } from "../states.js";
import { idsOf, keepTray, trayLink } from "../tray.js";

const K = 8;
const FILTERS = ["in_stock", "no_variants", "per_category"];
const STARTS = 6;

export function mount(root) {
  document.title = "Bundle · goeswith";
  const parts = { chosen: el("div"), told: el("div"), offers: el("div", { class: "column-list" }), badge: el("span", { class: "column-badge" }), filters: filterForm(FILTERS) };
  parts.wishes = wishForm(parts.told);
  const heading = el("div", { class: "column-head" }, el("div", {}, el("h2", {}, "Completes it"), el("p", {}, "what goes with all of them, within what is left")), parts.badge);
  const panel = el("section", { class: "panel", "aria-label": "Your bundle" }, parts.chosen, parts.wishes.node, parts.told);
  const offers = el("section", { class: "column bundle", "aria-label": "Completes it" }, heading, parts.filters.node, parts.offers);
  root.append(el("header", { class: "view-head" }, el("h1", {}, "Bundle"), el("p", {}, "Start with one item and let the model fill the rest, or add them one by one.")), el("div", { class: "split" }, panel, offers));
  let asked = null;
  return {
    update(route) {
      const { why, of, ...question } = Object.fromEntries(route.query);
      if (asked === JSON.stringify(question)) return; // the why panel alone came or went
      asked = JSON.stringify(question);
      update(route, parts, offers);
    },
  };
}

const known = new Map();

async function update({ query }, parts, offers) {
  const ids = idsOf(query);
  keepTray(ids);
  parts.filters.show(query);
  parts.wishes.show(query, ids);
  offers.hidden = !ids.length;
  if (!ids.length) return fill(parts.chosen, () => api.search("", STARTS), starts, skeletonCards(3));
  return fill(parts.chosen, () => itemsOf(ids), (items) => chosen(items, query, parts), skeletonRows(2));
}

async function itemsOf(ids) {
  const missing = ids.filter((id) => !known.has(id));
  for (const item of await Promise.all(missing.map(api.item))) known.set(item.item_id, item);
  return ids.map((id) => known.get(id));
}

function starts(found) {
  const cards = found.items.map((item) => card(item));
  const grid = el("ul", { class: "grid", on: { click: () => queueMicrotask(() => go(trayLink())) } }, cards);
  return [empty("Nothing in it yet", "Take one of these, or search for another item and press +."), grid];
}

function chosen(items, query, parts) {
  const budget = query.get("budget") === null ? null : Number(query.get("budget"));
  const spent = items.reduce((sum, item) => sum + (item.price ?? 0), 0);
  offer(items, budget === null ? null : budget - spent, query, parts);
  parts.wishes.around(items);
  const list = el("ul", { class: "chosen" }, items.map((item) => chosenRow(item, items)));
  return [list, totals(items, spent, budget)];
}

function chosenRow(item, items) {
  const rest = items.filter((other) => other !== item).map((other) => other.item_id);
  const out = el("button", { class: "round small", type: "button", "aria-label": `Take out: ${nameOf(item)}`, on: { click: () => put(rest, "Taken out of the bundle") } }, icon("close"));
  const price = el("span", { class: "price" }, money(item.price, item.currency) || "no price");
  return el("li", {}, picture(item), el("div", {}, el("a", { class: "row-title", href: itemLink(item.item_id) }, nameOf(item)), price), out);
}

function put(ids, said) {
  announce(said);
  go(changed({ items: ids.map(encodeURIComponent).join(",") || null, why: null, of: null }));
}

function totals(items, spent, budget) {
  const currency = items[0].currency;
  const unpriced = items.filter((item) => item.price === null).length;
  const total = el("p", { class: "total" }, el("span", {}, `${items.length} ${items.length === 1 ? "item" : "items"}`), el("strong", {}, money(spent, currency)));
  const note = unpriced ? el("p", { class: "soft" }, `${unpriced} without a price`) : null;
  if (budget === null) return el("div", { class: "totals" }, total, note);
  const left = budget - spent;
  const bar = el("span", { class: `bar wide${left < 0 ? " over" : ""}`, "aria-hidden": "true" }, el("span", { css: { "--filled": `${Math.min(100, budget ? (100 * spent) / budget : 100)}%` } }));
  const words = left < 0 ? `${money(-left, currency)} over the budget` : `${money(left, currency)} left of ${money(budget, currency)}`;
  return el("div", { class: "totals" }, total, note, bar, el("p", { class: left < 0 ? "bad" : "soft" }, words));
}

function offer(items, left, query, { offers, badge }) {
  const ids = items.map((item) => item.item_id);
  const filters = { ...filtersOf(query), ...(left === null ? {} : { max_price: Math.max(0, left) }) };
  const show = (answer) => {
    badge.replaceChildren(answer.items.length ? sourceBadge(answer) : "");
    const actionOf = (item) => el("button", { class: "button quiet small", type: "button", "aria-label": `Add: ${nameOf(item)}`, on: { click: () => put([...ids, item.item_id], "Added to the bundle") } }, "Add");
    return answerList(answer, { actionOf, whyOf: (item) => changed({ of: ids[0], why: item.item_id }), nothing: left !== null ? "Nothing that fits the budget" : "Nothing completes these" });
  };
  return fill(offers, () => api.bundle({ items: ids, k: K, filters }), show, skeletonRows(4));
}

function wishForm(told) {
  const budget = el("input", { type: "number", name: "budget", min: 0, step: "any", inputmode: "decimal", placeholder: "none" });
  const size = el("input", { type: "number", name: "size", min: 2, max: 10, step: 1, value: 4, required: true });
  const make = el("button", { class: "button", type: "submit" }, "Fill it for me");
  const hint = el("p", { class: "soft" });
  const set = () => budget.checkValidity() && go(changed({ budget: budget.value }), { replace: true });
  budget.addEventListener("change", set);
  const fieldsOf = [el("label", { class: "field" }, el("span", {}, "Budget"), budget), el("label", { class: "field" }, el("span", {}, "Items"), size)];
  const node = el("form", { class: "wishes", on: { submit: (event) => fillBundle(event, size, budget, make, told) } }, el("div", { class: "wish-fields" }, fieldsOf), make, hint);
  const around = (items) => (hint.textContent = items.length > 1 ? `Fills it anew around ${nameOf(items[0])}.` : "");
  const show = (query, ids) => {
    node.hidden = !ids.length;
    if (budget !== document.activeElement) budget.value = query.get("budget") ?? "";
  };
  return { node, show, around };
}

async function fillBundle(event, size, budget, make, place) {
  event.preventDefault();
  const seed = idsOf(here().query)[0];
  const wish = { item: seed, size: Number(size.value), ...(budget.value ? { budget: Number(budget.value) } : {}), filters: forMaking() };
  make.disabled = true;
  try {
    const answer = await api.makeBundle(wish);
    for (const item of answer.items) known.set(item.item_id, item);
    place.replaceChildren(...answer.notes.map((note) => el("p", { class: "soft" }, note)));
    put([seed, ...answer.items.map((item) => item.item_id)], `${answer.items.length} items added`);
  } catch (error) {
    place.replaceChildren(problem(error));
  } finally {
    make.disabled = false;
  }
}

// A made bundle holds one item of each kind and no variants anyway.
function forMaking() {
  return here().query.get("in_stock") === "true" ? { in_stock: true } : {};
}
