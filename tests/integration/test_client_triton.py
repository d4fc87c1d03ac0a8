"""The client over the real Triton: signatures fit, refusals are typed, and a new item is answered in one request."""

import io
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from goeswith.jobs import JobRun
from goeswith.model_contract import MANIFEST
from goeswith.ports import free_ports
from goeswith.profile import load_profile
from goeswith_client import Client, ClientConfig, Filters, Item, ModelRefused
from serving.rollout import publish
from serving.rollout.current import serve_current, stop_serving
from tests.tiny_client import DictFeatures
from tests.tiny_models import shared_home
from tests.tiny_shop import RUN, item_rows

pytestmark = [pytest.mark.triton, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a client of a Triton that serves the tiny shop's export; nothing is precomputed."""
    home = tmp_path_factory.mktemp("client") / "home"
    shutil.copytree(shared_home(), home)
    http, grpc, metrics = free_ports(3)
    profile = load_profile(overrides={"home": home, "triton": {"grpc_port": grpc, "http_port": http, "metrics_port": metrics}})
    publish.run(JobRun(profile=profile, run_id="publish"))
    serve_current(profile)
    features = DictFeatures()
    features.known = {row["item_id"]: Item.model_validate({name: row[name] for name in Item.model_fields}) for row in item_rows(profile)}
    config = ClientConfig(triton=f"127.0.0.1:{grpc}", manifest=profile.model_repository / MANIFEST, deadline_s=20)
    with Client(config, features=features) as found:
        yield found
    stop_serving(profile)


def picture() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), (200, 30, 30), np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_an_item_without_precomputed_neighbours_is_answered_by_the_model(client: Client) -> None:
    answer = client.substitutes("racket-red-0", k=5)
    assert len(answer.items) == 5
    assert answer.source in {"model", "content"}
    assert answer.versions.model_version == f"{RUN}/1"
    assert "racket-red-0" not in {item.item_id for item in answer.items}
    assert [item.score for item in answer.items] == sorted((item.score for item in answer.items), reverse=True)


def test_filters_act_inside_the_search_and_on_the_shops_state(client: Client) -> None:
    balls = client.complements("racket-red-0", k=6, filters=Filters(category="balls"))
    assert {item.category[-1] for item in balls.items} == {"balls"}
    assert len(balls.items) == 6
    cheap = client.complements("racket-red-0", k=10, filters=Filters(category="balls", max_price=10.5))
    assert {item.price for item in cheap.items} == {10.0}
    assert 1 <= len(cheap.items) <= 5


def test_a_bundle_is_completed(client: Client) -> None:
    answer = client.bundle(["racket-red-0", "balls-red-0"], k=5)
    assert (len(answer.items), answer.source) == (5, "model")
    assert not {"racket-red-0", "balls-red-0"} & {item.item_id for item in answer.items}


@pytest.mark.parametrize("kind", ["substitute", "complement"])
def test_a_new_item_is_answered_with_and_without_a_picture(client: Client, kind: str) -> None:
    for image in (picture(), None):
        answer = client.new_item(title="red racket", category="sport > racket", image=image, type=kind, k=4)  # type: ignore[arg-type]  # a literal
        assert len(answer.items) == 4
        assert all(item.reason for item in answer.items)


def test_what_the_model_refuses_is_typed_and_says_why(client: Client) -> None:
    with pytest.raises(ModelRefused, match="no readable JPEG or PNG"):
        client.new_item(title="x", image=picture()[:60])


def test_health_names_every_model_as_ready(client: Client) -> None:
    health = client.health()
    assert health.triton
    assert set(health.models) == {"item_preprocess", "item_encoder", "relations", "bundle", "new_item"}
    assert all(health.models.values())


def test_pairs_are_scored_as_the_search_scores_them(client: Client) -> None:
    found = client.substitutes("racket-red-0", k=5)
    scores = client.score([("racket-red-0", item.item_id) for item in found.items])
    assert [pair.substitute.score for pair in scores.pairs if pair.substitute] == pytest.approx([item.score for item in found.items], abs=1e-5)
    assert {pair.type for pair in scores.pairs} == {"substitute"}, "what stands out further as a complement is left out of the list"
    assert scores.versions.model_version == f"{RUN}/1"


def test_each_of_many_items_is_answered_as_it_is_alone(client: Client) -> None:
    asked = ["racket-red-0", "nobody", "balls-red-0"]
    found = client.complements_of_each(asked, k=4)
    assert [getattr(each, "items", None) for each in found] == [client.complements(asked[0], 4).items, None, client.complements(asked[2], 4).items]


def test_a_hedged_question_has_the_same_answer_and_its_refusals_keep_their_type(client: Client) -> None:
    config = client.config.model_copy(update={"hedge_after_s": 1e-6})
    with Client(config, features=client.features) as hedged:
        assert hedged.substitutes("racket-red-0", k=5).items == client.substitutes("racket-red-0", k=5).items
        with pytest.raises(ModelRefused):
            hedged.models.infer("relations", {"item_id": ("BYTES", "nobody"), "type": ("BYTES", "substitute"), "k": ("INT32", 3)}, ["scores"])
