"""The dbt model int_stress_scores_daily: the trailing record of the stress score.

A row sums up the outcomes of `GRADED_DAYS` days. NumPy is imported where a day has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from unwind.warehouse.stress_fits import FITTED, WEIGHT
from unwind.warehouse.stress_trail import (
    BASELINES,
    COMBINATION,
    HORIZONS,
    LAGGED,
    SCORE,
    Trail,
    built_days,
    features,
    read_trail,
    rounded,
    table,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from unwind.estimates.forecasts import Curve

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

ALL = "ALL"
# As var stress_graded_days; a test compares them.
GRADED_DAYS = 365
# A forecast uses the fit of the day before it, five days before its outcome is stored.
FIT_LAG_DAYS = 5
TOP_SHARE = 0.01
ALARM_HOURS = 24
# Chances are rounded before they are ranked: sums of doubles differ between processors.
CHANCE_DIGITS = 12
SHIFTED, FLIPPED, OTHER = "placebo_shifted_score", "placebo_flipped_score", "placebo_other_score"
PLACEBOS = (SHIFTED, FLIPPED, OTHER)
COUNTS = (
    *("graded_hours", "graded_days", "event_hours"),
    *("episodes", "distinct_episodes", "alarmed_episodes"),
)
MEASURES = (
    *("event_share", "auc", "auc_low", "auc_high"),
    *(
        f"{name}{end}"
        for of in BASELINES
        for name, ends in ((f"{of}_auc", ("",)), (f"auc_gain_over_{of}", ("", "_low", "_high")))
        for end in ends
    ),
    *("detectable_auc_gain", "auc_pr", "lagged_auc_pr"),
    *("top_precision", "top_precision_low", "top_precision_high"),
    *("alarm_threshold", "alarm_recall", "alarm_recall_low", "alarm_recall_high"),
    "median_lead_hours",
    *("brier_score", "brier_skill", "brier_skill_low", "brier_skill_high", "shift_p_value"),
)
TYPES = {
    "hour_at": "timestamp",
    "base_asset": "varchar",
    "horizon_hours": "integer",
    "predictor": "varchar",
    **dict.fromkeys(COUNTS, "integer"),
    **dict.fromkeys(MEASURES, "double"),
    "available_at": "timestamp",
}


class Forecast(NamedTuple):
    """A predictor by hour and asset, and, where it has them, its chances of an event."""

    values: Floats
    chances: Floats | None


class Case(NamedTuple):
    """What all predictors of an asset (or all) and horizon are graded on, by hour and asset.

    `compared` are the baselines over all graded hours.
    """

    graded: Flags
    events: Flags
    baselines: dict[str, Floats]
    compared: dict[str, Ranked]
    base_chance: Floats
    starts: list[Floats]
    distinct_episodes: int


class Ranked(NamedTuple):
    """What a resample of days needs of a forecast's AUC, and its average precision."""

    auc: float
    auc_pr: float
    influence: Floats


class Figure(NamedTuple):
    """A figure, what each day adds to it, and each day's part of what it is a mean over."""

    name: str
    value: float
    influence: Floats
    part: Floats
    lowest: float = 0.0  # the highest is 1


