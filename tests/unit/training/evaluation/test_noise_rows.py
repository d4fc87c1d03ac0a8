"""A training set that lies, as a version of the table."""

import pytest

from goeswith import lake
from goeswith.command.cells import tell_lie
from goeswith.errors import ConfigError
from goeswith.profile import Profile
from tests.tiny_shop import RUN, write_tiny_lake
from training.dataset import read_training_set


def test_only_pairs_of_the_evaluation_graph_lie_and_the_version_before_stays(profile: Profile) -> None:
    version = write_tiny_lake(profile)["training_sets"]
    before = {graph: read_training_set(profile, version=version, run=RUN, graph=graph) for graph in ("evaluation", "full")}
    told = tell_lie(profile, version=version, run=RUN, lie="noise-40", seed=1)
    after = {graph: read_training_set(profile, version=told, run=RUN, graph=graph) for graph in ("evaluation", "full")}
    assert len(after["evaluation"].pairs) > len(before["evaluation"].pairs)
    assert len(after["full"].pairs) == len(before["full"].pairs)
    assert after["evaluation"].items.ids == before["evaluation"].items.ids
    assert len(read_training_set(profile, version=version, run=RUN, graph="evaluation").pairs) == len(before["evaluation"].pairs)


def test_a_lie_holds_what_the_table_asks_of_its_rows(profile: Profile) -> None:
    version = write_tiny_lake(profile)["training_sets"]
    rows = lake.read_table(profile, "training_sets", version=tell_lie(profile, version=version, run=RUN, lie="bots", seed=1), where={"run": RUN})
    assert sorted(rows["row"].to_pylist()) == list(range(len(rows)))
    assert rows["as_of"].null_count == 0


def test_a_lie_that_nobody_tells_is_refused_with_those_there_are(profile: Profile) -> None:
    version = write_tiny_lake(profile)["training_sets"]
    with pytest.raises(ConfigError) as refused:
        tell_lie(profile, version=version, run=RUN, lie="flat earth", seed=1)
    assert "noise-40" in refused.value.remedy
