"""How often the grades of the liquidation map find skill where there is none.

Cases are graded again with their liquidations placed anew, without the map's help. Placed evenly,
the hit rate of any forecast is one half: both of its gains are zero. A gain in CRPS is zero where
each dollar is placed by the map or by the other forecast, at even odds: the score of a forecast is
worse by the squared distance to where dollars are placed, and half-way both are as far off. An
interval of 90% above zero is to be found in 5% of such markets.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from unwind.estimates.map_scores import (
    Buckets,
    Floats,
    Integers,
    estimated,
    grades,
    ratio_interval,
    shares_of,
)

MIX = np.array([0.15, 0.30, 0.25, 0.20, 0.10])
DAYS = 90
# One cascade may be most of a case: its dollars come in few orders, of sizes far apart.
FURTHER_ORDERS, SIGMA = 4, 1.5
PLACEMENTS = ("even", "by volume", "half by map, half even", "half by map, half by volume")
TESTS = ("hit over even", "hit over volume", "CRPS over even", "CRPS over volume")
# Where the gain of each test is zero.
WITHOUT_GAIN = {
    "hit over even": "even",
    "hit over volume": "even",
    "CRPS over even": "half by map, half even",
    "CRPS over volume": "half by map, half by volume",
}


class Cases(NamedTuple):
    """Cases of one horizon, and the day and the market of each."""

    buckets: Buckets
    day: Integers
    market: Integers


def cases_of(outcomes: duckdb.DuckDBPyRelation, horizon_hours: int) -> Cases:
    """The gradable cases of int_liquidation_map_outcomes_daily, the last DAYS days of them."""
    rows = outcomes.query(
        "graded",
        f"""
        select
            *,
            date_diff('day', hour_at, max(hour_at) over ()) as days_before,
            dense_rank() over (order by base_asset) - 1 as market
        from graded
        where horizon_hours = {horizon_hours}
        window one_case as (partition by hour_at, base_asset, liquidated_side)
        qualify count(*) over one_case >= 2 and sum(liquidated_usd) over one_case >= 10000
        order by hour_at, base_asset, liquidated_side, price_bucket
        """,
    ).fetchnumpy()
    kept = rows["days_before"] < DAYS
    rows = {name: np.asarray(column)[kept] for name, column in rows.items()}
    keys = [rows[name] for name in ("hour_at", "base_asset", "liquidated_side")]
    is_new = np.ones(len(keys[0]), dtype=bool)
    is_new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(is_new)
    masses = np.column_stack(
        [rows[f"mass_{leverage}x_usd"] for leverage in (5, 10, 25, 50, 100)]
    ).astype(np.float64)
    buckets = Buckets(starts, masses, rows["liquidated_usd"], rows["traded_usd"])
    return Cases(buckets, DAYS - 1 - rows["days_before"][starts], rows["market"][starts])


def placed(buckets: Buckets, shares: Floats, draw: np.random.Generator) -> Floats:
    """The dollars of each case in orders, each in one of its buckets with these odds."""
    dollars = np.add.reduceat(buckets.liquidated, buckets.starts)
    orders = 1 + draw.poisson(FURTHER_ORDERS, len(dollars))
    case = np.repeat(np.arange(len(dollars)), orders)
    size = draw.lognormal(0, SIGMA, len(case))
    size *= (dollars / np.bincount(case, size))[case]
    # The odds of all cases in one row, each case one unit long.
    ends = np.cumsum(shares)
    ends += np.repeat(np.arange(len(dollars)) - np.append(0, ends)[buckets.starts], buckets.sizes())
    chosen = np.searchsorted(ends, case + draw.random(len(case)))
    last = buckets.starts + buckets.sizes() - 1
    return np.bincount(
        np.clip(chosen, buckets.starts[case], last[case]), size, len(buckets.liquidated)
    )


def found(cases: Cases, liquidated: Floats) -> npt.NDArray[np.bool_]:
    """Whether each test finds skill in each market, by test and market."""
    buckets = cases.buckets._replace(liquidated=liquidated)
    own, even, volume = (grades(buckets, forecast) for forecast in _forecasts(buckets))
    gains = (own.hit - even.hit, own.hit - volume.hit, even.crps - own.crps, volume.crps - own.crps)
    shape = (DAYS, cases.market.max() + 1)
    counts = np.zeros(shape)
    np.add.at(counts, (cases.day, cases.market), 1.0)
    lows = []
    for gain in gains:
        sums = np.zeros(shape)
        np.add.at(sums, (cases.day, cases.market), gain)
        lows.append(ratio_interval(sums, counts)[0])
    return np.array(lows) > 0


def shares_found(cases: Cases, redraws: int, seed: int) -> dict[str, Floats]:
    """The share of markets in which each test finds skill, by placement; each drawn so often."""
    draw = np.random.default_rng(seed)
    own, even, volume = (shares_of(cases.buckets, one) for one in _forecasts(cases.buckets))
    odds = (even, volume, (own + even) / 2, (own + volume) / 2)
    return {
        name: np.mean(
            [found(cases, placed(cases.buckets, odd, draw)) for _ in range(redraws)], axis=(0, 2)
        )
        for name, odd in zip(PLACEMENTS, odds, strict=True)
    }


def _forecasts(buckets: Buckets) -> tuple[Floats, Floats, Floats]:
    """The map's, the even one, and volume."""
    return estimated(buckets, MIX), np.ones(len(buckets.liquidated)), buckets.traded
