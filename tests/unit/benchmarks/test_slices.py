"""From runs to figures: paired ratios, the gate's share, and no figure at all where engines disagree."""

import pytest

from benchmarks.graph.engines import DUCKDB, OURS, POLARS, SELF_JOIN
from benchmarks.graph.measure import Measured
from benchmarks.graph.scaling import AXES, CENTRE, point_name
from benchmarks.graph.slices import COPIES, compared_figures, measured_figures, require_agreement, share_figures
from benchmarks.graph.task import Fingerprint
from benchmarks.graph.worker import Order
from goeswith.errors import DataContractError
from goeswith.results import Figure


def run(seconds: float, rows: int = 7, checksum: int = 1, **more: float) -> Measured:
    return Measured({"seconds": seconds, "peak_mb": 100.0, **more}, Fingerprint(rows, checksum))


def by_metric(figures: list[Figure], model: str) -> dict[str, Figure]:
    return {figure.metric: figure for figure in figures if figure.model == model}


RUNS = {OURS: [run(4.0), run(9.0)], DUCKDB: [run(2.0), run(3.0)], POLARS: [run(1.0), run(1.0)]}


def test_figures_have_the_projects_keys() -> None:
    found = by_metric(measured_figures("1x", RUNS), OURS)["seconds"]
    assert (found.task, found.data, found.slice, found.n) == ("graph", "instacart", "1x", 2)
    assert found.value == pytest.approx(6.0)


def test_ratios_are_paired_by_repeat() -> None:
    found = by_metric(compared_figures("1x", RUNS), OURS)
    assert found["seconds/duckdb"].value == pytest.approx(6**0.5)
    assert "seconds/polars" not in found, "polars is shown beside; ratios are to the references that figures are held against"


def test_an_increment_and_the_gate_are_shares_of_the_jobs_of_the_same_run() -> None:
    runs = [
        run(1.0, commit_seconds=0.5, rebuild_seconds=10.0, publish_seconds=10.0, gate_seconds=1.0),
        run(2.0, commit_seconds=0.5, rebuild_seconds=20.0, publish_seconds=30.0, gate_seconds=4.0),
    ]
    found = by_metric(share_figures(runs), OURS)
    assert found["seconds/rebuild"].value == pytest.approx(0.1)
    assert found["gate/job"].value == pytest.approx((1 / 20 * 4 / 50) ** 0.5)
    assert {figure.slice for figure in found.values()} == {"increment"}


def test_the_first_increment_of_a_process_is_no_figure() -> None:
    assert set(by_metric(measured_figures("increment", {OURS: [run(1.0, warmed=9.0)]}), OURS)) == {"seconds", "peak_mb"}


def test_a_reference_that_did_not_run_gives_no_ratio() -> None:
    assert not [figure for figure in compared_figures("10x", RUNS) if SELF_JOIN in figure.metric]
    assert compared_figures("10x", {DUCKDB: RUNS[DUCKDB]}) == []


@pytest.mark.parametrize("other", [run(1.0, rows=8), run(1.0, checksum=2)])
def test_engines_that_disagree_give_no_figure(other: Measured) -> None:
    with pytest.raises(DataContractError, match=r"do not agree on 1x: duckdb: 7 pairs.*polars"):
        require_agreement("1x", {DUCKDB: [run(1.0)], POLARS: [other]})


def test_an_engine_that_disagrees_with_itself_gives_no_figure() -> None:
    with pytest.raises(DataContractError):
        require_agreement("1x", {DUCKDB: [run(1.0), run(1.0, checksum=2)]})


def test_engines_that_agree_pass() -> None:
    require_agreement("1x", RUNS)


def test_an_order_survives_being_a_word_of_a_command() -> None:
    assert '"new": [["seconds", "/new"]]' in Order(engine=OURS, orders=("/o",), warm=("/w",), out="/out", new=(("seconds", "/new"),)).to_json()


def test_every_axis_holds_the_centre_and_there_are_points_enough_for_intervals() -> None:
    for axis, sizes in AXES.items():
        assert [point_name(axis, size) for size in sizes].count("centre") == 1
        assert CENTRE[axis] in sizes
    points = {point_name(axis, size) for axis, sizes in AXES.items() for size in sizes}
    assert len(points) >= len(AXES) + 2 + 4


def test_sizes_are_those_of_the_issue() -> None:
    assert COPIES == {"1x": 1, "10x": 10}
