"""Whatever a caller passes, an answer or an error of the client comes out, nothing else."""

import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from goeswith_client import Answer, Client, ClientConfig, ClientError, Filters, InvalidRequest, ModelUnavailable
from goeswith_client.limits import MAX_K
from goeswith_client.triton import _as_tensors
from tests.tiny_client import DictFeatures, FakeModels, rank_all
from tests.tiny_pictures import jpeg_that_claims, picture, png_that_claims

BOUNDED = settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # halves of surrogate pairs and control characters included
IDS = st.sampled_from(["i0", "i1", "i2"]) | ANY_TEXT
NUMBERS = st.integers(-5, MAX_K + 5) | st.integers() | st.just(10**5_000) | st.just(-(10**5_000))
PRICES = st.none() | st.floats() | st.integers()
PICTURES = (
    st.none()
    | st.binary()
    | st.builds(lambda head, rest: head + rest, st.sampled_from([b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xc0", b"GIF89a"]), st.binary())
    | st.builds(jpeg_that_claims, st.integers(0, 65_535), st.integers(0, 65_535))
    | st.builds(png_that_claims, st.integers(0, 2**31), st.integers(0, 2**31))
    | ANY_TEXT.map(Path)
    | st.just(picture())
)


class StrictModels(FakeModels):
    """A model server behind the real tensors: what cannot be one fails here as it would on its way to Triton."""

    def infer(self, model: str, inputs: Any, outputs: Any) -> Any:
        """Build the tensors, then answer."""
        _as_tensors(inputs)
        return super().infer(model, inputs, outputs)


@pytest.fixture(params=["all answers", "Triton is away"])
def client(request: pytest.FixtureRequest) -> Client:
    features = DictFeatures()
    features.rank("substitute", "i0", ["i1", "i2"], sure=1)
    return Client(ClientConfig(), features=features, models=StrictModels(rank_all() if request.param == "all answers" else None))


@st.composite
def filters(draw: st.DrawFn) -> Filters | None:
    values: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "in_stock": st.booleans(),
                "max_price": PRICES,
                "category": ANY_TEXT | st.just("balls"),
                "brand": ANY_TEXT | st.just("b1"),
                "no_variants": st.booleans(),
                "sure": st.booleans(),
                "per_category": st.integers(),
            },
        )
    )
    with suppress(ValidationError):  # what a filter is not, pydantic says before there is a question
        return Filters(**values)
    return None


def require_an_answer_or_a_client_error(ask: Callable[[], Answer], k: int) -> None:
    with suppress(ClientError):
        answer = ask()
        assert len(answer.items) <= k
        assert all(math.isfinite(item.score) for item in answer.items)
        answer.model_dump_json()


@BOUNDED
@given(kind=st.sampled_from(["substitutes", "complements"]), item=IDS, k=NUMBERS, asked=filters())
def test_neighbours_of_anything(client: Client, kind: str, item: str, k: int, asked: Filters | None) -> None:
    require_an_answer_or_a_client_error(lambda: getattr(client, kind)(item, k, asked), k)


@BOUNDED
@given(items=st.lists(IDS, max_size=60), k=NUMBERS, asked=filters())
def test_bundles_of_anything(client: Client, items: list[str], k: int, asked: Filters | None) -> None:
    require_an_answer_or_a_client_error(lambda: client.bundle(items, k, asked), k)


@BOUNDED
@given(item=IDS, size=NUMBERS, budget=PRICES, asked=filters())
def test_a_bundle_around_anything(client: Client, item: str, size: int, budget: float | None, asked: Filters | None) -> None:
    require_an_answer_or_a_client_error(lambda: client.make_bundle(item, size, budget, asked), size)


@BOUNDED
@given(texts=st.dictionaries(st.sampled_from(["title", "description", "brand", "category"]), ANY_TEXT), image=PICTURES, kind=ANY_TEXT, k=NUMBERS)
def test_new_items_of_any_text_and_picture(client: Client, texts: dict[str, str], image: bytes | Path | None, kind: str, k: int) -> None:
    for asked in ("complement", kind):
        require_an_answer_or_a_client_error(lambda asked=asked: client.new_item(**texts, image=image, type=asked, k=k), k)  # type: ignore[misc]  # any kind


@BOUNDED
@given(a=IDS, b=IDS)
def test_explanations_of_any_pair(client: Client, a: str, b: str) -> None:
    with suppress(ClientError):
        client.explain(a, b)


@pytest.mark.parametrize("item", ["\ud800", "a\x00b", "a\nb", "\x1b[31m", "\x7f", "\x9b"], ids=ascii)
def test_an_id_that_no_store_can_hold_is_refused_before_one_is_asked(client: Client, item: str) -> None:
    with pytest.raises(InvalidRequest, match="control characters or invalid UTF-8"):
        client.item(item)


@pytest.mark.parametrize("k", [True, 1.0, "1", None, float("nan"), 10**5_000], ids=["truth", "float", "text", "none", "NaN", "endless"])
def test_a_k_that_is_no_whole_number_is_refused(client: Client, k: Any) -> None:
    with pytest.raises(InvalidRequest, match="k is"):
        client.substitutes("i0", k)


@pytest.mark.parametrize("budget", [-1.0, math.nan, math.inf])
def test_a_budget_that_is_no_amount_is_refused(client: Client, budget: float) -> None:
    with pytest.raises(InvalidRequest, match="a budget of"):
        client.make_bundle("i0", 3, budget)


@pytest.mark.parametrize("max_price", [-1.0, math.nan, math.inf])
def test_a_price_that_is_no_amount_is_refused(max_price: float) -> None:
    with pytest.raises(ValidationError):
        Filters(max_price=max_price)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_scores_that_order_nothing_count_as_a_model_that_is_away(score: float) -> None:
    features = DictFeatures()
    features.best["racket"] = ["i2"]
    features.rank("complement", "i0", ["i3"])
    damaged = FakeModels(lambda _, values: {**rank_all()("", values), "scores": [score] * values["k"]})
    client = Client(ClientConfig(), features=features, models=damaged)
    assert client.substitutes("i0", 1).source == "category_bestseller"
    assert client.bundle(["i0"], 1).source == "precomputed"
    with pytest.raises(ModelUnavailable, match="damaged"):
        client.new_item(title="x")
