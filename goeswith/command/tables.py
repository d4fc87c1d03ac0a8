"""``goeswith tables``: the catalogue as a page; ``docs/tables.md`` is its output."""

import pyarrow as pa
import typer

from goeswith.catalogue import TABLES, Table


def tables() -> None:
    """Print what every table holds, as Markdown: goeswith tables > docs/tables.md"""
    typer.echo(tables_markdown(), nl=False)


def tables_markdown() -> str:
    """Return the catalogue as Markdown."""
    head = "# Tables\n\nMade by `goeswith tables > docs/tables.md` from `goeswith/catalogue/`; do not edit.\n"
    return head + "".join(_section(table) for table in TABLES.values())


def _section(table: Table) -> str:
    facts = f"layer {table.layer} · written by `{table.writer}` · owner {table.owner} · key `{', '.join(table.key)}`"
    if table.partition_by:
        facts += f" · partitioned by `{', '.join(table.partition_by)}`"
    if table.freshness:
        facts += f" · fresh for {table.freshness.days} days"
    rows = "".join(_row(field) for field in table.schema)
    rules = "".join(f"- {rule.says}{' (warns)' if rule.severity == 'warn' else ''}\n" for rule in table.rules)
    return f"\n## {table.name}\n\n{table.doc}\n\n{facts}\n\n| column | type | null | what |\n| --- | --- | --- | --- |\n{rows}" + (
        f"\nRules:\n\n{rules}" if rules else ""
    )


def _row(field: pa.Field) -> str:
    meta = {key.decode(): value.decode() for key, value in field.metadata.items()}
    unit = f" [{meta['unit']}]" if meta["unit"] else ""
    return f"| {field.name} | `{field.type}` | {'yes' if field.nullable else ''} | {meta['doc']}{unit} |\n"
