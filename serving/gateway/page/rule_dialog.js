// The dialogs that add a rule and remove one. Both ask for a reason, which the history keeps.

import * as api from "./api.js";
import { announce, el } from "./dom.js";
import { problem } from "./states.js";

const TYPES = { all: "All answers", substitute: "Substitutes", complement: "Complements", bundle: "Bundles" };
const WISHES = {
  ban: { words: "Ban an item from every answer", kind: "ban", fields: ["item"] },
  ban_for: { words: "Ban an item from another's answers", kind: "ban", fields: ["query_item", "item", "type"] },
  pin: { words: "Pin an item in another's answers", kind: "pin", fields: ["query_item", "item", "position", "type", "text"] },
  apart: { words: "Keep two categories apart", kind: "ban_category", fields: ["category", "query_category", "both_ways"] },
  sensitive: { words: "Keep a category to itself", kind: "sensitive_category", fields: ["category"] },
};
const FIELDS = {
  item: { words: "Item", required: true, maxlength: 256 },
  query_item: { words: "In answers about item", required: true, maxlength: 256 },
  query_category: { words: "Stands in no answer about category", required: true, maxlength: 1000 },
  category: { words: "Category", required: true, maxlength: 1000 },
  position: { words: "Place", type: "number", min: 1, max: 200, step: 1, value: 1, required: true },
  text: { words: "What customers read (may be empty)", maxlength: 200 },
  both_ways: { words: "Nor the other way round", type: "checkbox" },
};
const dialog = document.getElementById("rule");

// Resolves to the rule that was added, or null. `itemId` is the item whose page it is asked on.
export function askForRule(itemId = "") {
  const wish = el("select", { name: "wish" }, Object.entries(WISHES).map(([name, { words }]) => el("option", { value: name }, words)));
  const place = el("div", { class: "fields" });
  const show = () => place.replaceChildren(...WISHES[wish.value].fields.map((name) => field(name, preset(wish.value, name, itemId))));
  wish.addEventListener("change", show);
  show();
  const until = el("input", { type: "datetime-local", name: "valid_until" });
  const more = [labelled("What", wish), place, labelled("Until (may be empty)", until)];
  return open("Add a rule", more, "Add the rule", (form) => api.addRule(bodyOf(form)));
}

// Resolves to the rule that was removed, or null.
export function askToRemove(rule) {
  return open("Remove a rule", [el("p", {}, `${rule.rule_id}: ${rule.says}`)], "Remove the rule", (form) => api.removeRule(rule.rule_id, form.elements.why.value.trim()));
}

function open(title, content, words, send) {
  return new Promise((resolve) => {
    const told = el("div", {});
    const why = el("textarea", { name: "why", required: true, maxlength: 500, rows: 2 });
    const go = el("button", { class: "button", type: "submit" }, words);
    const cancel = el("button", { class: "button quiet", type: "button", on: { click: () => dialog.close() } }, "Cancel");
    let done = null;
    const submit = async (event) => {
      event.preventDefault();
      go.disabled = true;
      done = await send(form).catch((error) => (told.replaceChildren(problem(error)), null));
      go.disabled = false;
      if (done) dialog.close();
    };
    const form = el("form", { on: { submit } }, el("h2", { id: "rule-title" }, title), ...content, labelled("Why", why), told, el("div", { class: "actions" }, cancel, go));
    dialog.replaceChildren(form);
    dialog.addEventListener("close", () => (resolve(done), done && announce(`${title}: ${done.says}`)), { once: true });
    dialog.showModal();
  });
}

function bodyOf(form) {
  const { wish, why, valid_until: until, both_ways: both, position, ...said } = Object.fromEntries(new FormData(form));
  const texts = Object.fromEntries(Object.entries(said).map(([name, value]) => [name, value.trim()]));
  return {
    kind: WISHES[wish].kind,
    ...texts,
    ...(both ? { both_ways: true } : {}),
    ...(position ? { position: Number(position) } : {}),
    ...(until ? { valid_until: new Date(until).toISOString() } : {}),
    why: why.trim(),
  };
}

// On an item's page a ban is of that item, all else is about its answers.
function preset(wish, name, itemId) {
  return name === (wish === "ban" ? "item" : "query_item") ? itemId : "";
}

function field(name, value) {
  if (name === "type") return labelled("In", el("select", { name }, Object.entries(TYPES).map(([type, words]) => el("option", { value: type }, words))));
  const { words, ...attributes } = FIELDS[name];
  const input = el("input", { name, autocomplete: "off", spellcheck: "false", ...attributes, ...(value ? { value } : {}) });
  return attributes.type === "checkbox" ? el("label", { class: "switch" }, input, el("span", {}, words)) : labelled(words, input);
}

const labelled = (words, input) => el("label", { class: "field" }, el("span", {}, words), input);
