"""The command ``goeswith``: each subcommand imports what it needs when it is called, so ``--help`` is quick."""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from goeswith.command import (
    ask,
    audit_verdicts,
    backup,
    bench,
    cards,
    demo,
    doctor,
    drift,
    evaluate,
    experiments,
    export,
    features,
    figures,
    forget,
    gates,
    job,
    keys,
    lineage,
    maintain,
    pools,
    quarantine,
    report,
    rollout,
    rules,
    run,
    runs,
    servers,
    stream,
    submit,
    tables,
)
from goeswith.command.worker import obey_orders
from goeswith.errors import GoeswithError

app = typer.Typer(
    name="goeswith",
    help="What replaces an item, what goes with it, what completes a bundle - and why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.command()(doctor.doctor)
app.command()(demo.demo)
app.command()(run.run)
app.command()(stream.stream)
app.command()(job.job)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(submit.submit)
for server_command in (servers.up, servers.down, servers.status):
    app.command()(server_command)
app.add_typer(rollout.app)
app.add_typer(ask.app)
app.command()(ask.explain)
app.add_typer(quarantine.app)
app.add_typer(gates.app)
app.add_typer(features.app)
app.add_typer(keys.app)
app.add_typer(rules.app)
app.add_typer(experiments.app)
app.command()(runs.runs)
app.command()(drift.drift)
app.command()(lineage.lineage)
app.command("audit-verdicts")(audit_verdicts.audit_verdicts)
app.command()(evaluate.evaluate)
app.add_typer(bench.app)
app.add_typer(export.app)
app.command()(report.report)
app.command()(figures.figures)
app.command()(cards.cards)
app.command()(tables.tables)
app.command()(maintain.maintain)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(pools.pools)
app.command()(forget.forget_user)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and debug logs.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what each step logs.")] = False,
) -> None:
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@app.command(hidden=True)
def worker() -> None:
    """Run the commands that standard input brings, one after the other in this process."""
    obey_orders(call)


def main() -> None:
    """Run the command that this process was started with."""
    sys.exit(call(sys.argv[1:]))


def call(words: Sequence[str]) -> int:
    """Run a command and return its exit code; errors of the tree become one message, never a traceback (but with --debug)."""
    try:
        app(list(words))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except GoeswithError as error:
        if "--debug" in sys.argv:
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    main()
