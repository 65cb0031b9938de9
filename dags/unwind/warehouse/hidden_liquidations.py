"""The dbt model int_hidden_liquidations_hourly: from published liquidations to their moments.

The moments are additive: marts sum them over hours, assets and venues, and make intervals last
(macros/hidden_liquidations.sql). NumPy is imported where something has to be estimated, as most of
a small refresh's time would go into that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from unwind.estimates.moments import Moments

# Events at a time: what is held of them in Python takes some 100 MB.
EVENTS_AT_A_TIME = 250_000
# Sums of doubles differ in their last digits between processors; tables must not.
SIGNIFICANT_DIGITS = 10

SIDES = ("total", "long", "short")
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
    "unknown_rule_channel_hours": "bigint",
    "unpriced_events": "bigint",
}
KEYS = "hour_at, venue, base_asset"
COLUMNS = [(f"{side}_{name}", kind) for side in SIDES for name, kind in TYPES.items()]


def hidden_hourly(
    session: Any, published: duckdb.DuckDBPyRelation, gaps: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """One row per hour, venue and asset of `published` (int_partly_published_liquidations).

    `gaps` are the spans that a stream missed (int_stream_gaps).
    """
    parts = [
        _moments(published.filter(within), gaps.filter(within)) for within in _spans(published)
    ]
    if not parts:
        columns = ", ".join(f"null::{kind} as {name}" for name, kind in COLUMNS)
        keys = "null::timestamp as hour_at, null::varchar as venue, null::varchar as base_asset"
        empty: duckdb.DuckDBPyRelation = session.query(f"select {keys}, {columns} limit 0")
        return empty
    import numpy as np

    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    session.register("hidden_liquidations", rows)
    columns = ", ".join(f"{name}::{kind} as {name}" for name, kind in COLUMNS)
    relation: duckdb.DuckDBPyRelation = session.query(
        f"select {KEYS}, {columns} from hidden_liquidations"
    )
    return relation


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


def _moments(published: duckdb.DuckDBPyRelation, gaps: duckdb.DuckDBPyRelation) -> dict[str, Any]:
    """Columns of one row per hour, venue and asset, the moments of its instruments added up."""
    import numpy as np

    from unwind.estimates.channels import Published, Uncovered, estimate
    from unwind.estimates.moments import LONG, SHORT, added

    order = f"order by {KEYS}"
    events = published.project(
        f"dense_rank() over ({order}, instrument) - 1 as row, published_second as second,"
        " notional_usd::double as usd,"
        f" case liquidated_side when 'long' then {LONG} when 'short' then {SHORT} else 0 end"
        " as side"
    ).fetchnumpy()
    instruments = (
        published.project(f"{KEYS}, instrument, publication_rule")
        .distinct()
        .project(
            f"*, row_number() over ({order}, instrument) - 1 as row,"
            f" dense_rank() over ({order}) - 1 as place"
        )
        .set_alias("instruments")
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
    moments = estimate(
        Published(events["row"], events["second"], usd, events["side"]),
        rows["publication_rule"],
        Uncovered(missed["row"], missed["from_second"], missed["to_second"]),
    )
    place = rows["place"]
    firsts = np.flatnonzero(np.diff(place, prepend=-1))
    keys = {name: rows[name][firsts] for name in ("hour_at", "venue", "base_asset")}
    return keys | _columns(added(moments, place, len(firsts)))


def _columns(moments: Moments) -> dict[str, Any]:
    return {
        f"{side}_{name}": _rounded(column[:, number])
        for name, column in moments._asdict().items()
        for number, side in enumerate(SIDES)
    }


def _rounded(values: Any) -> Any:
    """To significant digits; each value by itself, whatever stands beside it."""
    import numpy as np

    size = np.floor(np.log10(np.where(values == 0, 1.0, np.abs(values))))
    unit = 10.0 ** (size - SIGNIFICANT_DIGITS + 1)
    return np.round(values / unit) * unit
