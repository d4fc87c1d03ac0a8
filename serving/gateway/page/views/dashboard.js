// What is served and how well it stands: versions, gates, freshness, coverage, figures.

import { dashboard } from "../api.js";
import { announce, el } from "../dom.js";
import { age, count, day, share } from "../format.js";
import { empty, fill, skeletonCards } from "../states.js";
import { coverage, freshness, gates, metrics, rollout } from "../board.js";

const LONG = 14;

export function mount(root) {
  document.title = "Dashboard · goeswith";
  const place = el("div", { class: "board" });
  root.append(el("header", { class: "view-head" }, el("h1", {}, "Dashboard"), el("p", {}, "Which versions are served, how old they are, and what gates and evaluation said of them.")), place);
  const load = () => fill(place, dashboard, show, skeletonCards(4)).then(() => announce("The dashboard is up to date"));
  load();
  return { update() {} };
}

function show(board) {
  const { release, metrics: tables } = board;
  return [
    el("ul", { class: "tiles" }, tiles(board)),
    ...board.health.notes.map((note) => el("p", { class: "notice" }, note)),
    release ? coverage(release.coverage) : empty("Nothing was released yet", "Run the whole way once: goeswith demo"),
    board.models ? rollout(board.models) : null,
    gates(board.gates),
    tables.length ? metrics(tables) : null,
    release ? freshness(release.tables, board.as_of) : null,
  ].filter(Boolean);
}

function tiles({ health, release, models, gates: board, max_age_s: most }) {
  const seconds = health.versions.features_age_s;
  const ready = Object.values(health.models).filter(Boolean).length;
  return [
    tile("Release", release?.name ?? "none", release ? day(release.created_at) : "nothing to serve", release ? "good" : "bad"),
    tile("Models", models ? `version ${models.version}` : "none", models ? `${models.run} · ${models.precision}` : "nothing was published", models ? "good" : "bad"),
    models?.canary ? tile("Canary", `version ${models.canary.version}`, `${models.canary.run} · ${share(models.canary.share, 1)} of requests`, "warn") : null,
    tile("Triton", health.triton ? "live" : "away", health.triton ? `${ready} of ${Object.keys(health.models).length} models ready` : "only precomputed lists answer", health.triton ? "good" : "warn"),
    tile("Features", seconds === null ? "none" : age(seconds), `served up to ${age(most)}`, seconds !== null && seconds <= most ? "good" : "bad"),
    tile("Gates", `${board.passed} of ${board.tables.length}`, board.tables.length ? "tables passed their last gate" : "none looked at anything yet", board.refused ? "bad" : board.passed ? "good" : "warn"),
    release ? tile("Coverage", share(release.coverage.both, release.coverage.items), `of ${count(release.coverage.items)} items have both lists`, "good") : null,
  ];
}

function tile(name, value, note, state) {
  return el("li", { class: `tile ${state}` }, el("p", { class: "tile-name" }, name), el("p", { class: `tile-value${value.length > LONG ? " long" : ""}` }, value), el("p", { class: "soft" }, note));
}
