"""What both models may be asked: items that both know, answers that neither was trained on."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from goeswith import lake
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from tests.tiny_shop import RUN, bundle_rows, event_rows, item_rows, write_rows, write_tiny_lake
from tests.unit.training.evaluation.small_worlds import Edge, make_items, make_pairs, make_set, make_world
from training.bundle_cases import leave_one_out
from training.dataset import Floats, Ints, TrainingSet
from training.evaluation.relation_protocol import draw_candidates, rank_relations
from training.promotion.champion import Common, Former, Models
from training.promotion.narrowed import NarrowedBundles, NarrowedRelations
from training.promotion.questions import fair_bundles, fair_suites
from training.reserved import Reserved, read_reserved

TESTED = (("also_bought", "i00", "i01"), ("also_bought", "i02", "i03"), ("also_bought", "i04", "i09"))


def older(size: int, edges: list[Edge]) -> TrainingSet:
    """Return a training set that knows fewer items, in another order: i01 is its first."""
    items = make_items([f"thing {k}" for k in range(size)])
    turned = replace(items, ids=(*items.ids[1:], items.ids[0]))
    return TrainingSet("evaluation", turned, make_pairs([((a - 1) % size, (b - 1) % size, kind) for a, b, kind in edges]))


def asked(champion: TrainingSet) -> list[tuple[int, int]]:
    world = make_world([(5, 6, "complement")], TESTED)
    (suite,) = [s for s in fair_suites(world, Common(world.training, champion), "complement", max_queries=100, seed=0) if s.slice == "warm"]
    return list(zip(suite.cases.src.tolist(), suite.cases.dst.tolist(), strict=True))


def test_a_pair_of_which_the_champion_does_not_know_an_item_is_not_asked() -> None:
    assert asked(older(9, [])) == [(0, 1), (2, 3)]


def test_a_pair_that_the_champion_trained_on_in_either_direction_is_not_asked() -> None:
    assert asked(older(10, [(3, 2, "complement")])) == [(0, 1), (4, 9)]


def test_a_pair_that_the_champion_knows_as_the_other_relation_is_asked() -> None:
    assert (2, 3) in asked(older(10, [(3, 2, "substitute")]))


def test_a_true_neighbour_that_only_the_champion_knows_is_no_negative() -> None:
    world = make_world([(5, 6, "complement")], TESTED)
    common = Common(world.training, older(10, [(0, 7, "complement")]))
    suite = fair_suites(world, common, "complement", max_queries=100, seed=0)[0]
    (block,) = draw_candidates(suite.cases, negatives=None, seed=0)
    first = block.candidates[0][block.valid[0]]
    assert 7 not in first
    assert 8 in first


def test_bundles_are_asked_about_where_both_know_every_item() -> None:
    cases = leave_one_out([(0, 1), (2, 9)], np.full(2, np.datetime64("NaT", "us")), max_cases=10, seed=0)
    fair = fair_bundles(cases, Common(make_set(10), older(9, [])))
    assert fair.target.tolist() == [0, 1]


class ById:
    """Scores an item by the number in its id, whatever its position."""

    name = "by id"

    def __init__(self, training: TrainingSet) -> None:
        self.numbers = np.array([int(name[1:]) for name in training.items.ids], dtype=np.float32)

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:  # noqa: ARG002 - the protocol's
        found: Floats = self.numbers[candidates] - self.numbers[src][:, None]
        return found


def test_one_model_under_two_numberings_of_the_items_reaches_the_same_on_every_question() -> None:
    world = make_world([(5, 6, "complement")], TESTED)
    champion = older(9, [])
    common = Common(world.training, champion)
    (suite,) = [s for s in fair_suites(world, common, "complement", max_queries=100, seed=0) if s.slice == "warm"]
    mine = NarrowedRelations(ById(world.training), common.to_self, "challenger")
    theirs = NarrowedRelations(ById(champion), common.to_champion, "champion")
    ranks = [rank_relations(scorer, suite.cases, negatives=None, seed=0).tolist() for scorer in (mine, theirs)]
    assert ranks[0] == ranks[1]
    assert max(ranks[0]) > 0


class ByPosition:
    """Scores an item of a catalogue of ``size`` items by its position."""

    name = "by position"

    def __init__(self, size: int) -> None:
        self.size = size

    def score(self, given: Sequence[int]) -> Floats:  # noqa: ARG002 - the protocol's
        return np.arange(self.size, dtype=np.float32)


def test_an_item_that_only_the_challenger_knows_stands_last_for_both() -> None:
    common = Common(make_set(10), older(9, []))

    scorers = NarrowedBundles(ByPosition(10), common.to_self, "challenger"), NarrowedBundles(ByPosition(9), common.to_champion, "champion")
    for scorer in scorers:
        scores = scorer.score([0])
        assert np.flatnonzero(np.isneginf(scores)).tolist() == [9]


@pytest.fixture
def former(profile: Profile) -> Former:
    """Return a champion that was trained on the tiny shop: red bundles for testing, blue ones for validation."""
    versions = write_tiny_lake(profile)
    return Former(JobRun(profile=profile, run_id=RUN, versions=versions), Models(ById(make_set(1)), None), make_set(1))


def test_what_was_reserved_then_too_or_came_later_is_unseen(former: Former) -> None:
    profile = former.job.profile
    bundles = bundle_rows(item_rows(profile))
    write_rows(profile, "bundles", [*bundles, *({**row, "bundle_id": "later"} for row in bundles[:4])])
    later = [{**row, "basket_id": f"later-{row['basket_id']}", "event_id": f"later-{row['event_id']}"} for row in event_rows(bundles)]
    write_rows(profile, "events", later)
    assert lake.current_version(profile, "bundles") != former.job.version_of("bundles")
    reserved = {"sport-red", "sport-blue", "sport-green", "later"}
    today = Reserved(frozenset({"later-sport-red-0", "sport-green-0"}), frozenset(reserved), frozenset(), ())
    unseen = former.unseen(today)
    assert unseen.bundles == {"sport-red", "later"}
    assert unseen.baskets == {"later-sport-red-0"}


def test_the_same_holdout_is_unseen_as_a_whole(former: Former) -> None:
    reserved = read_reserved(former.job, "test")
    assert former.unseen(reserved) == reserved
