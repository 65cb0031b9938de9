"""What a mart's yml states of single columns, judged for all of them in one pass over its rows.

Hundreds of columns are never null: an expectation for each took most of the gate's time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unwind.database import quoted
from unwind.warehouse.promises import Column


@dataclass(frozen=True)
class Broken:
    """What a yml states of one column: in words, as SQL where it breaks, and how a row shows it."""

    rule: str
    where: str
    shown: str


@dataclass(frozen=True)
class Together:
    """A kind of test of columns, and its expectation.

    `listed_as` is the column of a failing row that lists which of its columns are broken.
    """

    name: str
    broken: Callable[[Column, Mapping[str, Any]], Broken]
    rules: str
    separator: str
    why: str
    failure: str
    listed_as: str

    def described(self, columns: Sequence[Broken]) -> str:
        """The rules of all columns as a sentence."""
        return self.rules.format(self.separator.join(one.rule for one in columns))

    def query(self, identifying: Sequence[str], columns: Sequence[Broken]) -> str:
        """The rows in which any of the columns is broken; `{batch}` stands for the relation."""
        shown = ",\n        ".join(f"case when {one.where} then {one.shown} end" for one in columns)
        where = "\n    or ".join(one.where for one in columns)
        identified = "".join(f"    {name},\n" for name in identifying)
        return (
            f"select\n{identified}    concat_ws(\n        ', ',\n        {shown}\n    )"
            f" as {self.listed_as}\nfrom {{batch}}\nwhere\n    {where}"
        )


def _null(column: Column, _: Mapping[str, Any]) -> Broken:
    return Broken(column.name, f"{column.name} is null", f"'{column.name}'")


def _unknown(column: Column, arguments: Mapping[str, Any]) -> Broken:
    values = arguments["values"]
    listed = ", ".join(quoted(one) if isinstance(one, str) else repr(one) for one in values)
    return Broken(
        f"{column.name} is one of {', '.join(map(str, values))}",
        f"{column.name} not in ({listed})",
        _with_value(column),
    )


def _beyond(column: Column, arguments: Mapping[str, Any]) -> Broken:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    stated = [("at least", "<", low), ("at most", ">", high)]
    ends = [(word, sign, end) for word, sign, end in stated if end is not None]
    conditions = [f"{column.name} {sign} {_bound(end)}" for _, sign, end in ends]
    if column.data_type == "double" and len(ends) < len(stated):
        # NaN is above every number, and so within a range that has no upper end.
        conditions.append(f"not isfinite({column.name})")
    return Broken(
        f"{column.name} is {' and '.join(f'{word} {end}' for word, _, end in ends)}",
        " or ".join(conditions),
        _with_value(column),
    )


def _bound(end: float | str) -> str:
    """A number, or the limit of that name."""
    return f"(select {end} from gate.limits)" if isinstance(end, str) else repr(end)


def _with_value(column: Column) -> str:
    return f"'{column.name} ' || {column.name}"


# By the test's name in a yml.
TOGETHER = {
    "not_null": Together(
        name="never_null",
        broken=_null,
        rules="Never null: {}.",
        separator=", ",
        why="A query that joins or filters on it drops such a row silently.",
        failure="have a null where there is never one",
        listed_as="missing",
    ),
    "accepted_values": Together(
        name="vocabulary",
        broken=_unknown,
        rules="{}.",
        separator="; ",
        why="A value outside the vocabulary is missed by every query that filters on it.",
        failure="have a word that is not in the vocabulary",
        listed_as="unknown",
    ),
    "in_range": Together(
        name="in_range",
        broken=_beyond,
        rules="{}; or null where not known.",
        separator="; ",
        why="Beyond it a unit, a sign or a whole is taken wrongly.",
        failure="have a value out of its range",
        listed_as="beyond",
    ),
}
