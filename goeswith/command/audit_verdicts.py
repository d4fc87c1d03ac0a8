"""``goeswith audit-verdicts``: a person labels a sample of a judge's verdicts, and learns how often each label is right."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from goeswith.profile import load_profile
from goeswith.releases import released_versions

if TYPE_CHECKING:
    from goeswith.audit.precision import Precision


def audit_verdicts(
    judge: Annotated[str, typer.Option(help="Whose verdicts; may be left out where one judge alone has given some.")] = "",
    per_stratum: Annotated[int, typer.Option(min=1, help="Verdicts to ask about of each label and fate (kept, moved, dropped).")] = 20,
    seed: Annotated[int, typer.Option(help="Which sample.")] = 0,
    report: Annotated[bool, typer.Option("--report", help="Print how often each label is right, and ask nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --report: print JSON.")] = False,
) -> None:
    """Label a sample of verdicts without seeing them; answers are kept as item ids, and it goes on where it stopped.

    Answers are read from standard input, one a line. The report counts answers about verdicts that still stand.

    Examples: goeswith audit-verdicts --judge flan-t5 --per-stratum 30

              goeswith audit-verdicts --report --json
    """
    from goeswith.audit.answers import answers_path, read_answers
    from goeswith.audit.asking import ask_person
    from goeswith.audit.precision import measure_precision
    from goeswith.audit.sample import choose_judge, draw_sample, read_verdicts

    profile = load_profile()
    versions = released_versions(profile)
    name = choose_judge(profile, versions, judge)
    verdicts = read_verdicts(profile, versions, name)
    if report:
        _report(name, measure_precision(verdicts, read_answers(answers_path(profile, name))), as_json=as_json)
    else:
        ask_person(profile, versions, name, draw_sample(verdicts, per_stratum=per_stratum, seed=seed))


def _report(judge: str, rows: "Sequence[Precision]", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([{"judge": judge, **asdict(row)} for row in rows]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("label", "fate", "verdicts", "answered", "right", "precision", title=f"verdicts of {judge}", title_justify="left")
    for row in rows:
        value = "" if row.precision is None else f"{row.precision:.3f} [{row.low:.3f}, {row.high:.3f}]"
        table.add_row(row.label, row.fate, f"{row.verdicts:,}", str(row.answered), str(row.right), value)
    Console().print(table if rows else f"{judge} has given no verdict that an edge was kept, moved or dropped by", highlight=False)
