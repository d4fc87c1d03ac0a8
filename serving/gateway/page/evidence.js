// The evidence of one edge, and the versions that an explanation was made from.

import { el } from "./dom.js";
import { count, nameOf, share } from "./format.js";

const COUNTED = {
  co_purchase: "bought together",
  co_view: "viewed together",
  then_bought: "bought one after the other",
  also_bought: "declared as also bought",
  also_viewed: "declared as also viewed",
  bought_together: "declared as bought together",
};
const SHOWN_HASH = 12;

// Returns the edges of a pair, those that lead the way it was asked first.
export const edgesOf = ({ a, edges }) => edges.toSorted((one, other) => (other.src === a.item_id) - (one.src === a.item_id));

export function edgeCard(edge, { a, b }) {
  const [from, to] = edge.src === a.item_id ? [a, b] : [b, a];
  return el(
    "div",
    { class: `edge ${edge.type}s` },
    el("p", { class: "edge-way" }, el("span", { class: "badge kind" }, edge.type), el("span", {}, nameOf(from), " → ", nameOf(to))),
    el("dl", { class: "figures" }, counts(edge).map(([name, value, meaning]) => figure(name, value, meaning))),
    verdict(edge),
  );
}

function counts(edge) {
  return [
    [COUNTED[edge.relation] ?? edge.relation, edge.n === null ? "yes" : `${count(edge.n)}×`, "How often it was counted"],
    ["lift", edge.lift === null ? "–" : edge.lift.toFixed(1), "Times more often than chance would have it"],
    ["npmi", edge.npmi === null ? "–" : edge.npmi.toFixed(2), "Normalised pointwise mutual information: 1 is always together, 0 is chance"],
    ["strength", edge.weight.toFixed(2), "Association times the verdict's probability"],
  ];
}

function figure(name, value, meaning) {
  return el("div", { title: meaning }, el("dt", {}, name), el("dd", {}, value));
}

function verdict(edge) {
  if (!edge.judge) return el("p", { class: "soft" }, "No judge looked at this pair.");
  const told = edge.p_type === null ? "could not decide" : `says ${edge.type} with ${share(edge.p_type, 1)}`;
  const prompt = edge.prompt_hash ? el("span", {}, "prompt version ", el("code", { title: edge.prompt_hash }, edge.prompt_hash.slice(0, SHOWN_HASH))) : "prompt version unknown";
  const moved = edge.moved ? el("p", {}, "The verdict moved this edge here from the other type.") : null;
  const bar = edge.p_type === null ? null : el("span", { class: "bar wide", "aria-hidden": "true" }, el("span", { css: { "--filled": `${100 * edge.p_type}%` } }));
  return el("div", { class: "verdict" }, el("p", {}, el("strong", {}, `Judge ${edge.judge}`), ` ${told}`), bar, el("p", { class: "soft" }, prompt), moved);
}

export function versionList({ versions, tables }) {
  const rows = [["Models", versions.model_version], ["Release", versions.release]].filter(([, value]) => value);
  const held = Object.entries(tables);
  return el(
    "div",
    {},
    el("dl", { class: "versions" }, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("code", {}, value))))),
    held.length ? el("ul", { class: "chips" }, held.map(([table, version]) => el("li", { class: "chip" }, `${table} v${version}`))) : null,
  );
}
