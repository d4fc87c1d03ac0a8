// The dashboard's parts, each a section of its own.

import { el } from "./dom.js";
import { age, count, day, share } from "./format.js";

const SOURCES = { behaviour: "behaviour", cold_start: "cold start", content: "content" };
const OURS = /^(cirp|mmsc)/;
const CHANGES = { published: "good", promoted: "good", canary: "warn", "rolled back": "bad", refused: "bad" };
const DECISIONS = { pass: "good", overridden: "warn", stop: "bad", crashed: "bad" };

function part(title, hint, ...content) {
  return el("section", { class: "panel part" }, el("h2", {}, title), el("p", { class: "soft" }, hint), ...content);
}

// Wide tables scroll in their own frame, by keys too.
function table(label, heads, rows) {
  const head = el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name))));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, el("table", {}, head, el("tbody", {}, rows)));
}

const cells = (...values) => el("tr", {}, values.map((value) => el("td", {}, value)));

export function coverage({ items, both, types }) {
  const lines = Object.entries(types).flatMap(([type, of]) => [meter(`have ${type}s`, of.listed, items, `${type}s`), meter(`have a sure ${type}`, of.sure, items, `${type}s`)]);
  const sources = Object.entries(types).map(([type, of]) => sourcesOf(type, of.sources));
  return part("Coverage", `Of ${count(items)} items, how many have lists, and what the lists rest on.`, el("div", { class: "meters" }, lines, meter("have both", both, items, "bundle")), el("div", { class: "meters" }, sources));
}

function meter(name, value, whole, kind) {
  const bar = el("span", { class: "bar wide", "aria-hidden": "true" }, el("span", { css: { "--filled": `${whole ? (100 * value) / whole : 0}%` } }));
  return el("div", { class: `meter ${kind}` }, el("span", {}, name), el("strong", {}, share(value, whole)), bar);
}

function sourcesOf(type, sources) {
  const whole = Object.values(sources).reduce((sum, n) => sum + n, 0);
  return Object.entries(sources).map(([name, n]) => meter(`of ${type}s rest on ${SOURCES[name] ?? name}`, n, whole, `${type}s`));
}

export function gates({ tables, failures }) {
  if (!tables.length) return part("Gates", "No gate looked at anything yet.");
  const rows = tables.map((gate) => cells(gate.table, `v${gate.version}`, decision(gate), held(gate), day(gate.checked_at)));
  const shown = table("Last gate of each table", ["table", "version", "decision", "expectations held", "checked"], rows);
  return part("Gates", "The last decision on each table.", shown, el("h3", {}, "Last failures"), failures.length ? el("ul", { class: "failures" }, failures.map(failure)) : el("p", { class: "soft" }, "Everything held, always."));
}

const decision = (gate) => el("span", { class: `badge ${DECISIONS[gate.decision] ?? ""}` }, gate.decision);

const held = (gate) => `${gate.expectations - gate.failed.length} of ${gate.expectations}`;

function failure(gate) {
  const told = gate.failed.map((one) => el("li", {}, `${one.severity}: ${one.expectation}`, one.unexpected ? ` in ${count(one.unexpected)} rows` : "", one.author ? ` (let pass by ${one.author}: ${one.reason})` : ""));
  return el("li", {}, el("p", {}, decision(gate), " ", el("strong", {}, `${gate.table} v${gate.version}`), ` in run ${gate.run}, ${day(gate.checked_at)}`), el("ul", {}, told));
}

export function rollout({ changes }) {
  const rows = changes.map((change) => cells(el("span", { class: `badge ${CHANGES[change.what] ?? ""}` }, change.what), `version ${change.version}`, change.run, change.why || "–", change.by, day(change.at)));
  return part("Rollout", "What happened to model versions last, the newest first.", table("Changes of model versions", ["what", "version", "run", "why", "by", "when"], rows));
}

export function metrics(tables) {
  return part("How good it is", "The last evaluation, on the slice that decides each task; 95% intervals in brackets.", el("div", { class: "tables" }, tables.map(metric)));
}

function metric({ task, data, slice, columns, models, n }) {
  const rows = models.map(([model, row]) => el("tr", { class: OURS.test(model) ? "ours" : null }, el("th", { scope: "row" }, model), columns.map((column) => el("td", {}, figure(row[column])))));
  const hint = `${data}, ${slice}: ${count(n)} cases`;
  return el("div", {}, el("h3", {}, task), el("p", { class: "soft" }, hint), table(`${task} of ${data}`, ["model", ...columns], rows));
}

function figure(found) {
  if (!found || found.value === null) return "–";
  return [found.value.toFixed(3), found.low === null ? null : el("span", { class: "soft" }, ` [${found.low.toFixed(3)}, ${found.high.toFixed(3)}]`)].filter(Boolean);
}

export function freshness(tables, asOf) {
  const rows = tables.map((one) => {
    const seconds = (new Date(asOf) - new Date(one.written_at)) / 1000;
    const state = one.allowed_s === null ? el("span", { class: "soft" }, "no limit") : limit(seconds, one.allowed_s);
    return cells(one.table, `v${one.version}`, age(seconds), state);
  });
  return part("Freshness", "When the rows of each released table were written, and how old they may be where that is limited.", table("Freshness of the tables", ["table", "version", "written", "limit"], rows));
}

function limit(seconds, allowed) {
  const fresh = seconds <= allowed;
  return el("span", { class: `badge ${fresh ? "good" : "bad"}` }, `${fresh ? "within" : "beyond"} ${Math.round(allowed / 86400)} d`);
}
