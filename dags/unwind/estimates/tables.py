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

EVENT_COLUMNS = ("row", "published_second", "notional_usd", "liquidated_side")
GAP_COLUMNS = ("row", "from_second", "to_second")


def estimate_table(
    events: Columns, rules: Sequence[str | None] | NDArray[Any], gaps: Columns | None = None
) -> dict[str, NDArray[Any]]:
    """The moments of instrument-hours, three rows each: all, long, short.

    `events`: `row` (position of the instrument-hour in `rules`), `published_second` (0 to 3599,
    with its fraction under rules that end in `_from_order`), `notional_usd` (null where unknown),
    `liquidated_side` (long, short; anything else is unknown).
    `rules`: a publication rule each; null is unknown. `gaps`: `row`, `from_second`, `to_second`.

    Gives `row`, `liquidated_side` and a column for each of Moments. Raises ValueError for columns
    that are missing or of unequal length, rules that are not text, sides in capitals, and as
    `estimate` does.
    """
    row, second, usd, side = _columns(events, EVENT_COLUMNS, "events")
    published = Published(_floats(row), _floats(second), _floats(usd), _sides(side))
    known = _rules(rules)
    uncovered = NO_GAPS
    if gaps is not None:
        uncovered = Uncovered(*map(_floats, _columns(gaps, GAP_COLUMNS, "gaps")))
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


def _columns(table: Columns, names: Sequence[str], what: str) -> list[NDArray[Any]]:
    missing = [name for name in names if name not in table]
    if missing:
        raise ValueError(f"{what} lack the column {missing[0]}; they need {', '.join(names)}")
    columns = [np.asanyarray(table[name]) for name in names]
    lengths = {name: len(column) for name, column in zip(names, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of {what} must be of one length; they have {lengths}")
    return columns


def _sides(column: NDArray[Any]) -> NDArray[np.int64]:
    side = np.ma.getdata(column).astype(object)
    side[np.ma.getmaskarray(column)] = None
    is_long, is_short = side == "long", side == "short"
    for other in sorted(set(side[~(is_long | is_short)]), key=str):
        if isinstance(other, bytes) or str(other).lower() in ("long", "short"):
            raise ValueError(f"an event has the side {other!r}; it must be 'long' or 'short'")
    return np.select([is_long, is_short], [LONG, SHORT], 0)


def _rules(rules: Sequence[str | None] | NDArray[Any]) -> NDArray[np.object_]:
    if isinstance(rules, str):
        raise ValueError(f"rules must be a list, one of each instrument-hour, not {rules!r}")
    known = np.full(len(rules), UNKNOWN, dtype=object)
    for number, rule in enumerate(rules):
        if isinstance(rule, str):
            known[number] = rule
        elif not (rule is None or rule is np.ma.masked or rule != rule):
            raise ValueError(f"the publication rule {rule!r} is not text; null is unknown")
    return known


def _floats(column: NDArray[Any]) -> NDArray[Any]:
    """Numbers, with nan for null: DuckDB masks nulls."""
    is_null = np.ma.getmaskarray(column)
    return np.where(is_null, np.nan, np.ma.getdata(column).astype(np.float64))
