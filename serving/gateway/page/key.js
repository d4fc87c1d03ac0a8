// The API key, where the gateway wants one: asked for once, kept for the tab, sent with each request.

import { el } from "./dom.js";

const KEPT = "goeswith.key";
let asking = null;

export const heldKey = () => sessionStorage.getItem(KEPT) ?? "";

export const withKey = (headers = {}) => (heldKey() ? { ...headers, Authorization: `Bearer ${heldKey()}` } : headers);

// Resolves to whether a key was given. Requests that are refused together share one question.
export function askForKey(refused) {
  asking ??= new Promise((resolve) => open(refused, resolve)).finally(() => (asking = null));
  return asking;
}

function open(refused, resolve) {
  const dialog = document.getElementById("key");
  const input = el("input", { id: "api-key", type: "password", required: true, autocomplete: "off", "aria-describedby": "key-hint" });
  const hint = refused ? "The gateway refused that key. Try another one." : "This gateway answers those who have a key. It is kept until you close the tab.";
  const form = el(
    "form",
    { method: "dialog", on: { submit: () => sessionStorage.setItem(KEPT, input.value.trim()) } },
    el("h2", { id: "key-title" }, "API key"),
    el("p", { id: "key-hint", class: refused ? "bad" : "soft" }, hint),
    el("label", { class: "field" }, el("span", {}, "Key"), input),
    el("div", { class: "actions" }, el("button", { class: "button", type: "submit", value: "given" }, "Use this key")),
  );
  dialog.replaceChildren(form);
  dialog.returnValue = "";
  dialog.addEventListener("close", () => resolve(dialog.returnValue === "given"), { once: true });
  dialog.showModal();
}
