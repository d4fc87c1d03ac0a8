"""When a value that was read online counts as the one that was released."""

from typing import Any

import pytest

from feature_repo.check import same

NAN = float("nan")


SAME = [(None, None), ([], None), (None, []), (NAN, None), (1.5, 1.5), ("", ""), ([0.5, NAN], [0.5, NAN]), (["a"], ["a"])]
OTHER = [(0, None), ("", None), (False, None), (["a"], ["b"]), (["a", "b"], ["a"]), (1.5, 1.25), ([0.5], [NAN])]


@pytest.mark.parametrize(("offline", "online"), SAME)
def test_what_feast_has_no_word_for_is_null(offline: Any, online: Any) -> None:
    assert same(offline, online)


@pytest.mark.parametrize(("offline", "online"), OTHER)
def test_all_else_must_be_equal(offline: Any, online: Any) -> None:
    assert not same(offline, online)
    assert not same(online, offline)
