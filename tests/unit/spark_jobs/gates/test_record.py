"""The rows that keep what a gate saw."""

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.profile import Profile
from spark_jobs.gates.outcome import Outcome, Report
from spark_jobs.gates.record import build_rows, write_report

GOOD = Outcome(expectation="a is not null", success=True, unexpected=0)
BROKEN = Outcome(expectation="price is at least 0", success=False, unexpected=3, sample="[-1.0]")
CRASH = Outcome(expectation="the gate runs", success=False, crashed=True, observed='{"error": "np.bool"}')


def report(*outcomes: Outcome, version: int = 4) -> Report:
    return Report(table="items", version=version, outcomes=outcomes)


def test_each_row_fits_the_catalogue_and_carries_the_decision_on_the_version() -> None:
    rows = build_rows("r1", report(GOOD, BROKEN))
    assert rows.schema.equals(find_table("gate_results").schema)
    assert rows["decision"].to_pylist() == ["stop", "stop"]


def test_the_same_report_again_writes_nothing_and_another_replaces_it(profile: Profile) -> None:
    write_report(profile, "r1", report(CRASH))
    version = lake.current_version(profile, "gate_results")
    write_report(profile, "r1", report(CRASH))
    assert lake.current_version(profile, "gate_results") == version
    write_report(profile, "r1", report(GOOD))
    assert lake.read_table(profile, "gate_results")["expectation"].to_pylist() == [GOOD.expectation]


def test_reports_of_other_versions_and_runs_stay(profile: Profile) -> None:
    write_report(profile, "r1", report(BROKEN, version=4))
    write_report(profile, "r1", report(GOOD, version=5))
    write_report(profile, "r2", report(GOOD, version=5))
    rows = lake.read_table(profile, "gate_results").sort_by([("run", "ascending"), ("version", "ascending")])
    assert rows.select(["run", "version", "decision"]).to_pylist() == [
        {"run": "r1", "version": 4, "decision": "stop"},
        {"run": "r1", "version": 5, "decision": "pass"},
        {"run": "r2", "version": 5, "decision": "pass"},
    ]
