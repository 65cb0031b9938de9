"""The tests of the stress scorecard in simulated markets: the table in docs/scorecard.md.

    .venv/bin/python -m tests.simulations.stress_markets [MARKETS]

Simulates so many markets (200) of each kind and prints how often the scorecard says that the score
differs from the lagged liquidations, and that it has any skill.

Liquidations of an hour are heavy-tailed around a level that wanders slowly and is partly common to
all assets. In `idle` markets no predictor has to do with what is liquidated. In `equal` markets the
score and the lagged liquidations are the level with noise of the same size: the gain is zero. In
`skilled` markets the lagged liquidations are a day late.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from unwind.warehouse.stress_scores import Forecast, case_of, grade
from unwind.warehouse.stress_trail import BASELINES, HORIZONS, LAGGED, SCORE, Trail

KINDS = ("idle", "equal", "skilled")
DAYS, ASSETS = 365, 3
THRESHOLD_HOURS = 1440
FIRST_DAY = np.datetime64("2024-01-01", "D")


def wandering(draw: np.random.RandomState, hours: int, assets: int, memory: float) -> Any:
    """Stationary AR(1) series of unit variance, with 30% of it in common."""
    shocks = draw.normal(size=(hours, assets + 1)) * np.sqrt(1 - memory**2)
    shocks[0] /= np.sqrt(1 - memory**2)
    series = lfilter([1.0], [1.0, -memory], shocks, axis=0)
    return np.sqrt(0.7) * series[:, :assets] + np.sqrt(0.3) * series[:, assets:]


def market(kind: str, number: int, days: int = DAYS, assets: int = ASSETS) -> Trail:
    """The outcomes of one market, as read_trail gives them."""
    draw = np.random.RandomState(10_000 * KINDS.index(kind) + number)
    warm = THRESHOLD_HOURS
    hours = warm + 24 * days + 24
    level = wandering(draw, hours, assets, 0.97)
    liquidated = np.exp(1.2 * level + draw.normal(size=level.shape))
    other = wandering(draw, hours, assets, 0.97) if kind == "idle" else level
    score = other + 0.7 * draw.normal(size=level.shape)
    lagged = wandering(draw, hours, assets, 0.97) if kind == "idle" else level
    lagged = lagged + 0.7 * draw.normal(size=level.shape)
    if kind == "skilled":
        score = level + 0.3 * draw.normal(size=level.shape)
        lagged = np.roll(lagged, 24, axis=0)
    kept = slice(warm, warm + 24 * days)
    events = np.stack([_events(liquidated, horizon)[kept] for horizon in HORIZONS]).astype(np.int8)
    predictors = {
        SCORE: _percentiles(score[kept]),
        LAGGED: np.exp(lagged[kept]),
        **{
            name: _percentiles(wandering(draw, 24 * days, assets, 0.97))
            for name in BASELINES.values()
            if name != LAGGED
        },
    }
    shape = (24 * days, assets)
    return Trail(
        FIRST_DAY,
        [f"ASSET{place}" for place in range(assets)],
        [name for name in BASELINES.values() if name != LAGGED],
        predictors,
        events,
        np.ones(shape, dtype=bool),
        np.zeros(shape, dtype=bool),
        _next_starts(events[0] == 1),
        np.zeros(days, dtype=np.int64),
    )


def _percentiles(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    ranks = values.argsort(axis=0).argsort(axis=0)
    return np.round(100 * (ranks + 0.5) / len(values), 1)


def _events(liquidated: Any, horizon: int) -> Any:
    """Whether the next hours' sum is in the highest 1% of those before the day."""
    total = np.cumsum(np.vstack([np.zeros(liquidated.shape[1]), liquidated]), axis=0)
    sums = np.full_like(liquidated, np.nan)
    sums[horizon - 1 :] = total[horizon:] - total[:-horizon]
    following = np.full_like(sums, np.nan)
    following[:-horizon] = sums[horizon:]
    events = np.zeros(liquidated.shape, dtype=bool)
    for day in range(THRESHOLD_HOURS, len(sums), 24):
        before = sums[day - THRESHOLD_HOURS + 24 : day]
        place = len(before) - len(before) // 100 - 1
        limit = np.partition(before, place, axis=0)[place]
        events[day : day + 24] = following[day : day + 24] >= limit
    return events


def _next_starts(events: Any) -> Any:
    """The start of the next hour with an event within 24 hours of each hour's end."""
    hours = len(events)
    starts = np.full(events.shape, np.nan)
    for place in range(events.shape[1]):
        following = np.inf
        for hour in range(hours - 1, -1, -1):
            # The hour after a forecast with an event is one in which an episode begins.
            if events[hour, place]:
                following = hour + 1.25
            if following < hour + 25:
                starts[hour, place] = following
    return starts


def tested(kind: str, number: int) -> list[dict[str, Any]]:
    """The scorecard's measures of the score, over all assets of one market, by horizon."""
    return [measured(market(kind, number), horizon) for horizon in HORIZONS]


def measured(trail: Trail, horizon: int, predictor: str = SCORE) -> dict[str, Any]:
    """The scorecard's measures of a predictor over all assets."""
    case = case_of(trail, np.arange(len(trail.assets)), horizon, np.full(trail.has_row.shape, 0.01))
    forecast = Forecast(trail.predictors[predictor], None)
    found = grade(case, forecast, has_placebo=True)
    assert found is not None
    return {"horizon_hours": horizon, **found}


def is_different(row: dict[str, Any]) -> bool:
    """Whether the interval of the gain over the lagged liquidations leaves out zero."""
    return row["auc_gain_over_lagged_low"] > 0 or row["auc_gain_over_lagged_high"] < 0


if __name__ == "__main__":
    markets = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("kind horizon differs p<=5% mean_gain mean_detectable mean_distinct_episodes")
    for kind in KINDS:
        found = [row for number in range(markets) for row in tested(kind, number)]
        for horizon in HORIZONS:
            rows = [row for row in found if row["horizon_hours"] == horizon]
            print(
                kind,
                horizon,
                round(float(np.mean([is_different(row) for row in rows])), 3),
                round(float(np.mean([row["shift_p_value"] <= 0.05 for row in rows])), 3),
                round(float(np.mean([row["auc_gain_over_lagged"] for row in rows])), 3),
                round(float(np.mean([row["detectable_auc_gain"] for row in rows])), 3),
                round(float(np.mean([row["distinct_episodes"] for row in rows])), 1),
            )
