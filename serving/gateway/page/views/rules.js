// The merchandisers' rules: which stand, who changed what and why; a rule is added and removed here.

import * as api from "../api.js";
import { el, icon } from "../dom.js";
import { count, day, plural } from "../format.js";
import { changed, go, itemLink } from "../router.js";
import { askForRule, askToRemove } from "../rule_dialog.js";
import { empty, fill, skeletonRows } from "../states.js";

const KINDS = { pin: ["pin", "good"], ban: ["ban", "bad"], ban_category: ["apart", "bad"], sensitive_category: ["sensitive", "warn"] };
const PAUSE = 200;

export function mount(root) {
  document.title = "Rules · goeswith";
  const place = el("div", { class: "panel", role: "region", "aria-label": "Rules" });
  const sought = el("input", { type: "search", "aria-label": "Search the rules", placeholder: "Item, category, reason or who", maxlength: 200, autocomplete: "off" });
  const tabs = el("nav", { class: "chips", "aria-label": "Rules or history" });
  const add = el("button", { class: "button", type: "button", on: { click: () => askForRule().then((rule) => rule && update(route)) } }, icon("new"), "Add a rule");
  let waiting = 0;
  let route = null;
  sought.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => go(changed({ q: sought.value.trim() }), { replace: true }), PAUSE);
  });
  root.append(title(), el("div", { class: "rule-bar" }, sought, tabs, add), place);
  function update(asked) {
    route = asked;
    const past = asked.query.get("show") === "history";
    sought.hidden = past;
    if (sought !== document.activeElement) sought.value = asked.query.get("q") ?? "";
    tabs.replaceChildren(tab("Rules", null, !past), tab("History", "history", past));
    return past ? fill(place, api.ruleHistory, history, skeletonRows(4)) : fill(place, () => api.rules(asked.query.get("q") ?? ""), (found) => standing(found, asked, sought, update), skeletonRows(4));
  }
  return { update };
}

function title() {
  const hint = "What holds whatever the models say: pins, bans, and categories that are kept apart. A change holds from the next question on.";
  return el("header", { class: "view-head" }, el("h1", {}, "Rules"), el("p", {}, hint));
}

const tab = (words, show, current) => el("a", { class: "chip", href: changed({ show, q: null }), "aria-current": current ? "page" : null }, words);

function standing({ rules, total }, route, sought, update) {
  const q = route.query.get("q") ?? "";
  if (!rules.length) return [q ? empty(`No rule has “${q}”`, "Try an item's id, a category, or a word of the reason.") : empty("No rule stands", "Add one here, or on an item's page.")];
  const more = total > rules.length ? el("p", { class: "soft" }, `The newest ${count(rules.length)} of ${count(total)}; search for others.`) : el("p", { class: "soft" }, plural(total, "rule", "rules"));
  const remove = (rule) => askToRemove(rule).then((done) => done && update(route).then(() => sought.focus()));
  return [more, el("ul", { class: "rows" }, rules.map((rule) => row(rule, remove)))];
}

function row(rule, remove) {
  const out = el("button", { class: "button quiet small", type: "button", "aria-label": `Remove ${rule.rule_id}: ${rule.says}`, on: { click: () => remove(rule) } }, "Remove");
  return el("li", { class: "rule" }, el("div", { class: "rule-body" }, words(rule), rule.text ? el("p", { class: "reason" }, `Customers read: ${rule.text}`) : null, said(rule.why, rule.created_by, rule.created_at)), out);
}

function words(rule) {
  const [name, state] = KINDS[rule.kind];
  const items = [rule.item, rule.query_item].filter(Boolean).map((id) => el("a", { class: "chip", href: itemLink(id) }, id));
  return el("div", { class: "rule-words" }, el("span", { class: `badge ${state}` }, name), el("code", {}, rule.rule_id), el("strong", {}, rule.says), time(rule), items);
}

function time({ valid_from: from, valid_until: until }) {
  const now = Date.now();
  if (until && new Date(until) <= now) return el("span", { class: "badge" }, `ended ${day(until)}`);
  if (from && new Date(from) > now) return el("span", { class: "badge warn" }, `from ${day(from)}`);
  return until ? el("span", { class: "badge plain" }, `until ${day(until)}`) : null;
}

const said = (why, by, at) => el("p", { class: "reason" }, `${why} · ${by}, ${day(at)}`);

function history({ changes, total }) {
  if (!changes.length) return [empty("There never was a rule", "Whoever adds or removes one stands here, with the reason.")];
  const more = total > changes.length ? el("p", { class: "soft" }, `The newest ${count(changes.length)} of ${count(total)} changes.`) : el("p", { class: "soft" }, plural(total, "change", "changes"));
  return [more, el("ol", { class: "rows" }, changes.map(change))];
}

function change({ at, by, did, why, rule, says }) {
  return el("li", { class: "rule" }, el("div", { class: "rule-body" }, el("div", { class: "rule-words" }, el("span", { class: `badge ${did === "added" ? "good" : "warn"}` }, did), el("code", {}, rule.rule_id), el("strong", {}, says)), said(why, by, at)));
}
