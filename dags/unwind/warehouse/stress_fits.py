"""The dbt model int_stress_fits_daily: chances of an event, fitted to the days before.

NumPy is imported where a day has ended.
"""

from __future__ import annotations

from typing import Any

import duckdb

from unwind.warehouse.stress_trail import (
    COMBINATION,
    HORIZONS,
    LAGGED,
    SCORE,
    Trail,
    built_days,
    components_of,
    features,
    read_trail,
    rounded,
    table,
)

FITTED = (SCORE, LAGGED, COMBINATION)
# As var stress_fitted_days; a test compares them.
FITTED_DAYS = 90
# 2026-11-26: under ten hours with an event a slope says which hours these were.
MIN_EVENT_HOURS = 10
WEIGHT = "weight_"


def types_of(components: list[str]) -> dict[str, str]:
    """The columns of the fits."""
    return {
        "hour_at": "timestamp",
        "horizon_hours": "integer",
        "predictor": "varchar",
        "fitted_hours": "integer",
        "event_hours": "integer",
        "event_share": "double",
        "intercept": "double",
        **{WEIGHT + name: "double" for name in (SCORE, LAGGED, *components)},
        "available_at": "timestamp",
    }


def stress_fits(session: Any, trail: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """One row per built day, horizon and fitted predictor with enough events in FITTED_DAYS."""
    built = built_days(trail)
    found = read_trail(trail) if built else None
    rows: list[dict[str, Any]] = []
    if found:
        for day in built:
            last = int((day - found.first_day).astype(int))
            rows += fits_of_day(found.part(max(0, last - FITTED_DAYS + 1), last), day)
    types = types_of(components_of(trail))
    relation: duckdb.DuckDBPyRelation = table(session, "stress_fits", types, rows)
    return relation


def fits_of_day(window: Trail, day: Any) -> list[dict[str, Any]]:
    """The fits to one window of days."""
    import numpy as np

    from unwind.estimates.forecasts import logistic_fit

    rows = []
    for place, horizon in enumerate(HORIZONS):
        graded = window.graded(horizon)
        events = window.events[place][graded] == 1
        if events.sum() < MIN_EVENT_HOURS or events.all():
            continue
        for predictor in FITTED:
            weights = logistic_fit(features(window, predictor)[graded], events)
            if np.isnan(weights).any():
                continue
            names = {
                SCORE: [SCORE],
                LAGGED: [LAGGED],
                COMBINATION: [LAGGED, *window.components],
            }[predictor]
            row = {
                "hour_at": np.datetime64(day, "us") + np.timedelta64(23, "h"),
                "horizon_hours": horizon,
                "predictor": predictor,
                "fitted_hours": len(events),
                "event_hours": int(events.sum()),
                "event_share": rounded(float(events.mean())),
                "intercept": rounded(float(weights[0])),
                "available_at": window.available_at(),
                **{WEIGHT + name: 0.0 for name in (SCORE, LAGGED, *window.components)},
            }
            row |= {
                WEIGHT + name: rounded(float(weight))
                for name, weight in zip(names, weights[1:], strict=True)
            }
            rows.append(row)
    return rows
