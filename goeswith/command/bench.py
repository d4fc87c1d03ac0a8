"""``goeswith bench``: our jobs beside the engines that others would take, measured in the same run."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goeswith.command.bench_tables import print_tables
from goeswith.errors import ConfigError, EnvironmentMissing
from goeswith.profile import Profile, load_profile
from goeswith.progress import progress
from goeswith.results import Figure, write_figures

if TYPE_CHECKING:
    from benchmarks.graph.slices import Bench

app = typer.Typer(name="bench", help="Measure a part beside what others would take for it.", no_args_is_help=True)


@app.callback()
def _bench() -> None:
    """Keep the part's name a word of its own while there is but one part."""


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
    for figures in _scaling(profile, data, repeats) if scaling else _slices(profile, data, _chosen(slices), repeats, full=full):
        found += figures
        write_figures(profile, "bench-graph-scaling" if scaling else "bench-graph", found)
    if as_json:
        typer.echo("\n".join(json.dumps(asdict(figure)) for figure in found))
    else:
        print_tables(found)


@contextmanager
def _clone_and_its_tools() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise EnvironmentMissing(
            f"benches need {error.name}, which is not installed", "run them in a clone of the repository after: uv sync"
        ) from error


def _chosen(slices: str) -> list[str]:
    from benchmarks.graph.slices import SLICES

    chosen = [name.strip() for name in slices.split(",")]
    unknown = [name for name in chosen if name not in SLICES]
    if unknown:
        raise ConfigError(f"there is no slice {unknown[0]!r}", f"slices: {', '.join(SLICES)}")
    return chosen


def _slices(profile: Profile, data: Path, slices: Sequence[str], repeats: int, *, full: bool) -> Iterator[list[Figure]]:
    from benchmarks.graph.slices import INCREMENT, bench_increment, bench_size

    with progress("bench graph", None) as advance:
        for name in slices:
            bench = _bench_of(profile, data, repeats, self_join=full or name == "1x")
            run = bench_increment if name == INCREMENT else partial(bench_size, name=name)
            yield run(bench, tell=partial(advance, 1))
    if "10x" in slices and not full:
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
