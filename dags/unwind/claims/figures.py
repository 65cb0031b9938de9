"""A figure of every window, published and estimated, as a release has it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unwind.claims.grammar import NO_END, UNITS_PER_DOLLAR
from unwind.claims.windows import (
    EPOCH,
    HOUR_MINUTES,
    MINUTE,
    Booleans,
    Floats,
    HiddenRows,
    Integers,
    Windows,
    hidden_sums,
)
from unwind.estimates.intervals import interval_of_events, interval_of_usd
from unwind.estimates.moments import Moments

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
COLUMNS = {"long": "long_usd", "short": "short_usd", "total": "total_usd", "events": "events"}


class Scope(NamedTuple):
    """Whose liquidations count: a venue's or all, an asset's or all."""

    venue: str | None
    asset: str | None


class Figures(NamedTuple):
    """A figure of each window, in units (grammar).

    The truth is at least `published`; its 90% interval is `low` to `high`. `estimated_high` is the
    upper end without the parts that have none; `high` is NO_END if there is such a part, because a
    venue's hour was not fully received (`is_uncovered`) or has no estimate. `is_known` is false if
    no hour was received and none of the figure's liquidations was: then the others are no figures.
    """

    published: Integers
    low: Integers
    mid: Integers
    high: Integers
    estimated_high: Integers
    is_uncovered: Booleans
    is_known: Booleans


def figures_of(release: DuckDBPyConnection, figure: str, scope: Scope, windows: Windows) -> Figures:
    """The figure of every window; `release` is a connection to a release, in UTC."""
    is_of_usd = figure != "events"
    minute, units = _published(release, COLUMNS[figure], scope, windows)
    published = windows.of_minutes(minute, units)
    hours = _hours(release, scope, windows)
    covered = windows.of_touched_hours(hours.is_covered)
    uncovered = windows.of_touched_hours(~hours.is_complete) > 0
    unestimated = windows.of_touched_hours(hours.is_unestimated)
    if is_of_usd:
        unestimated += windows.of_touched_hours(hours.is_unpriced)
    moments, more = _moments(release, "total" if figure == "events" else figure, scope, windows)
    unestimated += more.unestimated + (more.unpriced if is_of_usd else 0)
    interval = (interval_of_usd if is_of_usd else interval_of_events)(moments)
    low, mid, high = (
        published + np.rint(end * UNITS_PER_DOLLAR).astype(np.int64)
        for end in (interval.estimated_low, interval.estimated_mid, interval.estimated_high)
    )
    is_open = uncovered | (unestimated > 0)
    return Figures(
        published,
        low,
        mid,
        np.where(is_open, NO_END, high),
        high,
        uncovered,
        (covered > 0) | (windows.of_minutes(minute, np.ones_like(minute)) > 0),
    )


class _Hours(NamedTuple):
    """By hour, over the venues of a scope: any covered, all complete, any without an estimate."""

    is_covered: Booleans
    is_complete: Booleans
    is_unestimated: Booleans
    is_unpriced: Booleans


class _Counts(NamedTuple):
    unestimated: Integers
    unpriced: Integers


def _published(
    release: DuckDBPyConnection, column: str, scope: Scope, windows: Windows
) -> tuple[Integers, Integers]:
    found = release.execute(
        f"""
        select
            epoch(minute_at)::bigint // 60 as minute,
            (sum({column}) * {UNITS_PER_DOLLAR})::bigint as units
        from marts.liquidations_minutely
        where {_within("hour_at")} and {_of("liquidations_minutely")} and {column} is not null
        group by all
        """,
        parameters_of(scope, windows),
    ).fetchnumpy()
    return _integers(found["minute"]), _integers(found["units"])


def _hours(release: DuckDBPyConnection, scope: Scope, windows: Windows) -> _Hours:
    found = release.execute(
        f"""
        with {EXPECTED}
        select
            epoch(hour_at)::bigint // 3600 - $first_hour as hour,
            bool_or(is_covered) as is_covered,
            bool_and(is_complete) as is_complete,
            bool_or(is_covered and coalesce(publication_rule, '') = 'unknown') as is_unestimated
        from expected
        group by all
        """,
        parameters_of(scope, windows) | {"first_hour": windows.first_hour},
    ).fetchnumpy()
    unpriced = release.execute(
        f"""
        select distinct epoch(sums.hour_at)::bigint // 3600 - $first_hour as hour
        from marts.liquidations_hourly as sums
        left join marts.venue_coverage_hourly as coverage using (hour_at, venue)
        where {_within("sums.hour_at")} and {_of("sums")}
            and sums.is_lower_bound and not coalesce(coverage.is_lower_bound, false)
        """,
        parameters_of(scope, windows) | {"first_hour": windows.first_hour},
    ).fetchnumpy()
    by_hour = [np.zeros(windows.hours, dtype=bool) for _ in _Hours._fields]
    hour = _integers(found["hour"])
    for values, name in zip(by_hour, _Hours._fields[:3], strict=False):
        values[hour] = np.asarray(found[name], dtype=bool)
    by_hour[3][_integers(unpriced["hour"])] = True
    return _Hours(*by_hour)


# Venues that list the asset, or list nothing and have reported it (macro of dbt:
# int_expected_venues). A venue that the scope names is always among them.
EXPECTED = """
    listed as (
        select venue, valid_from, coalesce(valid_to, timestamp '9999-12-31') as valid_to
        from marts.dim_instruments
        where is_trading and ($asset is null or base_asset = $asset)
    ),
    reported as (
        select distinct venue
        from marts.liquidations_hourly
        where ($asset is null or base_asset = $asset)
            and venue not in (select venue from marts.dim_instruments)
    ),
    expected as (
        select *
        from marts.venue_coverage_hourly as coverage
        where hour_at >= $begins_at and hour_at < $ends_at
            and ($venue is null or venue = $venue)
            and (
                $venue is not null
                or venue in (select venue from reported)
                or exists (
                    select 1
                    from listed
                    where listed.venue = coverage.venue
                        and listed.valid_from < coverage.hour_at + interval 1 hour
                        and listed.valid_to > coverage.hour_at
                )
            )
    )
