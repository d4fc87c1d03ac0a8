"""A real dirty set through ``files`` with the mapping of docs/sources.md: every refused row, with its rule, as plain Python finds it."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from goeswith.profile import PROJECT_ROOT, Profile
from spark_jobs.ingest import build_quarantine
from spark_jobs.intake import parse_source, settle_tables
from spark_jobs.robots import Limits
from spark_jobs.sources import build_source
from tests.integration.test_sources import DATA, needs_data

pytestmark = [pytest.mark.spark, pytest.mark.real_data, needs_data]

FOLDER = DATA / "bundlerec" / "clothing"
RELATIONS = DATA / "amazon2014_relations" / "clothing_titled_relations_joined_to_bundlerec.csv"


def documented_mapping() -> str:
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", (PROJECT_ROOT / "docs" / "sources.md").read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in blocks if "bundlerec/clothing" in block)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_refused_row_stands_in_the_quarantine_under_its_rule(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(documented_mapping(), encoding="utf-8")
    source = build_source("files", FOLDER, {"mapping": str(mapping)}, profile)
    settled = settle_tables(parse_source(source.read(spark), source.name, profile), Limits())
    refused = build_quarantine(settled, source.name).collect()

    titled = {row["item ID"] for row in read(FOLDER / "item_titles.csv")}
    untitled = Counter((row["session ID"], row["item ID"]) for row in read(FOLDER / "session_item.csv") if row["item ID"] not in titled)
    assert untitled
    found = [(row["target"], row["rule"], json.loads(row["row"])) for row in refused]
    assert Counter((row["session ID"], row["item ID"]) for target, rule, row in found if (target, rule) == ("events", "item_unknown")) == untitled
    edges = read(RELATIONS)
    loops = sum(row["bundlerec_item_id_a"] == row["bundlerec_item_id_b"] for row in edges)
    assert Counter((target, rule) for target, rule, _ in found) == Counter({("events", "item_unknown"): untitled.total()}) + Counter(
        {("declared_relations", "edge_to_itself"): loops}
    )
    assert {name: target.account.as_row()["in"] for name, target in settled.items()} == {
        "items": len(titled),
        "events": len(read(FOLDER / "session_item.csv")),
        "bundles": len(read(FOLDER / "bundle_item.csv")),
        "declared_relations": len(edges),
    }
    distinct = len({tuple(row[name] for name in ("relation", "bundlerec_item_id_a", "bundlerec_item_id_b")) for row in edges})
    assert settled["declared_relations"].account.duplicates == len(edges) - distinct
    assert settled["items"].account.kept == len(titled)
