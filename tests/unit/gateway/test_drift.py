"""Gauges of drift: the last measurement, read seldom, and what stood before where the lake cannot be read."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from goeswith.errors import TableDamaged
from goeswith.profile import Profile
from serving.gateway import drift
from serving.gateway.drift import DriftGauges
from tests.tiny_gateway import tiny_gateway
from tests.unit.goeswith.drift import shop

PRICE = ("items", "price", "EUR")


def measure(profile: Profile, run: str, factor: float) -> None:
    shop.release(profile, run, items=shop.changed(shop.item_rows(), lambda row: {"price": row["price"] and factor * row["price"]}))
    shop.watch(profile, run)


@pytest.fixture
def measured(profile: Profile) -> Profile:
    """Return a home in which nothing moved since training."""
    shop.release(profile, shop.TRAINED, items=shop.item_rows())
    shop.serve(profile)
    shop.watch(profile, "monday")
    return profile


def gauges(home: Path) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(tiny_gateway(home=home).get("/metrics").text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def values(found: DriftGauges) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value for family in found.collect() for sample in family.samples}


def test_before_the_first_measurement_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert [name for name, *_ in gauges(tmp_path) if name.startswith("goeswith_drift")] == []


def test_the_metrics_show_the_last_measurement(measured: Profile) -> None:
    measure(measured, "tuesday", 2.0)
    found = gauges(measured.home)
    assert found[("goeswith_drift", *PRICE)] > 0.25
    assert found[("goeswith_drift_verdict", *PRICE)] == 2
    assert found[("goeswith_drift_verdict", "items", "category", "")] == 0
    assert found[("goeswith_drift_measured_seconds",)] > 0


def test_the_lake_is_read_at_most_every_few_minutes(measured: Profile) -> None:
    seldom, always = DriftGauges(measured), DriftGauges(measured, recheck_s=0)
    assert values(seldom)[("goeswith_drift_verdict", *PRICE)] == values(always)[("goeswith_drift_verdict", *PRICE)] == 0
    measure(measured, "tuesday", 2.0)
    assert values(seldom)[("goeswith_drift_verdict", *PRICE)] == 0
    assert values(always)[("goeswith_drift_verdict", *PRICE)] == 2


def test_a_lake_that_cannot_be_read_leaves_what_was_read(measured: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    found = DriftGauges(measured, recheck_s=0)
    before = values(found)

    def refuse(_: Profile) -> None:
        raise TableDamaged("the table cannot be read", "put it back")

    monkeypatch.setattr(drift, "read_last", refuse)
    assert values(found) == before


def test_registering_reads_nothing(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "read_last", None)
    assert DriftGauges(profile).describe() == []
    tiny_gateway(home=profile.home)
