"""The catalogue's rules in words, and where a gate's frame shows what breaks them."""

from typing import assert_never

from goeswith.catalogue import Between, Differ, OneOf, References, Rule


def describe_rule(rule: Rule) -> str:
    """Return what a rule says, in a few words: the expectation's name in ``gate_results``."""
    match rule:
        case Between(column=column, low=low, high=high):
            bounds = [f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else ""]
            return f"{column} is {' and '.join(filter(None, bounds))}"
        case OneOf(column=column, values=values):
            return f"{column} is one of {', '.join(values)}"
        case References(column=column, table=table, to=to):
            return f"{column} is in {table}.{to}"
        case Differ(left=left, right=right):
            return f"{left} differs from {right}"
        case _:
            assert_never(rule)


def offence_column(rule: References | Differ) -> str:
    """Return the name of the derived column that holds the value which breaks a rule over several columns or tables, else null."""
    match rule:
        case References(column=column, table=table):
            return f"{column}__not_in__{table}"
        case Differ(left=left, right=right):
            return f"{left}__equals__{right}"
        case _:
            assert_never(rule)
