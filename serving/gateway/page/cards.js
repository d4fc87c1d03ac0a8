// One item of a search as a card, one of an answer as a row.

import { el } from "./dom.js";
import { money, nameOf, score } from "./format.js";
import { picture } from "./picture.js";
import { itemLink } from "./router.js";
import { trayButton } from "./tray.js";

const BASES = {
  behaviour: ["behaviour", "Learned from what people did with both"],
  cold_start: ["cold start", "Carried over from what people did with similar items"],
  content: ["content", "By text and picture alone"],
  bundle: ["bundle", "What is bought or put together with such items"],
  sales: ["sales", "What sells best"],
  rule: ["rule", "A rule put it here; nothing else found it"],
};

export function card(item, { eager = false } = {}) {
  return el(
    "li",
    { class: "card" },
    el("a", { class: "card-link", href: itemLink(item.item_id), "data-stop": true }, picture(item, { eager }), el("span", { class: "card-title" }, nameOf(item))),
    el("div", { class: "card-foot" }, facts(item), trayButton(item)),
  );
}

export function facts(item) {
  const price = money(item.price, item.currency);
  return el(
    "p",
    { class: "facts" },
    item.brand ? el("span", { class: "brand-name" }, item.brand) : null,
    price ? el("span", { class: "price" }, price) : null,
    item.available ? null : el("span", { class: "badge warn" }, "out of stock"),
  );
}

// `best` is the score that fills the bar; `action` comes beside the why.
export function row(item, { best, why, action }) {
  return el(
    "li",
    { class: "row" },
    picture(item),
    el(
      "div",
      { class: "row-body" },
      el("div", { class: "row-head" }, el("a", { class: "row-title", href: itemLink(item.item_id), "data-stop": true }, nameOf(item)), scoreOf(item, best)),
      facts(item),
      item.reason ? el("p", { class: "reason" }, item.reason) : null,
      el("div", { class: "row-foot" }, badges(item), el("span", { class: "row-actions" }, why ? whyLink(item, why) : null, action ?? trayButton(item))),
    ),
  );
}

const whyLink = (item, href) => el("a", { class: "why-link", href, "aria-label": `Why ${nameOf(item)}?` }, "Why?");

function scoreOf(item, best) {
  const filled = Math.max(0, Math.min(1, item.score / (best || 1)));
  return el(
    "span",
    { class: "score", title: "Orders this answer only" },
    el("span", { class: "unseen" }, "score "),
    score(item.score),
    el("span", { class: "bar", "aria-hidden": "true" }, el("span", { css: { "--filled": `${100 * filled}%` } })),
  );
}

function badges(item) {
  const [name, meaning] = BASES[item.basis] ?? [item.basis, ""];
  return el(
    "span",
    { class: "badges" },
    item.sure === true ? el("span", { class: "badge good", title: "Hardly any random item reaches this score" }, "sure") : null,
    item.sure === false ? el("span", { class: "badge", title: "Below the model's threshold" }, "unsure") : null,
    name ? el("span", { class: "badge plain", title: meaning }, name) : null,
  );
}
