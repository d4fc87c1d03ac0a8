"""Views are derived from the catalogue: nothing is named twice."""

import pytest

from feature_repo.entities import ITEM
from feature_repo.mark import VIEW
from feature_repo.services import build_services
from feature_repo.slices import VIEWED, ItemCards, Slice, find_slice, list_slices
from feature_repo.store import build_objects
from feature_repo.types import feast_type
from feature_repo.views import build_source, build_view
from goeswith.catalogue import OneOf, find_table
from goeswith.profile import Profile

SLICES = list_slices()


def test_every_combination_of_a_partitioned_tables_values_is_one_view() -> None:
    pairs = find_table("item_pairs")
    values = {rule.column: rule.values for rule in pairs.rules if isinstance(rule, OneOf)}
    found = [part for part in SLICES if part.table is pairs]
    assert len(found) == len(values["graph"]) * len(values["relation"])
    assert len({part.name for part in SLICES}) == len(SLICES)


@pytest.mark.parametrize("part", SLICES, ids=lambda part: part.name)
def test_every_field_of_a_view_has_the_tables_type(part: Slice, profile: Profile) -> None:
    view = build_view(part, profile.features / "x" / "y.parquet")
    assert {field.name: field.dtype for field in view.features} == {name: feast_type(part.schema.field(name).type) for name in part.features}
    assert {field.name for field in view.entity_columns} == set(part.entity)
    assert build_source(part, profile.features / "x" / "y.parquet").timestamp_field == part.table.event_time


@pytest.mark.parametrize("part", [part for part in SLICES if not isinstance(part, ItemCards)], ids=lambda part: part.name)
def test_a_view_holds_every_column_of_its_table(part: Slice) -> None:
    held = {*part.where, *part.entity, part.timestamp, part.latest_by, *part.features} - {""}
    assert all(column in held or any(name.startswith(f"{column}_") for name in held) for column in part.table.columns)


def test_only_what_was_made_from_everything_is_served() -> None:
    assert {part.name for part in SLICES if part.online} == {
        "items",
        "item_cards",
        "item_neighbours_substitute",
        "item_neighbours_complement",
        "relations_full_substitute",
        "relations_full_complement",
    }


def test_features_carry_their_doc_and_unit(profile: Profile) -> None:
    view = build_view(find_slice("items"), profile.features / "x" / "y.parquet")
    price = next(field for field in view.features if field.name == "price")
    assert (price.description, price.tags) == ("price", {"unit": "currency"})
    assert view.entities == [ITEM.name]


def test_each_model_has_a_service_and_the_pair_tables_stand_in_them(profile: Profile) -> None:
    views = [(part, build_view(part, profile.features / "x" / "y.parquet")) for part in SLICES]
    services = {service.name: {p.name for p in service.feature_view_projections} for service in build_services(views)}
    assert set(services) == {"cirp_v1", "mmsc_v1", "serving"}
    assert {"item_pairs_full_co_purchase", "edge_verdicts_rules", "relations_evaluation_substitute"} <= services["mmsc_v1"]
    assert "relations_evaluation_substitute" not in services["cirp_v1"]
    assert services["serving"] == {part.name for part in SLICES if part.online}


def test_the_registry_holds_a_view_for_every_viewed_table(profile: Profile) -> None:
    tables = {view.tags["table"] for view in build_objects(profile, {}) if hasattr(view, "batch_source") and view.name != VIEW}
    assert tables == set(VIEWED)
