"""``goeswith bench``: our jobs beside the engines that others would take, measured in the same run."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from goeswith.command.bench_tables import print_tables
from goeswith.errors import ConfigError, EnvironmentMissing
from goeswith.profile import Profile, load_profile
from goeswith.progress import progress
from goeswith.results import Figure, write_figures

if TYPE_CHECKING:
    from benchmarks.cirp.lesson import Precision
    from benchmarks.graph.slices import Bench

app = typer.Typer(name="bench", help="Measure a part beside what others would take for it.", no_args_is_help=True)


@app.command()
def graph(
    data: Annotated[Path, typer.Option(help="The folder of the Instacart tables.")],
    slices: Annotated[str, typer.Option(help="Which: 1x, 10x (repeated ten times), increment (1% new baskets at 10x).")] = "1x,10x,increment",
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each engine; an interval needs two.")] = 3,
    full: Annotated[bool, typer.Option("--full", help="Run plain Spark's self-join at 10x too.")] = False,
    scaling: Annotated[bool, typer.Option("--scaling", help="Fit exponents over made baskets instead of running the slices.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Count item pairs with goeswith, DuckDB, polars and plain Spark: 2 threads and 4 GB each, every answer checked to be the same.

    Examples: goeswith bench graph --data DIR --slices 1x --repeats 1

              goeswith bench graph --data DIR --scaling --json
    """
    with _clone_and_its_tools():
        import benchmarks.graph.engines.in_duckdb
        import benchmarks.graph.engines.in_polars  # noqa: F401 - a run of minutes shall not end where the last engine is missing
    profile = load_profile()
    found: list[Figure] = []
    for figures in _scaling(profile, data, repeats) if scaling else _slices(profile, data, slices, repeats, full=full):
        found += figures
        write_figures(profile, "bench-graph-scaling" if scaling else "bench-graph", found)
    _show(found, as_json=as_json)


