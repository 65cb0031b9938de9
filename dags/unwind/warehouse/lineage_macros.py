"""Table macros in each release that lead from a row of a mart to its facts, for readers of SQL.

`facts_of_<mart>(<the mart's key>)` gives the facts of the row's own keys in the hours that it
reads, with their figures and their place in the raw zone. What they read follows from the
project's graph: a model's parents, its windows, and the keys that it shares with each. `unwind
explain` goes further: it runs every model on the way again, and shows the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from unwind.warehouse import lookbacks, models
from unwind.warehouse.promises import COUNTED, Mart, key_of, marts

# Columns that identify the same thing in two tables: if a row and a table that its model reads both
# have such a column, the table's rows with the same value are read.
KEYS = (
    *("venue", "instrument", "base_asset", "component", "dataset", "batch_id", "price_kind"),
    *("source", "exchange", "symbol", "liquidation_id"),
)
# A combined row is of all assets, or of all venues.
COMBINED = "ALL"
# The figure of each kind of fact, and its time.
FIGURES = {
    "fct_liquidations": ("notional_usd", "event_at"),
    "fct_open_interest": ("oi_usd", "observed_at"),
    "fct_funding": ("funding_rate", "funding_at"),
    "fct_prices": ("close_usd", "observed_at"),
    "fct_volumes": ("volume_usd", "observed_at"),
    "fct_market_caps": ("market_cap_usd", "observed_at"),
    "fct_long_short_ratio": ("long_short_ratio", "observed_at"),
}


@dataclass(frozen=True)
class Way:
    """How a kind of fact is read: by which keys, and how many hours behind a row's own."""

    fact: str
    keys: frozenset[str]
    hours: int


def statements(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Those that create the macros in schema marts of the database in use. Raises duckdb.Error."""
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns()"
        " where schema_name in ('marts', 'intermediate')"
    ).fetchall():
        columns.setdefault(table, set()).add(column)
    known: dict[str, set[Way]] = {}
    for mart in marts().values():
        ways = _narrowest(_ways(mart.name, columns, known))
        if ways and mart.name not in FIGURES and "hour_at" in columns[mart.name]:
            yield _macro(mart, ways, columns)


def _narrowest(ways: Iterable[Way]) -> dict[str, Way]:
    """For each kind of fact, the path by the most keys, then over the most hours."""
    ordered = sorted(ways, key=lambda way: (len(way.keys), way.hours))
    return {way.fact: way for way in ordered}


def _ways(model: str, columns: Mapping[str, set[str]], known: dict[str, set[Way]]) -> set[Way]:
    """All paths on which a model reads facts; `known` caches those of the models on them."""
    if model not in known:
        known[model] = set()
        keys = frozenset(KEYS) & columns.get(model, set())
        windows = lookbacks.windows().get(model, {})
        for parent in models.parents(model) & columns.keys():
            behind = windows.get(parent, 0)
            if parent in FIGURES:
                known[model].add(Way(parent, keys & columns[parent], behind))
            else:
                known[model] |= {
                    Way(way.fact, keys & way.keys, behind + way.hours)
                    for way in _ways(parent, columns, known)
                }
    return known[model]


def _macro(mart: Mart, ways: Mapping[str, Way], columns: Mapping[str, set[str]]) -> str:
    # A parameter must not have the name of a column that it is compared with.
    key = [f"the_{name}" for name in key_of(mart)]
    parts = " union all ".join(_part(mart, ways[fact], columns) for fact in sorted(ways))
    return (
        f"create or replace macro marts.facts_of_{mart.name}({', '.join(key)}, db := '') as table"
        f" {parts} order by relation, figure desc nulls last"
    )


def _part(mart: Mart, way: Way, columns: Mapping[str, set[str]]) -> str:
    fact = way.fact
    figure, time = FIGURES[fact]
    key = key_of(mart)
    where = [
        f"(the_{name} = '{COMBINED}' or {name} = the_{name})"
        for name in sorted(way.keys & set(key))
    ]
    behind = f"least({way.hours}, the_window_hours - 1)" if "window_hours" in key else way.hours
    if "minute_at" in key:
        where.append(f"date_trunc('minute', {time}) = the_minute_at::timestamp")
    else:
        # The first minutes of the next hour give the value of a stock at the hour's end.
        ahead = 0 if fact == "fct_liquidations" else 1
        hour_at = "the_hour_at::timestamp" if "hour_at" in key else _hour_of_row(mart)
        where.append(
            f"hour_at between {hour_at} - ({behind}) * interval 1 hour"
            f" and {hour_at} + interval {ahead} hour"
        )
    has = columns[fact]
    shown = {
        "relation": f"'{fact}'",
        "hour_at": "hour_at",
        "at": time,
        **{
            name: name if name in has else "null"
            for name in ("venue", "instrument", "base_asset", "liquidation_id", "liquidated_side")
        },
        "is_counted": COUNTED if fact == "fct_liquidations" else "null::boolean",
        "figure_name": f"'{figure}'",
        "figure": f"{figure}::double",
        **{name: name for name in ("raw_object", "raw_line", "row_in_line", "batch_id")},
    }
    selected = ", ".join(f"{expression} as {name}" for name, expression in shown.items())
    return (
        f"select {selected} from query_table(if(db = '', '', db || '.') || 'marts.{fact}')"
        f" where {' and '.join(where)}"
    )


def _hour_of_row(mart: Mart) -> str:
    """The hour that the row of a key stands under, of a mart whose key has no hour."""
    row = " and ".join(f"{name} = the_{name}::{_type(mart, name)}" for name in key_of(mart))
    table = f"query_table(if(db = '', '', db || '.') || 'marts.{mart.name}')"
    return f"(select any_value(hour_at) from {table} where {row})"


def _type(mart: Mart, column: str) -> str:
    return mart.column(column).data_type
