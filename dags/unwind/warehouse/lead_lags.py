"""The dbt model int_liquidation_lead_lags: how the venues of an hour lead each other.

NumPy is imported where two venues have enough seconds with a liquidation: in a small hour none has.
"""

from __future__ import annotations

from itertools import combinations, groupby
from typing import Any

import duckdb

from unwind.warehouse.session_rows import rows_of_parts

KEYS = {
    "hour_at": "timestamp",
    "base_asset": "varchar",
    "liquidated_side": "varchar",
    "venue": "varchar",
    "other_venue": "varchar",
}
COUNTS = ("joint_pairs", "lead_pairs", "lag_pairs", "unequal_blocks")
MEASURES = (
    *("cooccurrence_ratio", "cooccurrence_null_share_above", "lead_statistic"),
    *("null_statistic_low", "null_statistic_high", "null_share_above"),
    *("peak_lag_seconds", "peak_correlation"),
)
DIGITS = 6
SERIES, ROWS = "series_of_lead_lags", "rows_of_lead_lags"
TYPES = {**KEYS, **dict.fromkeys(COUNTS, "bigint"), **dict.fromkeys(MEASURES, "double")}


def lead_lags_of_hours(session: Any, seconds: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """One row per hour, asset, side, venue and other venue: how the one leads the other.

    `seconds` is int_liquidation_seconds; what it leaves out for a reason is in no pair.
    """
    usable = seconds.filter("left_out_reason is null").project(
        "hour_at, base_asset, liquidated_side, venue, clock_allowance_seconds, seconds,"
        " count(*) over (partition by hour_at, base_asset, liquidated_side) as venues"
    )
    session.register("usable_seconds", usable)
    session.execute(
        f"create or replace temporary table {SERIES} as"
        " select * exclude (venues) from usable_seconds where venues > 1 order by hour_at"
    )
    session.unregister("usable_seconds")
    hours = session.execute(f"select distinct hour_at from {SERIES} order by hour_at").fetchall()
    parts = (_of_hour(session, str(hour_at)) for (hour_at,) in hours)
    return rows_of_parts(session, ROWS, TYPES, parts, _value)


def _value(column: str, kind: str) -> str:
    if column in MEASURES:
        return f"if(isnan({column}), null, round({column}, {DIGITS}))"
    return f"{column}::{kind}"


def _of_hour(session: Any, hour_at: str) -> dict[str, Any]:
    """The columns of an hour's rows."""
    # Its hour as text: DuckDB imports pandas, which takes a second, for a time among parameters.
    import numpy as np

    from unwind.estimates.lead_lag import SECONDS, lead_lags

    of_hour = (
        f"from {SERIES} where hour_at = ?::timestamp order by base_asset, liquidated_side, venue"
    )
    keys = session.execute(
        f"select base_asset, liquidated_side, venue, clock_allowance_seconds {of_hour}", [hour_at]
    ).fetchall()
    places = session.execute(
        "select row, unnest(seconds) as second from (select seconds, row_number() over"
        f" (order by base_asset, liquidated_side, venue) - 1 as row {of_hour})",
        [hour_at],
    ).fetchnumpy()
    active = np.zeros((len(keys), SECONDS), dtype=np.float32)
    active[places["row"], places["second"]] = 1
    rows = [
        [row for row, _ in group] for _, group in groupby(enumerate(keys), lambda one: one[1][:2])
    ]
    pairs = np.array([pair for group in rows for pair in combinations(group, 2)])
    first, second = pairs.T
    allowance = np.array([key[3] for key in keys])
    allowance = np.maximum(allowance[first], allowance[second])
    forth, back = lead_lags(active, first, second, allowance)
    names = [np.array([key[place] for key in keys]) for place in range(3)]
    columns = [
        {
            "hour_at": np.full(len(pairs), np.datetime64(hour_at, "us")),
            **{name: names[place][one] for place, name in enumerate(tuple(KEYS)[1:4])},
            "other_venue": names[2][other],
            **found._asdict(),
        }
        for one, other, found in ((first, second, forth), (second, first, back))
    ]
    return {name: np.concatenate([of_way[name] for of_way in columns]) for name in TYPES}
