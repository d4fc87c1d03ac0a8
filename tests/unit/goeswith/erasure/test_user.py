"""A user is known by a keyed hash, and the key by where it comes from."""

import pytest
from pydantic import SecretStr

from goeswith.erasure.person import find_person
from goeswith.erasure.user import hash_user, key_origin, keyed_hash
from goeswith.profile import Profile, load_profile


def test_the_hash_is_that_of_rfc_4231() -> None:
    assert keyed_hash("what do ya want for nothing?", "Jefe") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_another_key_gives_another_hash(profile: Profile) -> None:
    other = profile.model_copy(update={"user_hash_key": SecretStr("another")})
    assert hash_user(profile, "alice") != hash_user(other, "alice")


def test_it_is_said_where_the_key_comes_from_and_never_what_it_is(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_origin(profile) == "the project's default"
    assert key_origin(load_profile(overrides={"user_hash_key": "from-a-file"})) == "the profile 'local'"
    monkeypatch.setenv("GOESWITH_USER_HASH_KEY", "from-the-environment")
    assert key_origin(load_profile()) == "the variable GOESWITH_USER_HASH_KEY"


@pytest.mark.parametrize(("user", "plain"), [("12345678", True), ("1234567", False), (" 1234567 ", False)])
def test_only_a_plain_id_long_enough_to_name_one_user_is_looked_for_in_texts(profile: Profile, user: str, plain: bool) -> None:
    assert (user.strip() in find_person(profile, user).texts) is plain
