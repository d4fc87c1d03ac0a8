// An item that the shop does not have yet: drop in its picture, say what it is called, and see what it would replace and go with.

import { newItem, Problem } from "../api.js";
import { answerList, sourceBadge } from "../answers.js";
import { announce, el, icon } from "../dom.js";
import { empty, fill, problem, skeletonRows } from "../states.js";

const K = 8;
const MAX_BYTES = 20 * 2 ** 20;
const KINDS = { substitute: ["substitutes", "Substitutes", "what it could replace"], complement: ["complements", "Complements", "what it would go with"] };
const FIELDS = { title: "Title", brand: "Brand", category: "Category", description: "Description" };
const EXAMPLES = { category: "kitchen > pan" };

export function mount(root) {
  document.title = "New item · goeswith";
  const state = { image: "", asked: false };
  const columns = Object.fromEntries(Object.entries(KINDS).map(([kind, words]) => [kind, column(...words)]));
  const told = el("div", { class: "told" });
  const ask = () => send(form, state, columns, told);
  const form = el("form", { class: "new-form panel", on: { submit: (event) => submit(event, ask) } }, dropZone(state, ask, told), fields(), told);
  const lists = el("div", { class: "columns two" }, Object.values(columns).map(({ node }) => node));
  root.append(title(), el("div", { class: "split" }, form, lists));
  for (const { place } of Object.values(columns)) place.append(empty("No answer yet", "A title or a picture is enough."));
  return { update() {} };
}

function title() {
  const hint = "Nobody has bought it, so its text and picture have to speak for it.";
  return el("header", { class: "view-head" }, el("h1", {}, "A new item"), el("p", {}, hint));
}

function column(kind, name, meaning) {
  const badge = el("span", { class: "column-badge" });
  const place = el("div", { class: "column-list" });
  const heading = el("div", { class: "column-head" }, el("div", {}, el("h2", {}, name), el("p", {}, meaning)), badge);
  return { node: el("section", { class: `column ${kind}`, "aria-label": name }, heading, place), place, badge };
}

function fields() {
  const made = Object.entries(FIELDS).map(([name, words]) => el("label", { class: "field" }, el("span", {}, words), input(name)));
  return el("div", { class: "fields" }, made, el("button", { class: "button", type: "submit" }, "Find its place"));
}

function input(name) {
  return name === "description" ? el("textarea", { name, rows: 3, maxlength: 20000 }) : el("input", { name, type: "text", maxlength: 500, autocomplete: "off", placeholder: EXAMPLES[name] });
}

function dropZone(state, ask, told) {
  const file = el("input", { type: "file", accept: "image/png,image/jpeg", class: "unseen", id: "picture", "aria-describedby": "picture-hint" });
  const preview = el("span", { class: "preview" }, icon("picture"));
  const hint = el("span", { id: "picture-hint" }, "Drop a picture here, or choose a JPEG or PNG file");
  const zone = el("label", { class: "drop", for: "picture" }, preview, el("span", { class: "unseen" }, "Picture"), hint);
  const take = (chosen) => chosen && takePicture(chosen, state, preview, hint, told).then((taken) => taken && ask());
  file.addEventListener("change", () => take(file.files[0]));
  for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => over(event, zone, true));
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, (event) => over(event, zone, false));
  zone.addEventListener("drop", (event) => take(event.dataTransfer.files[0]));
  return el("div", { class: "drop-frame" }, file, zone);
}

function over(event, zone, is) {
  event.preventDefault();
  zone.classList.toggle("over", is);
}

async function takePicture(chosen, state, preview, hint, told) {
  if (!["image/png", "image/jpeg"].includes(chosen.type) || chosen.size > MAX_BYTES) {
    told.replaceChildren(problem(new Problem({ error: "InvalidRequest", what: `${chosen.name} is no JPEG or PNG of at most 20 MB.`, remedy: "Choose another file." })));
    return false;
  }
  const url = await read(chosen);
  state.image = url.slice(url.indexOf(",") + 1);
  preview.replaceChildren(el("img", { src: url, alt: `Picture ${chosen.name}` }));
  hint.textContent = chosen.name;
  return true;
}

const read = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });

function submit(event, ask) {
  event.preventDefault();
  ask();
}

function send(form, state, columns, told) {
  const texts = Object.fromEntries([...new FormData(form)].filter(([name, value]) => name in FIELDS && value.trim()).map(([name, value]) => [name, value.trim()]));
  const given = { ...texts, ...(state.image ? { image: state.image } : {}) };
  if (!Object.keys(given).length) {
    told.replaceChildren(problem(new Problem({ error: "InvalidRequest", what: "An item without any text or picture says nothing.", remedy: "Give a title, or a picture." })));
    form.elements.title.focus();
    return;
  }
  told.replaceChildren();
  announce("Asking");
  for (const [kind, { place, badge }] of Object.entries(columns)) {
    place.replaceChildren();
    fill(place, () => newItem({ ...given, type: kind, k: K }), (answer) => shown(answer, badge), skeletonRows(4));
  }
}

function shown(answer, badge) {
  badge.replaceChildren(answer.items.length ? sourceBadge(answer) : "");
  announce(`${answer.items.length} ${answer.type}s found`);
  return answerList(answer, { nothing: "Nothing comes near it" });
}
