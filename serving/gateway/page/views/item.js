// One item: its picture and facts, and what replaces it, goes with it and completes it, side by side.

import * as api from "../api.js";
import { answerList, sourceBadge } from "../answers.js";
import { facts } from "../cards.js";
import { el, icon } from "../dom.js";
import { nameOf } from "../format.js";
import { filterForm, filtersOf } from "../filters.js";
import { picture } from "../picture.js";
import { address, changed, itemLink } from "../router.js";
import { askForRule } from "../rule_dialog.js";
import { fill, skeletonRows } from "../states.js";
import { trayButton } from "../tray.js";

const K = 8;
const COLUMNS = {
  substitutes: ["Substitutes", "bought instead of it"],
  complements: ["Complements", "bought with it"],
  bundle: ["Bundle", "what completes it"],
};

export function mount(root, { id }) {
  document.title = `${id} · goeswith`;
  const head = el("section", { class: "item-head" });
  const filters = filterForm();
  const columns = Object.fromEntries(Object.keys(COLUMNS).map((kind) => [kind, column(kind)]));
  const lists = el("div", { class: "columns" }, Object.values(columns).map(({ node }) => node));
  root.append(head, filters.node, lists);
  let asked = null;
  const askAll = (wanted) => {
    for (const [kind, { place, badge }] of Object.entries(columns)) ask(kind, id, wanted, place, badge);
  };
  const rule = () => askForRule(id).then((added) => added && askAll(JSON.parse(asked)));
  fill(head, () => api.item(id), (item) => show(item, rule), () => [el("div", { class: "ghost tall" })]).then(() => {
    const unknown = head.querySelector(".problem") !== null;
    filters.node.hidden = lists.hidden = unknown;
  });
  return {
    update({ query }) {
      filters.show(query);
      const wanted = filtersOf(query);
      if (asked === JSON.stringify(wanted)) return;
      asked = JSON.stringify(wanted);
      askAll(wanted);
    },
  };
}

function column(kind) {
  const [title, meaning] = COLUMNS[kind];
  const badge = el("span", { class: "column-badge" });
  const place = el("div", { class: "column-list" });
  const heading = el("div", { class: "column-head" }, el("div", {}, el("h2", {}, title), el("p", {}, meaning)), badge);
  return { node: el("section", { class: `column ${kind}`, "aria-label": title }, heading, place), place, badge };
}

function ask(kind, id, filters, place, badge) {
  const load = () => (kind === "bundle" ? api.bundle({ items: [id], k: K, filters: forBundle(filters) }) : api.related(kind, id, { k: K, ...filters }));
  const show = (answer) => {
    badge.replaceChildren(answer.items.length ? sourceBadge(answer) : "");
    return answerList(answer, { whyOf: (item) => changed({ why: item.item_id }), nothing: "Nothing that fits" });
  };
  badge.replaceChildren();
  return fill(place, load, show, skeletonRows(4));
}

// Nobody measured from which score on a bundle's answer is sure.
function forBundle({ sure, ...filters }) {
  return filters;
}

function show(item, rule) {
  document.title = `${nameOf(item)} · goeswith`;
  const path = item.category.map((name, depth) => el("li", {}, el("a", { href: address("", { q: item.category.slice(0, depth + 1).join(" ") }) }, name)));
  return [
    picture(item, { decorative: false, eager: true }),
    el(
      "div",
      { class: "item-facts" },
      path.length ? el("ul", { class: "crumbs", "aria-label": "Category" }, path) : null,
      el("h1", {}, nameOf(item)),
      facts(item),
      el("p", { class: "soft" }, el("code", {}, item.item_id), item.variant_of ? [" · variant of ", el("a", { href: itemLink(item.variant_of) }, item.variant_of)] : null),
      el("div", { class: "item-actions" }, trayButton(item, { words: true }), el("button", { class: "button quiet", type: "button", on: { click: rule } }, icon("rules"), "Pin or ban")),
    ),
  ];
}
