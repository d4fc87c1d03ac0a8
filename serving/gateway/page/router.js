// Views by address: '#/item/ID?k=5'. The hash alone changes, so any server path may lie before it, and the back button works.

export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decoded);
  return { name: name || "explore", id: rest.join("/"), path, query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a hand-written address
  }
}

export function address(path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false));
  return `#/${path}${asked.size ? `?${asked}` : ""}`;
}

export const itemLink = (itemId) => address(`item/${encodeURIComponent(itemId)}`);

export const here = () => parse(location.hash);

// The same view with other questions in its address; null takes one out.
export function changed(values) {
  const { path, query } = here();
  return address(path, { ...Object.fromEntries(query), ...values });
}

export function go(hash, { replace = false } = {}) {
  if (hash === location.hash) return;
  if (!replace) location.hash = hash;
  else {
    history.replaceState(null, "", hash);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}
