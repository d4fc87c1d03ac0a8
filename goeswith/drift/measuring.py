"""All measures of one run: what is compared with what, table by table."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from goeswith import lake
from goeswith.drift.counting import Distribution, Side
from goeswith.drift.coverage import NEEDED, measure_coverage
from goeswith.drift.distributions import EDGES, ITEMS, SCORES, compare_distributions
from goeswith.drift.events import measure_events
from goeswith.drift.limits import Config
from goeswith.drift.reactions import measure_reactions, windows_before
from goeswith.drift.verdicts import Compared, Measure
from goeswith.profile import Profile
from goeswith.releases import Release

Versions = Mapping[str, int]


def measure_all(profile: Profile, reference: Release | None, current: Versions, at: datetime, config: Config) -> Iterator[Measure]:
    """Yield every measure that the lake has something to say about; a table that a side lacks is left out."""
    if reference is not None:
        yield from _measure_tables(profile, reference, current, at, config)
    feedback = lake.current_version(profile, "feedback")
    if feedback is not None:
        yield from measure_reactions(profile, feedback, windows_before(at, config.window_days), config.min_reactions)


def _measure_tables(profile: Profile, reference: Release, current: Versions, at: datetime, config: Config) -> Iterator[Measure]:
    then = {table: version for table, version in reference.versions.items() if table in current}
    for table, wanted in (("items", ITEMS), ("relations", EDGES), ("item_neighbours", SCORES)):
        if table in then:
            yield from _compare(profile, table, wanted, _compared(reference, table, current))
    if "events" in then:
        before, after = (Side(profile=profile, table="events", version=versions["events"]) for versions in (then, current))
        compared = _compared(reference, "events", current)
        yield from measure_events(before, after, compared, at=at, num_days=config.window_days, items_version=then.get("items"))
    if all(table in then for table in NEEDED):
        yield from measure_coverage(profile, then, current, _compared(reference, "item_neighbours", current))


def _compared(reference: Release, table: str, current: Versions) -> Compared:
    return Compared(reference=reference.name, reference_version=reference.versions[table], current_version=current[table])


def _compare(profile: Profile, table: str, wanted: tuple[Distribution, ...], compared: Compared) -> Iterator[Measure]:
    before, after = (Side(profile=profile, table=table, version=v) for v in (compared.reference_version, compared.current_version))
    for distribution in wanted:
        yield from compare_distributions(distribution, before, after, compared)