@app.command()
def cirp(
    slices: Annotated[
        str, typer.Option(help="Which: frozen_text (cirp_small as it is), last_layer_learns, blip (BLIP-base, random weights; for a GPU).")
    ] = "frozen_text,last_layer_learns",
    repeats: Annotated[int, typer.Option(min=1, help="Trainings of each engine; an interval needs two.")] = 3,
    items: Annotated[int, typer.Option(min=300, help="Items of the synthetic shop that is trained on.")] = 1_000,
    run: Annotated[str, typer.Option(help="Train on the training set of this run instead.")] = "",
    precision: Annotated[Literal["float32", "bfloat16"], typer.Option(help="Of both engines.")] = "float32",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Train CIRP with goeswith and with a plain transformers loop: the same batches, the same loss (checked first), on a GPU where there is one.

    Takes some minutes on two cores, and several times as long beside other work: run it on a machine that is otherwise idle.

    Examples: goeswith bench cirp

              goeswith bench cirp --slices frozen_text --repeats 1 --json

              goeswith bench cirp --slices blip --items 3000 --precision bfloat16
    """
    profile = load_profile()
    found: list[Figure] = []
    for figures in _trainings(profile, slices, run, items, repeats, precision):
        found += figures
        write_figures(profile, "bench-cirp", found)
    _show(found, as_json=as_json)


@app.command()
def mmsc(
    slices: Annotated[
        str, typer.Option(help="Which: neighbor_loader (needs pyg-lib or torch-sparse), metapath_sampler, capacity.")
    ] = "neighbor_loader,metapath_sampler,capacity",
    repeats: Annotated[int, typer.Option(min=1, help="Trainings of each engine; an interval needs two.")] = 3,
    items: Annotated[int, typer.Option(min=300, help="Items of the made graph that is trained on.")] = 50_000,
    edges: Annotated[int, typer.Option(min=2_048, help="Its edges, half of them substitutes.")] = 1_000_000,
    steps: Annotated[int, typer.Option(min=1, help="Batches of 1,024 edges that are timed, after as many that are not.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Train MMSC on our walks and on those of PyG's samplers: the same model, pairs and trainer; and walk on a graph of 10^7 edges.

    PyG's NeighborLoader needs one of pyg-lib and torch-sparse. The latter is built from source, with torch there and for the CPU alone:

              FORCE_ONLY_CPU=1 uv pip install --no-build-isolation torch-scatter torch-sparse

    Examples: goeswith bench mmsc

              goeswith bench mmsc --slices metapath_sampler,capacity --repeats 1 --json
    """
    profile = load_profile()
    found: list[Figure] = []
    for figures in _walks(profile, slices, items, edges, steps, repeats):
        found += figures
        write_figures(profile, "bench-mmsc", found)
    _show(found, as_json=as_json)


@app.command()
def serve(
    slices: Annotated[
        str, typer.Option(help="Which: precomputed, answer, topk, load, peer, rollout, soak, index.")
    ] = "precomputed,answer,topk,load,rollout,index",
    items: Annotated[int, typer.Option(min=1_000, help="Items of the made catalogue; vectors have 256 numbers.")] = 20_000,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each; an interval needs two.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long a run takes.")] = 5.0,
    callers: Annotated[str, typer.Option(help="How many threads ask at once, one load after another.")] = "4,16,32",
    indexed: Annotated[int, typer.Option(min=10_000, help="Vectors of the slice index.")] = 1_000_000,
    answers: Annotated[int, typer.Option(min=1, help="Answers of the slice rollout, at least.")] = 10_000,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long the slice soak takes.")] = 10.0,
    gorse: Annotated[Path | None, typer.Option(help="The binary of gorse, for the slice peer.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Ask a client of Feast (SQLite) and Triton (its wheel), both brought up here over a made catalogue, alone and from many threads.

    Examples: goeswith bench serve

              goeswith bench serve --slices precomputed,answer --repeats 1 --seconds 2 --json

              goeswith bench serve --slices soak --minutes 10
    """
    profile = load_profile()
    found: list[Figure] = []
    lasting = {"repeats": repeats, "seconds": seconds, "answers": answers, "minutes": minutes}
    for figures in _answers(profile, slices, (items, indexed), {**lasting, "callers": _numbers(callers), "gorse": gorse}):
        found += figures
        write_figures(profile, "bench-serve", found)
    _show(found, as_json=as_json)


@app.command()
def features(
    slices: Annotated[str, typer.Option(help="Which: rows, fill, refresh.")] = "rows,refresh,fill",
    items: Annotated[int, typer.Option(min=200, help="Items of the catalogue that is read.")] = 20_000,
    filled: Annotated[int, typer.Option(min=1, help="Items that are brought online at once.")] = 1_000_000,
    refreshed: Annotated[int, typer.Option(min=1, help="Items that all change.")] = 100_000,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each reader; an interval needs two.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long a run takes.")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Read 1, 50 and 200 rows of online features beside plain Redis, and bring many rows online. Starts a Redis of its own.

    Examples: goeswith bench features --slices rows

              goeswith bench features --slices fill --filled 100000 --json
    """
    with _clone_and_its_tools():
        from benchmarks.features.slices import SLICES, Sizes, bench_slice

    profile, sizes = load_profile(), Sizes(items, filled, refreshed, repeats, seconds)
    found: list[Figure] = []
    with progress("bench features", None) as advance:
        for name in _chosen(slices, SLICES):
            found += bench_slice(profile, name, sizes, partial(advance, 1))
            write_figures(profile, "bench-features", found)
    _show(found, as_json=as_json)


@app.command()
def judge(
    labels: Annotated[Path, typer.Option(help="Pairs that people labelled, as FBL2023.tsv holds them.")],
    seeds: Annotated[int, typer.Option(min=1, help="Splits; each hides a quarter of the items.")] = 3,
    least_agreement: Annotated[float, typer.Option(help="The judge abstains where validation agrees with it less often.")] = 0.9,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Teach a judge by people's labels and measure it on items that it never saw, beside the rules, TF-IDF of titles and the commonest label.

    Examples: goeswith bench judge --labels FBL2023.tsv

              goeswith bench judge --labels FBL2023.tsv --seeds 5 --json
    """
    with _clone_and_its_tools():
        from benchmarks.judge import bench_labels

    profile = load_profile()
    pooled, each = bench_labels(labels, seeds, least_agreement, profile.results / "bench-judge.png")
    write_figures(profile, "bench-judge", pooled)
    write_figures(profile, "bench-judge-splits", each)
    _show([*pooled, *each] if as_json else pooled, as_json=as_json)


@app.command()
def flan(
    model: Annotated[Path | None, typer.Option(help="A Flan-T5 checkpoint; without one, one of its small size with random weights is made.")] = None,
    pairs: Annotated[int, typer.Option(min=8, help="Pairs of the synthetic shop that are judged.")] = 200,
    dtype: Annotated[Literal["float32", "bfloat16"], typer.Option(help="Of both engines.")] = "float32",
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each; an interval needs two.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Judge pairs with Flan-T5, and with a plain loop of transformers' generate: the same weights, the same chances (checked first).

    Examples: goeswith bench flan

              goeswith bench flan --model /models/flan-t5-base --dtype bfloat16 --json
    """
    with _clone_and_its_tools():
        from benchmarks.flan import bench_flan, draw_pairs, make_checkpoint

    profile = load_profile()
    with progress("bench flan", None) as advance:
        advance(1, "pairs and model")
        drawn = draw_pairs(pairs)
        found = bench_flan(model or make_checkpoint(profile.root / "bench" / "flan-t5-small", drawn), drawn, dtype, repeats, partial(advance, 1))
    write_figures(profile, f"bench-flan-{dtype}", found)
    _show(found, as_json=as_json)


def _show(figures: Sequence[Figure], *, as_json: bool) -> None:
    if as_json:
        typer.echo("\n".join(json.dumps(asdict(figure)) for figure in figures))
    else:
        print_tables(figures)


@contextmanager
def _clone_and_its_tools() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise EnvironmentMissing(
            f"benches need {error.name}, which is not installed", "run them in a clone of the repository after: uv sync"
        ) from error


def _chosen(slices: str, known: Sequence[str]) -> list[str]:
    chosen = [name.strip() for name in slices.split(",")]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ConfigError(f"there is no slice {unknown[0]!r}", f"slices: {', '.join(known)}")
    return chosen


def _slices(profile: Profile, data: Path, slices: str, repeats: int, *, full: bool) -> Iterator[list[Figure]]:
    from benchmarks.graph.slices import INCREMENT, SLICES, bench_increment, bench_size

    chosen = _chosen(slices, SLICES)
    with progress("bench graph", None) as advance:
        for name in chosen:
            bench = _bench_of(profile, data, repeats, self_join=full or name == "1x")
            run = bench_increment if name == INCREMENT else partial(bench_size, name=name)
            yield run(bench, tell=partial(advance, 1))
    if "10x" in chosen and not full:
        typer.echo("spark-self-join is left out at 10x; --full runs it", err=True)


def _scaling(profile: Profile, data: Path, repeats: int) -> Iterator[list[Figure]]:
    from benchmarks.graph.scaling import bench_scaling

    with progress("bench graph --scaling", None) as advance:
        yield bench_scaling(_bench_of(profile, data, repeats, self_join=False), tell=partial(advance, 1))


def _bench_of(profile: Profile, data: Path, repeats: int, *, self_join: bool) -> "Bench":
    from benchmarks.graph.baskets import source_key
    from benchmarks.graph.engines import MODULES, SELF_JOIN
    from benchmarks.graph.slices import Bench

    models = tuple(name for name in MODULES if self_join or name != SELF_JOIN)
    return Bench(source=data, folder=profile.root / "bench" / source_key(data), models=models, repeats=repeats)


def _trainings(profile: Profile, slices: str, run: str, items: int, repeats: int, precision: "Precision") -> Iterator[list[Figure]]:
    with _clone_and_its_tools():
        from benchmarks.cirp.lesson import SLICES
        from benchmarks.cirp.shop import make_shop, read_shop
        from benchmarks.cirp.slices import Bench, bench_slice
        from training.trainer.device import choose_device

    chosen, folder = _chosen(slices, SLICES), profile.root / "bench" / "cirp"
    with progress("bench cirp", None) as advance:
        advance(1, "the shop")
        shop = read_shop(profile, run, folder / run) if run else make_shop(items, folder / f"synthetic-{items}")
        bench = Bench(shop=shop, repeats=repeats, precision=precision, device=choose_device("auto"))
        for name in chosen:
            yield bench_slice(bench, name, tell=partial(advance, 1))


def _answers(profile: Profile, slices: str, sizes: tuple[int, int], settings: dict[str, Any]) -> Iterator[list[Figure]]:
    with _clone_and_its_tools():
        from benchmarks.serve.index import bench_index
        from benchmarks.serve.served import bench_served, require_peer
        from benchmarks.serve.slices import INDEX, SLICES, Bench
        from benchmarks.serve.stack import serving

    chosen = _chosen(slices, SLICES)
    require_peer(chosen, settings["gorse"])
    if served := [name for name in chosen if name != INDEX]:
        with serving(profile, sizes[0]) as stack, progress("bench serve", None) as advance:
            bench = Bench(stack=stack, **settings)
            for name in served:
                yield list(bench_served(bench, name, tell=partial(advance, 1)))
    if INDEX in chosen:
        with progress("bench serve", None) as advance:
            yield list(bench_index(sizes[1], settings["repeats"], settings["seconds"], tell=partial(advance, 1)))


def _numbers(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"{text!r} is no list of numbers above 0", "for example 4,16,32")
    return tuple(map(int, parts))


def _walks(profile: Profile, slices: str, items: int, edges: int, steps: int, repeats: int) -> Iterator[list[Figure]]:
    with _clone_and_its_tools():
        from benchmarks.mmsc.slices import SLICES, Bench, bench_slice, require_rivals

    chosen = _chosen(slices, SLICES)
    require_rivals(chosen)
    bench = Bench(items=items, edges=edges, steps=steps, repeats=repeats, folder=profile.root / "bench" / "mmsc")
    with progress("bench mmsc", None) as advance:
        for name in chosen:
            yield bench_slice(bench, name, tell=partial(advance, 1))
