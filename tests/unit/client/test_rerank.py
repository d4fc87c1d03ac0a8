"""Re-rankers prefer: they change the order, and which candidates have a place, but neither scores nor what is allowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goeswith_client import (
    Answer,
    Chained,
    Client,
    ClientConfig,
    FeaturesUnavailable,
    Filters,
    InvalidRequest,
    Item,
    Mmr,
    PriceBand,
    RankedItem,
    Ranking,
    Reranker,
    RerankerFailed,
    Rule,
    Weighted,
)
from goeswith_client.rerank import Looks
from goeswith_client.rulebook import compile_rules
from tests.tiny_client import DictFeatures, FakeModels, rank_all

WORDS = ("red", "blue", "racket", "ball", "junior")
RANKED = st.lists(
    st.builds(
        lambda n, title, path, brand, price: (n, " ".join(title), path, brand, price),
        st.integers(0, 60),
        st.lists(st.sampled_from(WORDS), max_size=3),
        st.sampled_from([(), ("sport",), ("sport", "racket"), ("kitchen", "pan")]),
        st.sampled_from([None, "a", "b"]),
        st.none() | st.floats(0, 100),
    ),
    unique_by=lambda row: row[0],
    max_size=20,
).map(lambda rows: [_ranked(place, *row) for place, row in enumerate(rows)])
QUERY = [Item(item_id="q", price=20.0)]


def _ranked(place: int, n: int, title: str, path: tuple[str, ...], brand: str | None, price: float | None) -> RankedItem:
    return RankedItem(item_id=f"i{n}", title=title, category=path, brand=brand, price=price, score=1 - place / 100)


def names(items: Sequence[Item]) -> list[str]:
    return [item.item_id for item in items]


@given(RANKED, st.sampled_from([Mmr(0.0), Mmr(0.6), PriceBand(0.5), Weighted({f"i{n}": n % 7 for n in range(0, 60, 2)}, 0.8)]))
def test_each_keeps_all_items_as_they_are(ranked: list[RankedItem], reranker: Reranker) -> None:
    order = reranker.rerank(QUERY, ranked)
    assert sorted(names(order)) == sorted(names(ranked))
    assert set(order) == set(ranked)
    assert reranker.rerank(QUERY, ranked) == order


@given(RANKED, st.dictionaries(st.sampled_from([f"i{n}" for n in range(60)]), st.floats(-10, 10)))
def test_lambda_one_and_weight_zero_change_nothing(ranked: list[RankedItem], values: Mapping[str, float]) -> None:
    assert Mmr(1.0).rerank(QUERY, ranked) == ranked
    assert Weighted(values, 0.0).rerank(QUERY, ranked) == ranked


@given(RANKED, RANKED)
def test_likeness_is_symmetric_between_nought_and_one(some: list[RankedItem], others: list[RankedItem]) -> None:
    for a, b in zip(some, others, strict=False):
        assert 0 <= Looks.of(a).likeness(Looks.of(b)) == Looks.of(b).likeness(Looks.of(a)) <= 1
    assert all(Looks.of(item).likeness(Looks.of(item)) == 1 for item in some)


def diversity(items: Sequence[Item]) -> float:
    """Return how unlike the items are, pair by pair."""
    pairs = list(combinations(items, 2))
    return sum(1 - Looks.of(a).likeness(Looks.of(b)) for a, b in pairs) / len(pairs)


def test_with_a_lower_lambda_diversity_rises_and_relevance_falls() -> None:
    kinds = [
        ("red racket", ("sport", "racket"), "a"),
        ("blue ball", ("sport", "ball"), "b"),
        ("pan", ("kitchen", "pan"), "c"),
        ("pen", ("office", "pen"), "d"),
    ]
    ranked = [_ranked(n, n, *kinds[n // 4], 10.0) for n in range(16)]
    tops = [Mmr(share / 10).rerank(QUERY, ranked)[:4] for share in range(10, -1, -1)]
    spread, relevance = [diversity(top) for top in tops], [-sum(ranked.index(item) for item in top) for top in tops]
    assert spread == sorted(spread)
    assert relevance == sorted(relevance, reverse=True)
    assert spread[0] < spread[-1]
    assert relevance[0] > relevance[-1]
    assert {item.category for item in tops[-1]} == {path for _, path, _ in kinds}


def test_a_price_band_prefers_or_requires_prices_near_the_querys() -> None:
    ranked = [_ranked(n, n, "", (), None, price) for n, price in enumerate([5.0, 29.0, None, 14.0, 40.0, 31.0])]
    assert names(PriceBand(0.5).rerank(QUERY, ranked)) == ["i1", "i3", "i0", "i2", "i4", "i5"]
    assert names(PriceBand(0.5, required=True).rerank(QUERY, ranked)) == ["i1", "i3"]
    assert PriceBand(0.5, required=True).rerank([Item(item_id="q")], ranked) == ranked


def test_a_value_that_weighs_all_orders_by_it_and_unknown_ones_come_last() -> None:
    ranked = [_ranked(n, n, "", (), None, None) for n in range(4)]
    assert names(Weighted({"i3": 0.9, "i1": 0.1, "i2": 0.1}, 1.0).rerank(QUERY, ranked)) == ["i3", "i1", "i2", "i0"]
    assert names(Weighted({"i3": 0.9}, 0.6).rerank(QUERY, ranked)) == ["i3", "i0", "i1", "i2"]


@pytest.mark.parametrize("make", [lambda: Mmr(1.1), lambda: Mmr(float("nan")), lambda: PriceBand(0), lambda: Weighted({}, -0.1)])
def test_a_share_is_between_nought_and_one(make: object) -> None:
    with pytest.raises(InvalidRequest):
        make()  # type: ignore[operator]


@dataclass(frozen=True)
class Broken:
    """A re-ranker that does what it may not."""

    does: str
    name: str = "my own"

    def rerank(self, _given: Sequence[Item], ranked: Sequence[RankedItem], /) -> Sequence[RankedItem]:
        """Raise, add an item, or return one twice."""
        if self.does == "raise":
            raise KeyError("margin")
        return [*ranked, _ranked(0, 99, "", (), None, None)] if self.does == "add" else [*ranked, ranked[0]]


def client(reranker: Reranker | None = None, **config: Path) -> Client:
    features = DictFeatures()
    features.rank("substitute", "i0", [f"i{n}" for n in range(1, 13)])
    return Client(ClientConfig(**config), features=features, models=FakeModels(rank_all()), reranker=reranker)


def ids(answer: Answer) -> list[str]:
    return names(answer.items)


@pytest.mark.parametrize("does", ["raise", "add", "double"])
@pytest.mark.parametrize("chained", [False, True])
def test_a_broken_reranker_is_named(does: str, chained: bool) -> None:
    reranker: Reranker = Chained((Mmr(), Broken(does))) if chained else Broken(does)
    with pytest.raises(RerankerFailed, match="'my own'"):
        client(reranker).substitutes("i0", 3)
    with pytest.raises(RerankerFailed, match="'my own'"):
        client().bundle(["i0"], 3, ranking=reranker)


def test_a_reranker_chooses_among_more_than_are_asked_for_and_scores_stay() -> None:
    by_price = Weighted({f"i{n}": float(n) for n in range(13)}, 1.0, "price")
    plain, answer = client().substitutes("i0", 12), client(by_price).substitutes("i0", 3)
    assert ids(answer) == ["i12", "i11", "i10"]
    assert [item.score for item in answer.items] == [item.score for item in reversed(plain.items)][:3]
    assert answer.items[0].reason == "place 12 before price; bought together 5 times"
    asked = client(by_price)
    assert ids(asked.substitutes("i2", 3)) == ["i12", "i11", "i10"]
    assert [values["k"] for _, values in asked.models.asked] == [12]  # type: ignore[attr-defined]


def test_what_a_question_brings_counts_before_the_clients_own() -> None:
    mine = client(Weighted({f"i{n}": float(n) for n in range(13)}, 1.0))
    assert ids(mine.substitutes("i0", 3, ranking=Ranking(diversity=0))) == ["i1", "i2", "i3"]
    assert ids(mine.substitutes("i0", 3, ranking=Ranking())) == ["i12", "i11", "i10"], "it says nothing"
    assert ids(mine.substitutes("i0", 3, ranking=PriceBand(0.1))) == ["i1", "i2", "i3"]
    assert ids(mine.new_item(title="ball", k=2)) == ["i7", "i6"]


def test_bans_come_before_and_pins_after() -> None:
    shop = client(Weighted({f"i{n}": float(n) for n in range(13)}, 1.0))
    rules = [Rule(rule_id="r1", kind="ban", item="i12"), Rule(rule_id="r2", kind="pin", item="i2", position=2, query_item="i0")]
    shop.features.rulebook = compile_rules(rules)  # type: ignore[attr-defined]
    assert ids(shop.substitutes("i0", 3)) == ["i11", "i2", "i10"]


def test_a_required_band_is_widened_until_k_are_found() -> None:
    answer = client().substitutes("i10", 5, ranking=Ranking(price_band=0.2, price_required=True))
    assert sorted(ids(answer)) == ["i11", "i12", "i9"]
    assert ids(client().substitutes("i10", 5, Filters(in_stock=True), Ranking(price_band=0.2)))[:2] == ["i9", "i12"]


def test_a_shops_values_are_read_by_name_and_again_when_replaced(tmp_path: Path) -> None:
    (tmp_path / "margin.jsonl").write_text('{"item_id": "i5", "value": 2.5}\n\n')
    shop = client(values=tmp_path)
    assert ids(shop.substitutes("i0", 2, ranking=Ranking(rank_by="margin", rank_weight=1)))[0] == "i5"
    (tmp_path / "new").write_text('{"item_id": "i11", "value": 1}\n')
    (tmp_path / "new").replace(tmp_path / "margin.jsonl")
    assert ids(shop.substitutes("i0", 2, ranking=Ranking(rank_by="margin", rank_weight=1)))[0] == "i11"


@pytest.mark.parametrize("line", ['{"item_id": "i5"', '{"item_id": "i5", "value": NaN}', '{"item_id": "i5", "value": 1, "more": 1}', "\udcff"])
def test_damaged_values_and_unknown_names_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "margin.jsonl").write_bytes(line.encode("utf-8", "surrogateescape"))
    with pytest.raises(FeaturesUnavailable, match=r"margin\.jsonl"):
        client(values=tmp_path).substitutes("i0", ranking=Ranking(rank_by="margin"))
    with pytest.raises(InvalidRequest, match="values of this shop: margin"):
        client(values=tmp_path).substitutes("i0", ranking=Ranking(rank_by="profit"))
    with pytest.raises(InvalidRequest, match="values of this shop: none"):
        client().substitutes("i0", ranking=Ranking(rank_by="margin"))


@pytest.mark.parametrize(
    "said", [{"diversity": 1.1}, {"price_band": 0}, {"rank_by": "../x"}, {"rank_weight": -1}, {"more": 1}, {"price_band": float("inf")}]
)
def test_a_ranking_is_bounded(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Ranking.model_validate(said)