def stress_scores(
    session: Any, trail: duckdb.DuckDBPyRelation, fits: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """One row per built day, asset or ALL, horizon and predictor with hours of both kinds."""
    import numpy as np

    built = built_days(trail)
    found = read_trail(trail) if built else None
    rows: list[dict[str, Any]] = []
    if found:
        fitted = {
            (np.datetime64(row[0], "D"), *row[1:3]): dict(zip(fits.columns, row, strict=True))
            for row in fits.fetchall()
        }
        chances = _chances(found, fitted)
        for day in built:
            last = int((day - found.first_day).astype(int))
            rows += rows_of_day(found, chances, last)
    relation: duckdb.DuckDBPyRelation = table(session, "stress_scores", TYPES, rows)
    return relation


def _chances(trail: Trail, fitted: dict[Any, Any]) -> dict[tuple[int, str], Floats]:
    """Chances of an event by horizon and fitted predictor; `base` is the fit's share of events."""
    import numpy as np

    from unwind.estimates.forecasts import probabilities

    shape = trail.has_row.shape
    found = {(h, name): np.full(shape, np.nan) for h in HORIZONS for name in (*FITTED, "base")}
    columns = {SCORE: [SCORE], LAGGED: [LAGGED], COMBINATION: [LAGGED, *trail.components]}
    inputs = {name: features(trail, name) for name in FITTED}
    for day in range(trail.days()):
        hours = slice(24 * day, 24 * day + 24)
        for horizon in HORIZONS:
            for name in FITTED:
                fit = fitted.get((trail.first_day + day - FIT_LAG_DAYS, horizon, name))
                if fit is None:
                    continue
                weights = np.array(
                    [fit["intercept"], *(fit[WEIGHT + column] for column in columns[name])]
                )
                rows = inputs[name][hours].reshape(24 * shape[1], -1)
                design = np.column_stack([np.ones(len(rows)), rows])
                chance = probabilities(design, weights).reshape(24, -1).round(CHANCE_DIGITS)
                found[horizon, name][hours] = chance
                found[horizon, "base"][hours] = fit["event_share"]
    return found


def rows_of_day(trail: Trail, chances: dict[Any, Floats], last: int) -> list[dict[str, Any]]:
    """The rows of one day: what the days up to it, at most GRADED_DAYS, say."""
    import numpy as np

    first = max(0, last - GRADED_DAYS + 1)
    row_hours = np.nonzero(trail.has_row[24 * first : 24 * (last + 1)])[0]
    first += int(row_hours[0]) // 24
    window = trail.part(first, last)
    hours = slice(24 * first, 24 * (last + 1))
    kept = np.flatnonzero(window.has_row.any(axis=0))
    rows = []
    for horizon in HORIZONS:
        of_horizon = {name: chances[horizon, name][hours][:, kept] for name in (*FITTED, "base")}
        forecasts = _forecasts(window, kept, of_horizon)
        for base_asset, columns in (
            *((window.assets[place], [at]) for at, place in enumerate(kept)),
            (ALL, list(range(len(kept)))),
        ):
            case = case_of(window, kept[columns], horizon, of_horizon["base"][:, columns])
            for predictor, forecast in forecasts.items():
                own = Forecast(
                    forecast.values[:, columns],
                    None if forecast.chances is None else forecast.chances[:, columns],
                )
                measured = grade(case, own, has_placebo=predictor in (SCORE, COMBINATION))
                if measured is not None:
                    rows.append(
                        {
                            "hour_at": np.datetime64(trail.first_day + last, "us")
                            + np.timedelta64(23, "h"),
                            "base_asset": base_asset,
                            "horizon_hours": horizon,
                            "predictor": predictor,
                            **measured,
                            "available_at": window.available_at(),
                        }
                    )
    return rows


def _forecasts(window: Trail, kept: Any, chances: dict[str, Floats]) -> dict[str, Forecast]:
    """Every predictor of the window's kept assets, placebos included."""
    import numpy as np

    found = {
        name: Forecast(values[:, kept], chances.get(name))
        for name, values in window.predictors.items()
    }
    found[COMBINATION] = Forecast(chances[COMBINATION], chances[COMBINATION])
    score = found[SCORE].values
    found[SHIFTED] = Forecast(np.roll(score, 24 * (window.days() // 2), axis=0), None)
    found[FLIPPED] = Forecast(-score, None)
    if len(kept) > 1:
        found[OTHER] = Forecast(np.roll(score, -1, axis=1), None)
    return found


def case_of(window: Trail, columns: Any, horizon: int, base_chance: Floats) -> Case:
    """What is graded of some assets, by number; chances are those of the fits' share of events."""
    import numpy as np

    from unwind.estimates.forecasts import spaced

    events = window.events[HORIZONS.index(horizon)][:, columns] == 1
    graded = window.graded(horizon)[:, columns]
    ends = np.arange(1, len(events) + 1)[:, None]
    following = window.next_episode[:, columns]
    begins_in_time = graded & events & (following < ends + horizon)
    starts = [
        spaced(np.unique(following[begins_in_time[:, place], place]), ALARM_HOURS)
        for place in range(len(columns))
    ]
    baselines = {name: window.predictors[of][:, columns] for name, of in BASELINES.items()}
    return Case(
        graded,
        events,
        baselines,
        {name: _ranked(values, graded, events) for name, values in baselines.items()},
        base_chance,
        starts,
        len(spaced(np.unique(np.concatenate(starts)), ALARM_HOURS)),
    )


def grade(case: Case, forecast: Forecast, has_placebo: bool) -> dict[str, Any] | None:
    """The measures of one forecast; None without hours of both kinds."""
    import numpy as np

    from unwind.estimates import forecasts

    chosen = case.graded & ~np.isnan(forecast.values)
    events = case.events[chosen]
    if not events.any() or events.all():
        return None
    days = len(chosen) // 24
    day = np.nonzero(chosen)[0] // 24
    own = forecasts.curve(forecast.values[chosen], events)
    measured: dict[str, Any] = {
        "graded_hours": len(events),
        "graded_days": len(np.unique(day)),
        "event_hours": int(events.sum()),
        "episodes": sum(map(len, case.starts)),
        "distinct_episodes": case.distinct_episodes,
        "event_share": float(events.mean()),
        "auc": forecasts.auc(own),
        "auc_pr": forecasts.average_precision(own),
    }
    influence = _influence(own, events, day, days)
    # Of the fewer hours, those with an event, a day can have a large part.
    part = forecasts.by_day(events, day, days) / events.sum()
    figures = [Figure("auc", measured["auc"], influence, part)]
    for name, other in _compared(case, chosen).items():
        measured[f"{name}_auc"] = other.auc
        # The gain is one of the rounded figures beside it.
        gain = rounded(measured["auc"]) - rounded(other.auc)
        figures.append(
            Figure(f"auc_gain_over_{name}", gain, influence - other.influence, part, -1.0)
        )
        if name == "lagged":
            measured["lagged_auc_pr"] = other.auc_pr
    figures += _alarms(case, forecast, own, chosen, day, measured)
    figures += _chance_figures(case, forecast, chosen, day, measured)
    measured |= _with_intervals(figures)
    measured["shift_p_value"] = np.nan
    if has_placebo:
        ranks = np.full(chosen.shape, np.nan)
        known = ~np.isnan(forecast.values)
        ranks[known] = _midranks(forecast.values[known])
        shape = (days, 24, chosen.shape[1])
        measured["shift_p_value"] = forecasts.shift_p_value(
            ranks.reshape(shape), case.events.reshape(shape), chosen.reshape(shape)
        )
    return {name: rounded(value) if name in MEASURES else value for name, value in measured.items()}


def _compared(case: Case, chosen: Flags) -> dict[str, Ranked]:
    """The baselines over the same hours as a forecast, which may be unknown in some."""
    if (chosen == case.graded).all():
        return case.compared
    return {name: _ranked(of, chosen, case.events) for name, of in case.baselines.items()}


def _ranked(values: Floats, chosen: Flags, events: Flags) -> Ranked:
    import numpy as np

    from unwind.estimates import forecasts

    if not chosen.any():
        return Ranked(np.nan, np.nan, np.zeros(len(chosen) // 24))
    found = forecasts.curve(values[chosen], events[chosen])
    return Ranked(
        forecasts.auc(found),
        forecasts.average_precision(found),
        _influence(found, events[chosen], np.nonzero(chosen)[0] // 24, len(chosen) // 24),
    )


def _influence(found: Curve, events: Flags, day: Any, days: int) -> Floats:
    from unwind.estimates import forecasts

    shares = forecasts.placements(found, events)
    return forecasts.by_day(forecasts.auc_influence(shares, events), day, days)


def _midranks(values: Floats) -> Floats:
    """Ranks from 1 up; equal values have their mean rank."""
    import numpy as np

    from unwind.estimates.forecasts import curve

    found = curve(values, np.zeros(len(values), dtype=bool))
    sizes = np.diff(found.false_alarms, prepend=0)
    ranks: Floats = (len(values) - found.false_alarms + (sizes + 1) / 2)[found.group]
    return ranks


def _alarms(
    case: Case, forecast: Forecast, own: Curve, chosen: Flags, day: Any, measured: dict[str, Any]
) -> list[Figure]:
    """Precision of the top hours; recall, episodes and leads at one false alarm a day."""
    import numpy as np

    from unwind.estimates import forecasts

    events = case.events[chosen]
    top = forecasts.top_weights(own, TOP_SHARE)
    threshold = forecasts.alarm_threshold(own, len(events) / 24)
    alarms = chosen & (forecast.values >= threshold)
    lead = np.concatenate(
        [
            forecasts.leads(alarms[:, place], starts, ALARM_HOURS)
            for place, starts in enumerate(case.starts)
        ]
    )
    known = lead[~np.isnan(lead)]
    measured["alarm_threshold"] = threshold
    measured["alarmed_episodes"] = len(known)
    measured["median_lead_hours"] = float(np.median(known)) if len(known) else np.nan
    days = len(chosen) // 24
    return [
        _ratio(name, *(forecasts.by_day(column, day, days) for column in columns))
        for name, columns in (
            ("top_precision", (top * events, top)),
            ("alarm_recall", (alarms[chosen] & events, events)),
        )
    ]


def _chance_figures(
    case: Case, forecast: Forecast, chosen: Flags, day: Any, measured: dict[str, Any]
) -> list[Figure]:
    """The Brier score of the chances, and its part of the way from that of the fit's share to 0."""
    import numpy as np

    from unwind.estimates import forecasts

    names = ("brier_score", "brier_skill", "brier_skill_low", "brier_skill_high")
    measured |= dict.fromkeys(names, np.nan)
    if forecast.chances is None:
        return []
    events = case.events[chosen].astype(float)
    chance, base = forecast.chances[chosen], case.base_chance[chosen]
    known = ~np.isnan(chance)
    if not known.any():
        return []
    squares = ((chance - events)[known] ** 2, (base - events)[known] ** 2)
    ratio = _ratio("", *(forecasts.by_day(one, day[known], len(chosen) // 24) for one in squares))
    measured["brier_score"] = float(squares[0].mean())
    return [Figure("brier_skill", 1 - ratio.value, -ratio.influence, ratio.part, -np.inf)]


def _ratio(name: str, above: Floats, below: Floats) -> Figure:
    """A ratio of two sums by day."""
    ratio = float(above.sum() / below.sum())
    return Figure(name, ratio, (above - ratio * below) / below.sum(), below / below.sum())


def _with_intervals(figures: list[Figure]) -> dict[str, float]:
    """The figures with their intervals, and the gain that could have been seen."""
    import numpy as np

    from unwind.estimates import forecasts

    spread = forecasts.spread(
        np.stack([one.influence for one in figures], axis=1),
        np.stack([one.part for one in figures], axis=1),
    )
    measured = {}
    for place, (name, value, _, _, lowest) in enumerate(figures):
        measured[name] = value
        measured[f"{name}_low"] = max(lowest, float(value + spread.low[place]))
        measured[f"{name}_high"] = min(1.0, float(value + spread.high[place]))
        if name == "auc_gain_over_lagged":
            error = float(spread.error[place])
            measured["detectable_auc_gain"] = forecasts.DETECTABLE_ERRORS * error
    return measured
