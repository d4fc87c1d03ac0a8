// A ranked answer: its rows, where it comes from, and what the gateway noted on the way.

import { row } from "./cards.js";
import { el } from "./dom.js";
import { age } from "./format.js";
import { arrowKeys } from "./keys.js";
import { empty } from "./states.js";

const SOURCES = {
  precomputed: ["precomputed", "Ranked in advance, by the released model"],
  model: ["asked now", "The model answered this very question"],
  content: ["content alone", "The model, without anything that people did"],
  category_bestseller: ["bestsellers", "Nothing better answered: what sells best"],
  rules: ["pinned", "Nothing but rules had an answer"],
};

export function sourceBadge(answer) {
  const [name, meaning] = SOURCES[answer.source] ?? [answer.source, ""];
  return el("span", { class: "badge source", title: meaning }, name);
}

// `whyOf(item)` is the address of an item's why panel; `actionOf(item)` makes its button.
export function answerList(answer, { whyOf = () => null, actionOf = () => null, nothing = "Nothing was found" } = {}) {
  if (!answer.items.length) return [empty(nothing, "Fewer filters leave more room."), notes(answer)];
  const best = Math.max(1, ...answer.items.map((item) => item.score));
  const list = el("ol", { class: "rows" }, answer.items.map((item) => row(item, { best, why: whyOf(item), action: actionOf(item) })));
  arrowKeys(list);
  return [list, notes(answer)];
}

function notes(answer) {
  const { model_version: models, features_age_s: seconds } = answer.versions;
  const made = [models ? `models ${models}` : null, seconds === null ? null : `features ${age(seconds)}`].filter(Boolean).join(" · ");
  return el("div", { class: "notes" }, answer.notes.map((note) => el("p", {}, note)), made ? el("p", {}, made) : null);
}
