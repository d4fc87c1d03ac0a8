// Requests to the gateway. What it refuses becomes a Problem that says what happened and what to do.

import { askForKey, heldKey, withKey } from "./key.js";

export class Problem extends Error {
  constructor({ error, what, remedy = "", nearest = [] }, status = 0) {
    super(what);
    Object.assign(this, { error, what, remedy, nearest, status });
  }
}

export async function send(path, options = {}) {
  const used = heldKey();
  const answer = await reach(path, { ...options, headers: withKey(options.headers) });
  if (answer.status === 401) {
    if (heldKey() !== used || (await askForKey(used !== ""))) return send(path, options);
    throw new Problem({ error: "KeyNeeded", what: "This gateway wants an API key.", remedy: "Ask whoever runs it for one, then try again." }, 401);
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Problem({ error: "Unreachable", what: "The gateway does not answer.", remedy: "See whether it runs (goeswith status), then try again." });
  }
}

async function problemOf(answer) {
  const unknown = { error: "Refused", what: `The gateway answered with ${answer.status}.`, remedy: "See its log." };
  const told = await answer.json().catch(() => ({}));
  return new Problem(told.what ? told : unknown, answer.status);
}

const json = async (path, options) => (await send(path, options)).json();
const post = (path, body) => json(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const id = encodeURIComponent;

export const search = (q, k) => json(`search?${new URLSearchParams({ q, k })}`);
export const item = (itemId) => json(`items/${id(itemId)}`);
export const related = (kind, itemId, filters) => json(`ask/${kind}/${id(itemId)}?${new URLSearchParams(filters)}`);
export const explain = (a, b) => json(`explain/${id(a)}/${id(b)}`);
export const bundle = (question) => post("ask/bundle", question);
export const makeBundle = (wish) => post("ask/make-bundle", wish);
export const newItem = (question) => post("ask/new", question);
export const dashboard = () => json("dashboard");
export const rules = (q) => json(`rules?${new URLSearchParams({ q })}`);
export const ruleHistory = () => json("rules/history");
export const addRule = (rule) => post("rules", rule);
export const removeRule = (ruleId, why) => json(`rules/${id(ruleId)}?${new URLSearchParams({ why })}`, { method: "DELETE" });
