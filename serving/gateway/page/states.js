// What a place shows while it waits, when nothing was found, and when something went wrong.

import { el, icon } from "./dom.js";
import { itemLink } from "./router.js";

const TITLES = {
  UnknownItem: "No such item",
  InvalidRequest: "That cannot be asked",
  FreshnessError: "The answers are too old to show",
  FeaturesUnavailable: "There is nothing to read yet",
  ModelUnavailable: "The models are away",
  ModelRefused: "The model refused",
  DeadlineExceeded: "That took too long",
  VersionMissing: "Nothing was released yet",
  Unreachable: "No connection",
  KeyNeeded: "A key is needed",
  Forbidden: "This key does not open that",
  RuleRefused: "That rule cannot be",
  RulesUnavailable: "The rules cannot be read",
};

export const skeletonCards = (n) => () => [el("ul", { class: "grid", "aria-hidden": "true" }, Array.from({ length: n }, () => el("li", { class: "ghost tall" })))];

export const skeletonRows = (n) => () => [el("ul", { class: "rows", "aria-hidden": "true" }, Array.from({ length: n }, () => el("li", { class: "ghost" })))];

export function empty(title, hint, ...more) {
  return el("div", { class: "empty" }, el("p", { class: "empty-title" }, title), el("p", {}, hint), ...more);
}

export function problem(error, retry) {
  if (!error.error) throw error; // a mistake of the page's, not an answer of the gateway's
  const near = (error.error === "UnknownItem" ? error.nearest : []).map((itemId) => el("li", {}, el("a", { class: "chip", href: itemLink(itemId) }, itemId)));
  return el(
    "div",
    { class: "problem", role: "alert" },
    icon("warn"),
    el(
      "div",
      {},
      el("p", { class: "empty-title" }, TITLES[error.error] ?? "That did not work"),
      el("p", {}, error.what),
      error.remedy ? el("p", { class: "remedy" }, error.remedy) : null,
      near.length ? el("ul", { class: "chips" }, near) : null,
      retry && mayPass(error) ? el("button", { class: "button quiet", type: "button", on: { click: retry } }, "Try again") : null,
    ),
  );
}

// Asked again, an answer that refuses the question itself would be the same.
const mayPass = ({ status }) => !status || status === 401 || status >= 429;

const turns = new WeakMap();

// Fills a place with what `load` answers. A later call wins over an earlier one that is still under way.
export async function fill(place, load, show, ghosts) {
  const turn = {};
  turns.set(place, turn);
  place.setAttribute("aria-busy", "true");
  if (!place.childElementCount || place.querySelector(":scope > .problem")) place.replaceChildren(...ghosts());
  const draw = await load().then(
    (answer) => () => show(answer),
    (error) => () => [problem(error, () => fill(place, load, show, ghosts))],
  );
  if (turns.get(place) !== turn) return;
  place.replaceChildren(...draw());
  place.setAttribute("aria-busy", "false");
}
