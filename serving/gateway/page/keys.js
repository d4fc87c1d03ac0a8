// Moving through a list of results by arrow keys, in whatever columns it is laid out.

const STOP = "[data-stop]";

export function arrowKeys(list, { before } = {}) {
  list.addEventListener("keydown", (event) => {
    const stops = [...list.querySelectorAll(STOP)];
    const at = stops.indexOf(event.target);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = target(event.key, stops, at);
    if (next === undefined) return;
    event.preventDefault();
    (next ?? before?.())?.focus();
  });
}

export const firstStop = (root) => root.querySelector(STOP);

// Returns the stop that a key leads to, null beyond the first, undefined for other keys.
function target(key, stops, at) {
  if (key === "Home") return stops[0];
  if (key === "End") return stops.at(-1);
  if (key === "ArrowRight") return stops[Math.min(at + 1, stops.length - 1)];
  if (key === "ArrowLeft") return stops[at - 1] ?? null;
  if (key === "ArrowDown") return beside(stops, at, 1) ?? stops[at];
  if (key === "ArrowUp") return beside(stops, at, -1) ?? null;
  return undefined;
}

// Returns the nearest stop in the next line below (1) or above (-1).
function beside(stops, at, way) {
  const from = stops[at].getBoundingClientRect();
  const places = stops.map((stop) => ({ stop, box: stop.getBoundingClientRect() })).filter(({ box }) => way * (box.top - from.top) > 4);
  const line = Math.min(...places.map(({ box }) => way * box.top));
  const inLine = places.filter(({ box }) => way * box.top - line < 4);
  return inLine.sort((a, b) => Math.abs(a.box.left - from.left) - Math.abs(b.box.left - from.left))[0]?.stop;
}
