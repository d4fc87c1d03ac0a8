"""The table ``merchandising_rules``, and the file that hands its rules to clients: changed by one process at a time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.profile import Profile
from goeswith.results import hold_file, write_atomically
from goeswith_client.rules import MAX_RULES, Rule, RuleBody
from goeswith_client.rules_file import RULES_FILE, RulesContent
from serving.rules.recorded import Recorded, RuleRefused, check_said
from serving.rules.refusals import Finding, find_problems, refuse_contradictions, refuse_unknown
from serving.rules.shop import read_shop

TABLE = "merchandising_rules"
SHOWN_IDS = 5


def rules_path(profile: Profile) -> Path:
    """Return where clients read the rules: beside the other features."""
    return profile.features / RULES_FILE


def read_rules(profile: Profile) -> list[Recorded]:
    """Return all rules that ever were, oldest first; none before the first."""
    if lake.current_version(profile, TABLE) is None:
        return []
    found = [Recorded.model_validate(row) for row in lake.read_table(profile, TABLE).to_pylist()]
    return sorted(found, key=lambda rule: rule.number)


def standing_rules(profile: Profile) -> list[Recorded]:
    """Return the rules that were not removed, oldest first; those to come and those that ended included."""
    return [rule for rule in read_rules(profile) if rule.removed_at is None]


def add_rules(profile: Profile, bodies: Sequence[RuleBody], *, by: str, why: str | Sequence[str]) -> list[Recorded]:
    """Add rules, all or none, and return them as they stand from now on; ``why`` is one reason for all, or one each.

    Raises ``RuleRefused`` for an item or a category that the newest release does not have (with the nearest), a rule that stands already,
    two pins on one place, a pin of an item that is kept out, too many rules, or no reason; ``VersionMissing`` before the first release.
    """
    whys = [why] * len(bodies) if isinstance(why, str) else list(why)
    check_said(by, whys)
    shop = read_shop(profile, bodies)
    refuse_unknown(profile, bodies, shop)
    with _changing(profile):
        every = read_rules(profile)
        standing = [rule for rule in every if rule.removed_at is None]
        if len(standing) + len(bodies) > MAX_RULES:
            raise RuleRefused(f"{len(standing)} rules stand, {len(bodies)} more are over {MAX_RULES}", "remove some: goeswith rules check")
        first, now = 1 + max((rule.number for rule in every), default=0), datetime.now(UTC)
        made = [
            Recorded(**body.model_dump(), rule_id=f"r{first + n}", created_at=now, created_by=by, why=reason)
            for n, (body, reason) in enumerate(zip(bodies, whys, strict=True))
        ]
        refuse_contradictions(standing, made, shop)
        _write(profile, made)
    return made


def remove_rules(profile: Profile, rule_ids: Iterable[str], *, by: str, why: str) -> list[Recorded]:
    """Remove rules, all or none, and return them: their rows stay, and say who did it. Raises ``RuleRefused`` where one does not stand."""
    check_said(by, [why])
    with _changing(profile):
        standing = {rule.rule_id: rule for rule in standing_rules(profile)}
        wanted = list(dict.fromkeys(rule_ids))
        if unknown := [rule_id for rule_id in wanted if rule_id not in standing]:
            raise RuleRefused(f"no rule {', '.join(unknown[:SHOWN_IDS])} stands", "see which do: goeswith rules list")
        ended = {"removed_at": datetime.now(UTC), "removed_by": by, "removed_why": why}
        removed = [Recorded.model_validate({**standing[rule_id].model_dump(), **ended}) for rule_id in wanted]
        _write(profile, removed)
    return removed


def check_rules(profile: Profile) -> list[Finding]:
    """Return what is wrong with the rules that stand. Raises ``VersionMissing`` before the first release."""
    standing = [rule.rule for rule in standing_rules(profile)]
    return list(find_problems(standing, delivered_rules(profile), read_shop(profile, standing)))


def export_rules(profile: Profile) -> Path | None:
    """Write the file that clients read, from the table, and return its path; None, and no file, where there never was a rule."""
    with _changing(profile):
        return _export(profile)


def renew_rules(profile: Profile) -> None:
    """Write the file that clients read where it does not hold what the table does: a crash may have come between the two."""
    standing = tuple(rule.rule for rule in standing_rules(profile))
    if standing and delivered_rules(profile) != standing:
        export_rules(profile)


@contextmanager
def _changing(profile: Profile) -> Iterator[None]:
    """One process at a time, or two could give one id to two rules, and the older file could replace the newer."""
    with hold_file(profile.root / "rules"):
        yield


def _write(profile: Profile, rules: Sequence[Recorded]) -> None:
    rows = pa.Table.from_pylist([rule.model_dump() for rule in rules], schema=find_table(TABLE).schema)
    lake.write_table(profile, TABLE, rows, writer=Writer.SERVING)
    _export(profile)


def _export(profile: Profile) -> Path | None:
    version = lake.current_version(profile, TABLE)
    if version is None:
        return None
    content = RulesContent(version=version, rules=tuple(rule.rule for rule in standing_rules(profile)))
    return write_atomically(rules_path(profile), content.model_dump_json() + "\n")


def delivered_rules(profile: Profile) -> tuple[Rule, ...] | None:
    """Return the rules in the file that clients read; None where it is missing or damaged."""
    try:
        return RulesContent.model_validate_json(rules_path(profile).read_bytes()).rules
    except (OSError, ValueError):
        return None
