"""Estimates from columns, as DuckDB's `fetchnumpy` or Arrow give them, to columns.

A dbt Python model that hands its rows over reads `estimate_table`, sums the moments in SQL or by
`moments.added`, and makes intervals of the sums by `interval_table`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unwind.estimates import intervals
from unwind.estimates.channels import NO_GAPS, UNKNOWN, Published, Uncovered, estimate
from unwind.estimates.moments import LONG, SHORT, SIDES, Moments

Columns = Mapping[str, NDArray[Any]]


def estimate_table(
    events: Columns, rules: Sequence[str | None] | NDArray[Any], gaps: Columns | None = None
) -> dict[str, NDArray[Any]]:
    """The moments of instrument-hours, three rows each: all, long, short.

    `events`: `row` (position of the instrument-hour in `rules`), `published_second` (0 to 3599),
    `notional_usd` (null where unknown), `liquidated_side` (long, short or anything else). `rules`:
    a publication rule each; null is unknown. `gaps`: `row`, `from_second`, `to_second`.

    Gives `row`, `liquidated_side` and a column for each of Moments. Raises ValueError as
    `estimate` does.
    """
    side = np.asarray(events["liquidated_side"], dtype=object)
    published = Published(
        np.asarray(events["row"], dtype=np.int64),
        np.asarray(events["published_second"], dtype=np.int64),
        _floats(events["notional_usd"]),
        np.select([side == "long", side == "short"], [LONG, SHORT], 0),
    )
    known = np.array([rule if isinstance(rule, str) else UNKNOWN for rule in rules], dtype=object)
    uncovered = NO_GAPS
    if gaps is not None:
        uncovered = Uncovered(
            np.asarray(gaps["row"], dtype=np.int64),
            _floats(gaps["from_second"]),
            _floats(gaps["to_second"]),
        )
    moments = estimate(published, known, uncovered)
    return {
        "row": np.repeat(np.arange(len(known)), len(SIDES)),
        "liquidated_side": np.tile(np.array(SIDES, dtype=object), len(known)),
        **{name: column.ravel() for name, column in moments._asdict().items()},
    }


def interval_table(sums: Columns) -> dict[str, NDArray[Any]]:
    """Intervals of rows of summed moments, whose columns are named as in Moments.

    Gives `events_low`, `events_mid`, `events_high`, `has_unestimated_events`,
    `estimated_events_low` and so on, and the same of `usd`; a high end that is not known is nan.
    """
    moments = Moments(*(_floats(sums[name]) for name in Moments._fields))
    columns: dict[str, NDArray[Any]] = {}
    for unit, interval in (
        ("events", intervals.interval_of_events(moments)),
        ("usd", intervals.interval_of_usd(moments)),
    ):
        columns |= {
            f"{unit}_low": interval.low,
            f"{unit}_mid": interval.mid,
            f"{unit}_high": interval.high,
            f"has_unestimated_{unit}": interval.has_unestimated_part,
            f"estimated_{unit}_published": interval.estimated_published,
            f"estimated_{unit}_low": interval.estimated_low,
            f"estimated_{unit}_mid": interval.estimated_mid,
            f"estimated_{unit}_high": interval.estimated_high,
        }
    return columns


def _floats(column: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers, with nan for null: DuckDB masks nulls."""
    is_null = np.ma.getmaskarray(column)
    return np.where(is_null, np.nan, np.ma.getdata(column).astype(np.float64))
