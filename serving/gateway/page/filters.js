// What an answer's items must be: a form whose state is the address.

import { el } from "./dom.js";
import { plural } from "./format.js";
import { changed, go } from "./router.js";

const SWITCHES = { in_stock: "In stock", sure: "Only sure answers", no_variants: "No variants" };
const FIELDS = { max_price: ["Highest price", "number"], brand: ["Brand", "text"], category: ["Category", "text"], per_category: ["Most of one kind", "number"] };
export const NAMES = [...Object.keys(SWITCHES), ...Object.keys(FIELDS)];

export function filtersOf(query) {
  return Object.fromEntries(NAMES.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
}

// Returns the form and what brings it up to an address; `names` leaves out what a question has no use for.
export function filterForm(names = NAMES) {
  const inputs = Object.fromEntries(names.map((name) => [name, name in SWITCHES ? toggle(name) : field(name)]));
  const told = el("span", { class: "count", hidden: true });
  const form = el("form", { class: "filter-form", on: { submit: (event) => event.preventDefault(), change: (event) => apply(event.target) } });
  form.append(...Object.values(inputs).map(({ label }) => label), el("button", { class: "button quiet", type: "button", on: { click: clear } }, "Clear"));
  const folded = el("details", { class: "filters" }, el("summary", {}, "Filters", told), form);
  function show(query) {
    for (const [name, { input }] of Object.entries(inputs)) {
      if (input.type === "checkbox") input.checked = query.get(name) === "true";
      else if (input !== document.activeElement) input.value = query.get(name) ?? "";
    }
    const set = names.filter((name) => query.get(name)).length;
    told.textContent = plural(set, "set", "set");
    told.hidden = !set;
    if (set) folded.open = true;
  }
  return { node: folded, show };
}

function apply(input) {
  if (input.checkValidity()) go(changed({ [input.name]: input.type === "checkbox" ? input.checked && "true" : input.value.trim() }), { replace: true });
  else input.reportValidity();
}

const clear = () => go(changed(Object.fromEntries(NAMES.map((name) => [name, null]))), { replace: true });

function toggle(name) {
  const input = el("input", { type: "checkbox", name });
  return { input, label: el("label", { class: "switch" }, input, el("span", {}, SWITCHES[name])) };
}

function field(name) {
  const [words, type] = FIELDS[name];
  const bounds = type === "number" ? { min: 0, step: name === "max_price" ? "any" : 1, inputmode: "decimal" } : { maxlength: 200 };
  const input = el("input", { type, name, autocomplete: "off", ...bounds });
  return { input, label: el("label", { class: "field" }, el("span", {}, words), input) };
}