"""


def _moments(
    release: DuckDBPyConnection, side: str, scope: Scope, windows: Windows
) -> tuple[Moments, _Counts]:
    """The moments of what each window hides; what was published is left at zero."""
    rows = release.execute(
        f"""
        select
            epoch(hour_at)::bigint // 3600 - $first_hour as hour,
            {side}_hidden_usd::double as usd,
            {side}_hidden_usd_variance::double as usd_variance,
            {side}_hidden_events::double as events,
            {side}_hidden_events_variance::double as events_variance,
            {side}_estimated_channel_hours as estimated,
            {side}_unestimated_channel_hours as unestimated,
            {side}_unpriced_events as unpriced
        from marts.hidden_liquidations_hourly as hidden
        where {_within("hour_at")} and {_of("hidden")}
        order by hour_at, venue, base_asset
        """,
        parameters_of(scope, windows) | {"first_hour": windows.first_hour},
    ).fetchnumpy()
    minutes = release.execute(
        f"""
        with rows as (
            select
                *,
                row_number() over (order by hour_at, venue, base_asset) - 1 as row
            from marts.hidden_liquidations_hourly as hidden
            where {_within("hour_at")} and {_of("hidden")}
        )
        select
            rows.row,
            (epoch(minutes.minute_at)::bigint // 60) % 60 as minute,
            minutes.{side}_hidden_usd::double as usd,
            minutes.{side}_hidden_usd_variance::double as usd_variance,
            minutes.{side}_hidden_events::double as events,
            minutes.{side}_hidden_events_variance::double as events_variance
        from marts.hidden_liquidations_minutely as minutes
        inner join rows using (hour_at, venue, base_asset)
        order by rows.row, minutes.minute_at
        """,
        parameters_of(scope, windows),
    ).fetchnumpy()
    hour = _integers(rows["hour"])
    sums: dict[str, Any] = dict.fromkeys(Moments._fields, np.zeros(len(windows.starts)))
    for unit in ("usd", "events"):
        of_unit = HiddenRows(
            hour,
            _floats(rows[unit]),
            _floats(rows[f"{unit}_variance"]),
            _integers(minutes["row"]),
            _integers(minutes["minute"]),
            _floats(minutes[unit]),
            _floats(minutes[f"{unit}_variance"]),
        )
        hidden, variance = hidden_sums(windows, of_unit)
        sums |= {f"hidden_{unit}": hidden, f"hidden_{unit}_variance": variance}
    counts = {
        name: windows.of_touched_hours(
            np.bincount(hour, _floats(rows[name]), windows.hours).astype(np.int64)
        )
        for name in ("estimated", "unestimated", "unpriced")
    }
    sums["estimated_channel_hours"] = counts["estimated"]
    return Moments(**sums), _Counts(counts["unestimated"], counts["unpriced"])


def _within(column: str) -> str:
    return f"{column} >= $begins_at and {column} < $ends_at"


def _of(table: str) -> str:
    return (
        f"($venue is null or {table}.venue = $venue)"
        f" and ($asset is null or {table}.base_asset = $asset)"
    )


def parameters_of(scope: Scope, windows: Windows) -> dict[str, Any]:
    """The hours that the windows touch, and the scope."""
    begins_at = NAIVE_EPOCH + windows.first_hour * HOUR_MINUTES * MINUTE
    return {
        "venue": scope.venue,
        "asset": scope.asset,
        "begins_at": begins_at,
        "ends_at": begins_at + timedelta(hours=windows.hours),
    }


def _integers(column: Any) -> Integers:
    return np.asarray(column, dtype=np.int64)


def _floats(column: Any) -> Floats:
    return np.asarray(column, dtype=np.float64)
