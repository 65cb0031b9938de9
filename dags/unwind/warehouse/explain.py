"""From rows of a mart, by every model's own SQL, down to the rows that were read from raw bytes.

Each model on the way is run again on what is given alone (unwind.warehouse.miniature). A step whose
rows come out the same is proven: nothing else went into them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import duckdb

from unwind.database import row_of
from unwind.errors import UnknownNameError
from unwind.progress import Progress, no_progress
from unwind.settings import Home
from unwind.warehouse.lineage import RawReader
from unwind.warehouse.miniature import WIDENED, Miniature, Reading, Relation, UnexplainedError
from unwind.warehouse.promises import COUNTED, Mart, key_of, marts
from unwind.warehouse.raw_rows import row_of_line

# The most rows that one explanation covers.
MAX_ROWS = 100
# What a figure may be a sum of: these columns of facts, over one of these windows, by side.
FIGURES = (
    *("notional_usd", "oi_usd", "oi_base", "volume_usd", "volume_base", "market_cap_usd"),
    *("funding_rate", "close_usd", "long_short_ratio", "total_usd"),
)
WINDOWS_HOURS = (1, 4, 12, 24, 168, 720)
# Instead of a column: some rows did not come out at all.
ROWS = "rows"


class UnknownFigureError(UnexplainedError, UnknownNameError):
    """An argument names a mart or a column that is not there."""


@dataclass(frozen=True)
class Step:
    """A relation on the way: how many of its rows went in, and whether they give the next ones.

    `reads` are the relations that its rows are built from; raw lines (`is_read_from_raw`), seeds
    and the warehouse's own records have none. `differing` names the columns that differed
    when the model was run on just the rows that it reads; null if it was not run.
    """

    relation: str
    rows: int
    first_at: Any
    last_at: Any
    reads: tuple[str, ...]
    is_read_from_raw: bool
    differing: tuple[str, ...] | None


@dataclass(frozen=True)
class Fact:
    """A row read from a raw line, and its contribution to the explained figure.

    `contribution` is null if the figure is not a sum of these rows. `raw_name` names the raw
    object, whose bytes have been verified; `raw_row` is the row within the line, null if the line
    is the row.
    """

    relation: str
    row: dict[str, Any]
    contribution: Any
    raw_name: str
    raw_line: str
    raw_row: str | None


@dataclass(frozen=True)
class Explanation:
    """What rows of a mart are made of, from the mart to the facts.

    `figure` is the column explained, `sum_of` how it is a sum of facts in words; null where it is
    none.
    """

    mart: Mart
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    figure: str | None
    value: Any
    sum_of: str | None
    code: str
    steps: tuple[Step, ...]
    facts: tuple[Fact, ...]
    fact_count: int


def explain(
    home: Home,
    mart: str,
    where: str,
    figure: str | None = None,
    max_facts: int | None = 10,
    report: Progress = no_progress,
) -> Explanation:
    """Explains the rows of a mart that a condition selects, and a figure of theirs.

    `max_facts` bounds the facts that are given, with their raw bytes, of each kind.

    Raises UnexplainedError for no such mart, column or row, for too many rows, or for a condition
    that cannot be read; NoReleaseError; DamagedLineageError for raw bytes that have changed.
    """
    known = marts()
    if mart not in known:
        raise UnknownFigureError(f"no mart {mart!r}; there are {', '.join(sorted(known))}")
    with Miniature(home) as mini:
        relation = mini.relations[mart]
        try:
            mini.give(mart, f"select * from {relation.path} where {where}")
        except duckdb.Error as error:
            raise UnexplainedError(
                f"--where cannot be read: {error}\nWrite a condition on columns of {mart}, such as "
                "\"hour_at = '2026-01-29 14:00' and base_asset = 'BTC'\""
            ) from None
        rows = mini.count(mart)
        if not 0 < rows <= MAX_ROWS:
            raise UnexplainedError(
                f"{rows:,} rows of {mart} are where {where}; an explanation is of 1 to {MAX_ROWS}: "
                f"name the row by {', '.join(key_of(known[mart]))}"
            )
        figure = _figure(mini, known[mart], relation, figure)
        steps = _steps(mini, mart, figure, report)
        value = None
        if figure:
            value = row_of(mini.connection, f"select any_value({figure}) from {relation.given}")[0]
        leaves = [step.relation for step in steps if mini.relations[step.relation].is_read_from_raw]
        sums = _sum_of(mini, relation, figure, value if rows == 1 else None, leaves)
        facts = _facts(mini, RawReader(home), leaves, sums, max_facts)
        answer = mini.connection.execute(f"from {relation.given}")
        columns = tuple(column[0] for column in answer.description or ())
        code = mini.has_code[mart].read_text() if mart in mini.has_code else ""
        return Explanation(
            mart=known[mart],
            columns=columns,
            rows=tuple(answer.fetchall()),
            figure=figure,
            value=value,
            sum_of=sums.sentence if sums else None,
            code=code,
            steps=tuple(steps),
            facts=tuple(facts),
            fact_count=sum(mini.count(leaf) for leaf in leaves),
        )


def _figure(mini: Miniature, mart: Mart, relation: Relation, figure: str | None) -> str | None:
    """The column to explain: the one that was asked for, else the first number that is known."""
    if figure is not None:
        if figure not in relation.columns:
            raise UnknownFigureError(
                f"{mart.name} has no column {figure!r}; it has {', '.join(relation.columns)}"
            )
        return figure
    for name, kind in relation.columns.items():
        is_number = kind.startswith(("DECIMAL", "DOUBLE", "BIGINT"))
        if is_number and name not in key_of(mart):
            known = f"select bool_and({name} is not null) from {relation.given}"
            if row_of(mini.connection, known)[0]:
                return name
    return None


def _steps(mini: Miniature, mart: str, figure: str | None, report: Progress) -> list[Step]:
    """Fills each relation on the way with the rows that are read, and runs each model on them."""
    order = _from_mart_to_facts(mini, mart)
    readings: dict[str, list[Reading]] = {}
    steps = []
    for done, name in enumerate(order):
        report("explaining", done, len(order))
        if name != mart and name not in readings:
            # Those that read it have no rows.
            mini.give(name, f"select * from {mini.relations[name].path} limit 0")
        parents = mini.parents(name)
        differing = None
        if parents and mini.count(name):
            differing = read_back(mini, name, parents, readings, figure if name == mart else None)
        steps.append(_step(mini, name, parents, differing))
    return steps


def read_back(
    mini: Miniature,
    name: str,
    parents: Sequence[Relation],
    readings: dict[str, list[Reading]],
    figure: str | None,
) -> tuple[str, ...]:
    """Gives what a model reads of its parents: what gives its rows, or the figure, again."""
    differing: tuple[str, ...] = ()
    for widened in WIDENED:
        tried = {
            one.name: [*readings.get(one.name, []), mini.reading(name, one, widened)]
            for one in parents
        }
        for one in parents:
            mini.give_read(one, tried[one.name])
        differing = _differing(mini, name)
        if not differing or (figure and figure not in differing and ROWS not in differing):
            break
    readings |= tried
    return differing


def _differing(mini: Miniature, name: str) -> tuple[str, ...]:
    """The columns in which a model's given rows differ from those of another run."""
    relation = mini.relations[name]
    again = mini.again(name)
    columns = ", ".join(relation.columns)
    lost = f"select {columns} from {relation.given} except select {columns} from {again}"
    if not row_of(mini.connection, f"select count(*) from ({lost})")[0]:
        return ()
    key = key_of(marts()[name]) if name in marts() else ()
    if not key:
        return (ROWS,)
    same = " and ".join(f"m.{one} is not distinct from a.{one}" for one in key)
    differ = ", ".join(f"bool_or(m.{one} is distinct from a.{one})" for one in relation.columns)
    flags = row_of(
        mini.connection,
        f"select count(a.{key[0]}) < count(*), {differ}"
        f" from {relation.given} as m left join {again} as a on {same}",
    )
    if flags[0]:
        return (ROWS,)
    return tuple(one for one, is_so in zip(relation.columns, flags[1:], strict=True) if is_so)


