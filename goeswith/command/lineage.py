"""``goeswith lineage``: from which rows, by which runs, a served model or a table's version came."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goeswith.errors import VersionMissing

if TYPE_CHECKING:
    from goeswith.lineage.refs import Ref
    from goeswith.profile import Profile


def lineage(
    what: Annotated[str, typer.Argument(help="The number of a served model version, a table (its newest version), or TABLE@VERSION.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which step of which run made a thing, what that had read, and so on back to the sources.

    Examples: goeswith lineage 3

              goeswith lineage relations
    """
    from goeswith.lineage.history import trace
    from goeswith.profile import load_profile

    profile = load_profile()
    ref = find_ref(profile, what)
    steps = trace(profile, ref)
    if not steps:
        raise VersionMissing(f"no run says that it made {ref}", "runs of before lineage was recorded do not: run the DAG that makes it")
    if as_json:
        typer.echo(json.dumps([asdict(step) for step in steps]))
        return
    table = Table("made", "by", "of run", "from", title=f"How {ref} came to be", title_justify="left")
    for step in steps:
        table.add_row(*map(escape, (str(step.made), step.step, step.run, "\n".join(map(str, step.inputs)))), end_section=True)
    Console().print(table)


def find_ref(profile: "Profile", what: str) -> "Ref":
    """Return what is meant. Raises ``VersionMissing`` for a version that there is not, ``ConfigError`` for an unknown table."""
    from goeswith import lake
    from goeswith.lineage.history import find_served
    from goeswith.lineage.refs import Kind, Ref

    if what.isdigit():
        served = find_served(profile, int(what))
        if served is None:
            raise VersionMissing(f"no run says that it published version {what}", "goeswith rollout history lists the versions there are")
        return served
    name, _, version = what.partition("@")
    wanted = int(version) if version.isdigit() else lake.open_table(profile, name).version()
    return Ref(Kind.TABLE, name, lake.content_version(profile, name, wanted))
