"""The dbt models int_hidden_liquidations_hourly and _minutely: from published events to moments.

The moments are additive: marts sum them over hours, assets and venues, and make intervals last
(macros/hidden_liquidations.sql). NumPy is imported where something has to be estimated, as most of
a small refresh's time would go into that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb

from unwind.warehouse.session_rows import rows_of_parts

if TYPE_CHECKING:
    from unwind.estimates.moments import Moments

# Events at a time: what is held of them in Python takes some 100 MB.
EVENTS_AT_A_TIME = 250_000
# Sums of doubles differ in their last digits between processors; tables must not.
SIGNIFICANT_DIGITS = 10

SIDES = ("total", "long", "short")
MINUTES = 60
TYPES = {
    "published_events": "bigint",
    "unestimated_events": "bigint",
    "hidden_events": "decimal(38, 6)",
    "hidden_events_variance": "decimal(38, 6)",
    "published_usd": "decimal(38, 4)",
    "unestimated_usd": "decimal(38, 4)",
    "hidden_usd": "decimal(38, 4)",
    "hidden_usd_variance": "decimal(38, 4)",
    "estimated_channel_hours": "bigint",
    "saturated_channel_hours": "bigint",
    "uncovered_channel_hours": "bigint",
    "too_even_channel_hours": "bigint",
    "unknown_rule_channel_hours": "bigint",
    "unpriced_events": "bigint",
}
KEYS = {"hour_at": "timestamp", "venue": "varchar", "base_asset": "varchar"}
MINUTE = {"minute_at": "timestamp"}
# The latest seal behind the venue's hour, the same in all of its events.
AVAILABLE = {"available_at": "timestamp"}
COLUMNS = [(f"{side}_{name}", kind) for side in SIDES for name, kind in TYPES.items()]


def hidden_hourly(
    session: Any, published: duckdb.DuckDBPyRelation, gaps: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """One row per hour, venue and asset of `published` (int_partly_published_liquidations).

    `gaps` are the spans that a stream missed (int_stream_gaps).
    """
    return _table(session, published, gaps, by_minute=False)


def hidden_minutely(
    session: Any, published: duckdb.DuckDBPyRelation, gaps: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """The same by minute of the events; one row per minute with an event."""
    return _table(session, published, gaps, by_minute=True)


def _table(
    session: Any,
    published: duckdb.DuckDBPyRelation,
    gaps: duckdb.DuckDBPyRelation,
    by_minute: bool,
) -> duckdb.DuckDBPyRelation:
    types = {**(MINUTE if by_minute else {}), **KEYS, **dict(COLUMNS), **AVAILABLE}
    parts = (
        _moments(published.filter(within), gaps.filter(within), by_minute)
        for within in _spans(published)
    )
    name = f"hidden_{'minutely' if by_minute else 'hourly'}"
    return rows_of_parts(session, name, types, parts)


def _spans(published: duckdb.DuckDBPyRelation) -> Iterator[str]:
    """Conditions on `hour_at` that divide the events into parts of a bounded size."""
    counts = published.aggregate("hour_at, count(*) as events").order("hour_at").fetchall()
    part: list[datetime] = []
    events = 0
    for hour_at, count in counts:
        if part and events + count > EVENTS_AT_A_TIME:
            yield _within(part)
            part, events = [], 0
        part.append(hour_at)
        events += count
    if part:
        yield _within(part)


def _within(hours: Sequence[datetime]) -> str:
    return f"hour_at between timestamp '{hours[0]}' and timestamp '{hours[-1]}'"


def _moments(
    published: duckdb.DuckDBPyRelation, gaps: duckdb.DuckDBPyRelation, by_minute: bool
) -> dict[str, Any]:
    """Columns of one row per hour (or minute), venue and asset, its instruments added up."""
    import numpy as np

    from unwind.estimates.channels import Published, Uncovered, estimate_parts
    from unwind.estimates.moments import LONG, SHORT, added

    keys = ", ".join(KEYS)
    order = f"order by {keys}"
    instruments = (
        published.project(f"{keys}, instrument, publication_rule, available_at")
        .distinct()
        .project(
            f"*, row_number() over ({order}, instrument) - 1 as row,"
            f" dense_rank() over ({order}) - 1 as place"
        )
        .set_alias("instruments")
    )
    # Looked up in a few hundred rows: ranking all events would sort them.
    same = (f"events.{name} = instruments.{name}" for name in (*KEYS, "instrument"))
    events = (
        published.set_alias("events")
        .join(instruments, " and ".join(same))
        .project(
            "row, published_second as second, notional_usd::double as usd,"
            f" case liquidated_side when 'long' then {LONG} when 'short' then {SHORT} else 0 end"
            f" as side, {'event_minute' if by_minute else '0'} as minute"
        )
        .fetchnumpy()
    )
    rows = instruments.order("row").fetchnumpy()
    missed = (
        instruments.join(
            gaps.set_alias("gaps"),
            "instruments.hour_at = gaps.hour_at and instruments.venue = gaps.venue",
        )
        .project("row, from_second, to_second")
        .fetchnumpy()
    )
    usd = np.ma.filled(events["usd"].astype(np.float64), np.nan)
    row, minute, moments = estimate_parts(
        Published(events["row"], events["second"], usd, events["side"]),
        events["minute"],
        rows["publication_rule"],
        Uncovered(missed["row"], missed["from_second"], missed["to_second"]),
    )
    # Instruments of an asset, in the same minute.
    places, first, place = np.unique(
        rows["place"][row] * MINUTES + minute, return_index=True, return_inverse=True
    )
    columns = {name: rows[name][row[first]] for name in (*KEYS, *AVAILABLE)}
    # An array of objects becomes a column by way of pandas, whose import takes a second.
    columns |= {name: columns[name].astype(str) for name in ("venue", "base_asset")}
    if by_minute:
        columns["minute_at"] = columns["hour_at"] + minute[first] * np.timedelta64(1, "m")
    return columns | _columns(added(moments, place, len(places)))


def _columns(moments: Moments) -> dict[str, Any]:
    return {
        f"{side}_{name}": _estimate(column[:, number]) if "hidden" in name else column[:, number]
        for name, column in moments._asdict().items()
        for number, side in enumerate(SIDES)
    }


def _estimate(values: Any) -> Any:
    """Estimates to significant digits; each value by itself, whatever stands beside it."""
    import numpy as np

    size = np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values))))
    unit = 10.0 ** (size - SIGNIFICANT_DIGITS + 1)
    return np.round(values / unit) * unit