def _step(
    mini: Miniature, name: str, parents: Sequence[Relation], differing: tuple[str, ...] | None
) -> Step:
    relation = mini.relations[name]
    hours = (None, None)
    if "hour_at" in relation.columns:
        hours = row_of(mini.connection, f"select min(hour_at), max(hour_at) from {relation.given}")
    return Step(
        relation=name,
        rows=mini.count(name),
        first_at=hours[0],
        last_at=hours[1],
        reads=tuple(one.name for one in parents),
        is_read_from_raw=relation.is_read_from_raw,
        differing=differing,
    )


def _from_mart_to_facts(mini: Miniature, mart: str) -> list[str]:
    """Every relation on the way, each after all that read it."""
    found: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name not in seen:
            seen.add(name)
            for parent in mini.parents(name):
                visit(parent.name)
            found.append(name)

    visit(mart)
    return found[::-1]


@dataclass(frozen=True)
class _Sum:
    """How a figure is a sum over facts: a relation, the summand, and which of its rows."""

    relation: str
    summand: str
    condition: str
    sentence: str


def _sum_of(
    mini: Miniature, mart: Relation, figure: str | None, value: Any, leaves: Sequence[str]
) -> _Sum | None:
    """The first of the sums over facts that is the value; null where none is."""
    if figure is None or value is None:
        return None
    for leaf in leaves:
        relation = mini.relations[leaf]
        for one in _sums(mini, mart, relation):
            total = row_of(
                mini.connection,
                f"select sum({one.summand}) from {relation.given} as p where {one.condition}",
            )[0]
            if total is not None and abs(float(total) - float(value)) <= 1e-9 * abs(float(value)):
                return one
    return None


