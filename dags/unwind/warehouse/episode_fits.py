"""The dbt model int_liquidation_episode_fits: a Hawkes process for each closed episode.

NumPy and SciPy are imported where there is an episode to fit: in most hours there is none.
"""

from __future__ import annotations

from typing import Any

import duckdb

KEYS = ("hour_at", "base_asset", "started_at")
# Rates are per second. Rounded, as sums of doubles differ in their last digits between processors.
COLUMNS = {
    "fitted_events": "integer",
    "base_rate": "double",
    "decay_rate": "double",
    "branching_ratio": "double",
    "branching_ratio_low": "double",
    "branching_ratio_high": "double",
    "ks_statistic": "double",
    "ks_p_value": "double",
}
SIGNIFICANT_DIGITS = 4
TABLE = "fits_of_episodes"


def episode_fits(session: Any, events: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """One row per episode of `events` (int_liquidation_episode_events) with enough of them."""
    keys = ", ".join(KEYS)
    listed = events.aggregate(
        f"{keys}, any_value(window_seconds), list(venue order by event_microseconds, venue),"
        " list(event_microseconds order by event_microseconds, venue)"
    ).order(keys)
    session.execute(
        f"create or replace temporary table {TABLE} (hour_at timestamp, base_asset varchar,"
        f" started_at timestamp, {', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"
    )
    for *key, window_seconds, venues, microseconds in listed.fetchall():
        fitted = _fitted(window_seconds, venues, microseconds)
        if fitted:
            marks = ", ".join("?" for _ in [*key, *fitted])
            session.execute(f"insert into {TABLE} values ({marks})", [*key, *fitted])
    relation: duckdb.DuckDBPyRelation = session.query(f"from {TABLE}")
    return relation


def _fitted(window_seconds: int, venues: list[str], microseconds: list[int]) -> list[Any]:
    """The columns of a fit; nothing where fills of one order leave too few events."""
    import numpy as np

    from unwind.episodes.hawkes import MIN_EVENTS, fit
    from unwind.episodes.instants import spread_ties

    if len(microseconds) < MIN_EVENTS:
        return []
    numbers = {venue: number for number, venue in enumerate(sorted(set(venues)))}
    instants = spread_ties(
        np.array([numbers[venue] for venue in venues]), np.array(microseconds, dtype=np.int64)
    )
    found = fit(instants, float(window_seconds))
    return [
        found.events,
        *(
            float(f"{value:.{SIGNIFICANT_DIGITS}g}")
            for value in (
                *(found.base_rate, found.decay_rate, found.branching_ratio),
                *(found.branching_ratio_low, found.branching_ratio_high),
                *(found.ks_statistic, found.ks_p_value),
            )
        ),
    ]
