"""The table of rules: each change says who, when and why; what contradicts is refused; clients read what stands."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from goeswith import lake, releases
from goeswith.catalogue import find_table
from goeswith.errors import VersionMissing
from goeswith.profile import Profile
from goeswith_client.rules import MAX_RULES, Rule, RuleBody
from goeswith_client.rules_file import RulesFile
from serving.rules import table
from serving.rules.csv_file import read_csv
from serving.rules.recorded import RuleRefused, list_changes, parse_body
from serving.rules.table import TABLE, add_rules, check_rules, delivered_rules, export_rules, read_rules, remove_rules, renew_rules, rules_path
from tests.tiny_shop import item_rows, write_items, write_rows

SEED, FIRST, OTHER = "racket-red-0", "racket-red-1", "racket-blue-0"
NOW = datetime.now(UTC)


def ban(item: str = FIRST, **more: object) -> RuleBody:
    return parse_body({"kind": "ban", "item": item, **more})


def pin(item: str = FIRST, position: int = 1, **more: object) -> RuleBody:
    return parse_body({"kind": "pin", "item": item, "position": position, "query_item": SEED, **more})


def add(home: Profile, *bodies: RuleBody, by: str = "ada", why: str = "spring") -> list[str]:
    return [rule.rule_id for rule in add_rules(home, bodies, by=by, why=why)]


@pytest.fixture
def home(profile: Profile) -> Profile:
    write_items(profile)
    return profile


def test_every_change_is_told_with_who_when_and_why(home: Profile) -> None:
    add(home, ban(), pin(OTHER), by="ada", why="recalled")
    remove_rules(home, ["r1"], by="grace", why="mended")
    newest, *added = list_changes(read_rules(home))
    assert (newest.did, newest.rule.rule_id, newest.by, newest.why) == ("removed", "r1", "grace", "mended")
    assert [(change.did, change.rule.rule_id, change.by, change.why) for change in added] == [
        ("added", "r2", "ada", "recalled"),
        ("added", "r1", "ada", "recalled"),
    ]
    assert NOW <= added[0].at <= newest.at <= datetime.now(UTC)


def test_no_row_is_ever_taken_back_and_no_id_given_again(home: Profile) -> None:
    add(home, ban())
    first = lake.read_table(home, TABLE).to_pylist()[0]
    remove_rules(home, ["r1"], by="grace", why="mended")
    assert add(home, ban()) == ["r2"]
    kept = {row["rule_id"]: row for row in lake.read_table(home, TABLE).to_pylist()}
    changed = {name for name in first if first[name] != kept["r1"][name]}
    assert changed == {"removed_at", "removed_by", "removed_why"}
    assert lake.read_table(home, TABLE, version=1).num_rows == 1


def test_a_change_that_changes_nothing_but_one_rule_writes_one_version(home: Profile) -> None:
    add(home, ban())
    before = lake.current_version(home, TABLE) or 0
    add(home, ban(OTHER), ban(SEED))
    assert lake.current_version(home, TABLE) == before + 1


def test_clients_read_what_stands_and_not_who_or_why(home: Profile) -> None:
    add(home, ban(), ban(OTHER, valid_until=NOW + timedelta(days=1)), by="ada", why="a secret")
    remove_rules(home, ["r1"], by="ada", why="a secret")
    assert delivered_rules(home) == (Rule(rule_id="r2", kind="ban", item=OTHER, valid_until=NOW + timedelta(days=1)),)
    text = rules_path(home).read_text()
    assert "secret" not in text
    assert "ada" not in text


@pytest.mark.parametrize(
    ("standing", "new", "refused"),
    [
        ([ban()], ban(), "r1 says so already"),
        ([ban()], ban(type="bundle"), "r1 says so already"),
        ([pin(OTHER)], pin(FIRST), "place 1 is taken by r1"),
        ([pin(FIRST)], pin(FIRST, 2), "r1 says so already"),
        ([ban()], pin(), "rule r1 keeps 'racket-red-1' out"),
        ([ban(query_item=SEED)], pin(), "rule r1 keeps"),
        ([ban(query_category="racket")], pin(), "rule r1 keeps"),
        ([parse_body({"kind": "ban_category", "query_category": "sport", "category": "pan"})], pin("pan-red-0"), "rule r1 keeps"),
        ([parse_body({"kind": "sensitive_category", "category": "pan"})], pin("pan-red-0"), "rule r1 keeps"),
        ([parse_body({"kind": "sensitive_category", "category": "pan"})], pin("pan-red-0", query_item="", query_category="racket"), "rule r1 keeps"),
        ([], ban("racket-red-9"), "no item is called 'racket-red-9'"),
        ([], ban(query_item="nothing"), "no item is called 'nothing'"),
        ([], ban(query_category="rackt"), "no category is called 'rackt'"),
    ],
)
def test_what_contradicts_or_points_nowhere_is_refused(home: Profile, standing: list[RuleBody], new: RuleBody, refused: str) -> None:
    if standing:
        add(home, *standing)
    with pytest.raises(RuleRefused, match=refused):
        add(home, new)
    assert len(read_rules(home)) == len(standing)


@pytest.mark.parametrize(
    ("standing", "new"),
    [
        (ban(type="bundle"), ban(type="substitute")),
        (ban(query_item=SEED), ban()),
        (ban(valid_until=NOW + timedelta(days=1)), ban(valid_from=NOW + timedelta(days=1))),
        (pin(OTHER, type="bundle"), pin(FIRST, type="substitute")),
        (pin(OTHER), pin(FIRST, 2)),
        (ban(type="bundle"), pin()),  # kept out of bundles alone
        (ban(valid_until=NOW + timedelta(days=1)), pin(valid_from=NOW + timedelta(days=2))),
        (pin(), ban()),  # a recall must not wait for a campaign
    ],
)
def test_what_does_not_contradict_is_not_refused(home: Profile, standing: RuleBody, new: RuleBody) -> None:
    add(home, standing)
    assert add(home, new) == ["r2"]


def test_of_many_none_is_added_where_one_is_refused(home: Profile) -> None:
    for bodies in ((ban(), ban()), (ban(), ban("nothing")), (pin(OTHER), pin(FIRST))):
        with pytest.raises(RuleRefused):
            add(home, *bodies)
    with pytest.raises(RuleRefused, match="no rule r7 stands"):
        remove_rules(home, [*add(home, ban()), "r7"], by="ada", why="x")
    assert [rule.removed_at for rule in read_rules(home)] == [None]


def test_at_most_so_many_stand(home: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_RULES == 10_000
    monkeypatch.setattr(table, "MAX_RULES", 2)
    add(home, ban(), ban(OTHER))
    with pytest.raises(RuleRefused, match="over 2"):
        add(home, ban(SEED))
    remove_rules(home, ["r1"], by="ada", why="x")
    assert add(home, ban(SEED)) == ["r3"]


def test_writers_at_once_lose_no_rule_and_give_no_id_twice(home: Profile) -> None:
    items = [row["item_id"] for row in item_rows(home)[:6]]
    add(home, ban(items[0]))
    threads = [threading.Thread(target=add, args=(home, ban(item))) for item in items[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {rule.item for rule in read_rules(home)} == set(items)
    assert [rule.rule_id for rule in delivered_rules(home) or ()] == [f"r{n}" for n in range(1, 7)]


def test_before_the_first_release_nothing_can_be_pointed_to(profile: Profile) -> None:
    with pytest.raises(VersionMissing):
        add(profile, ban())
    assert export_rules(profile) is None
    assert not rules_path(profile).exists()


def test_a_file_that_a_crash_left_behind_is_made_anew(home: Profile) -> None:
    renew_rules(home)
    assert not rules_path(home).exists()
    add(home, ban())
    before = rules_path(home).stat().st_ino
    renew_rules(home)
    assert rules_path(home).stat().st_ino == before
    rules_path(home).write_text('{"version": 1, "rules": [')
    assert "clients read other rules" in check_rules(home)[0].problem
    renew_rules(home)
    assert check_rules(home) == []
    assert RulesFile(rules_path(home)).read().bans


def test_check_tells_of_rules_that_ended_point_nowhere_or_contradict(home: Profile) -> None:
    add(home, pin(OTHER), ban("pan-red-0"), ban("pen-red-0", valid_until=datetime.now(UTC) + timedelta(seconds=0.01)))
    add(home, ban(OTHER), parse_body({"kind": "sensitive_category", "category": "notebook"}))
    rows = [{**row, "category": ["office"] if row["category"][-1] == "notebook" else row["category"]} for row in item_rows(home)]
    write_rows(home, "items", rows)
    lake.delete_rows(home, "items", pa.table({"item_id": ["pan-red-0"]}), writer=find_table("items").writer)
    releases.write_release(home, "later", {"items": lake.current_version(home, "items") or 0})
    found = {(finding.rule_id, finding.problem.split(" 20")[0]) for finding in check_rules(home)}
    assert found == {
        ("r1", "rule r4 keeps 'racket-blue-0' out"),
        ("r2", "no item is called 'pan-red-0' any more"),
        ("r3", "ended"),
        ("r5", "no category is called 'notebook' any more"),
    }


def test_a_csv_holds_many_rules_with_a_reason_each(home: Profile, tmp_path: Path) -> None:
    path = tmp_path / "rules.csv"
    path.write_text(
        "\ufeffkind,item,query_item,position,valid_until,why\nban,pan-red-0,,,,recalled\npin,racket-red-1,racket-red-0,2,2030-01-01T00:00:00Z,\n"
    )
    bodies, whys = read_csv(path, "spring")
    made = add_rules(home, bodies, by="ada", why=whys)
    assert [(rule.kind, rule.item, rule.position, rule.why) for rule in made] == [("ban", "pan-red-0", None, "recalled"), ("pin", FIRST, 2, "spring")]
    assert made[1].valid_until == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("kind,item\nban,a\npin,b\n", "line 3: no such rule: a pin needs position"),
        ("kind,thing\nban,a\n", "has a column 'thing'"),
        ("kind,item\n", "holds no rule"),
        ("kind,item\nban,a,b,c\n", "line 2"),
        ("kind,item\nban,\udcff\n", "cannot be read"),
    ],
)
def test_a_csv_that_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "rules.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RuleRefused, match=wrong):
        read_csv(path, "spring")
    with pytest.raises(RuleRefused, match="cannot be read"):
        read_csv(tmp_path / "nothing.csv", "spring")