def _sums(mini: Miniature, mart: Relation, facts: Relation) -> Iterator[_Sum]:
    """Sums that a figure may be: of each summand, by side, over its minute or a window of hours."""
    sides = {"": "true"}
    if "liquidated_side" in facts.columns:
        sides = {"": COUNTED} | {
            f" of {side}s": f"{COUNTED} and liquidated_side = '{side}'"
            for side in ("long", "short")
        }
    spans = {"": "true"}
    if "minute_at" in mart.columns and "event_at" in facts.columns:
        spans = {
            " in the minute": "date_trunc('minute', event_at) in"
            f" (select minute_at from {mart.given})"
        }
    elif "hour_at" in mart.columns and "hour_at" in facts.columns:
        hour_at = f"(select any_value(hour_at) from {mart.given})"
        spans = {
            f" in {hours} h": f"p.hour_at > {hour_at} - interval {hours} hour"
            f" and p.hour_at <= {hour_at}"
            for hours in WINDOWS_HOURS
        }
    of_row = mini.reading(mart.name, facts, frozenset()).keys
    summands = [one for one in FIGURES if one in facts.columns] + ["1"]
    for summand, (side, of_side), (span, within) in product(summands, sides.items(), spans.items()):
        what = "the number of rows" if summand == "1" else f"the sum of {summand}"
        yield _Sum(
            facts.name,
            summand,
            f"{of_row} and {of_side} and {within}",
            f"{what} of {facts.name}{side}{span}",
        )


def _facts(
    mini: Miniature,
    reader: RawReader,
    leaves: Sequence[str],
    total: _Sum | None,
    max_facts: int | None,
) -> Iterator[Fact]:
    """Facts with the largest contributions first; of a figure that is no sum, the largest facts."""
    for leaf in leaves:
        relation = mini.relations[leaf]
        largest = next((one for one in FIGURES if one in relation.columns), "null")
        contribution = "null"
        if total is not None and total.relation == leaf:
            contribution = f"case when {total.condition} then {total.summand} end"
        limit = "" if max_facts is None else f" limit {max_facts}"
        answer = mini.connection.execute(
            f"select {contribution} as contribution, p.* from {relation.given} as p"
            f" order by contribution desc nulls last, abs({largest}) desc nulls last,"
            f" raw_object, raw_line{limit}"
        )
        names = [column[0] for column in answer.description or ()][1:]
        for added, *values in answer.fetchall():
            row = dict(zip(names, values, strict=True))
            raw = reader.line(row["batch_id"], row["raw_object"], row["raw_line"])
            alone = row_of_line(raw.text, row.get("row_in_line", 1), row)
            yield Fact(leaf, row, added, raw.name, raw.text, alone)
