"""How well forecasts ranked events, next to two baselines, and the tables that show it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from unwind.estimates import forecasts
from unwind.estimates.forecasts import Flags, Floats, Integers

LAGGED, VOLATILITY = "lagged_long_liquidations", "realised_volatility"
TOP_SHARE = 0.01
# Events so many days apart are spells of their own, whichever the coins.
SPELL_DAYS = 7.0
MIN_SPELLS = 30
POOLED = "pooled"
HEADER = (
    "| predictor | coins | graded | events | spells | AUC | gain over lagged liquidations"
    " | gain over volatility | smallest detectable gain | precision of the top 1% | verdict |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


class Sample(NamedTuple):
    """Forecasts by row, sorted by coin and time; nan where unknown.

    `day` counts days (with fractions) from any first one. `unit` numbers, from 0, the days or weeks
    whose blocks are resampled. `predictors` has both baselines.
    """

    coin: list[str]
    day: Floats
    unit: Integers
    events: Flags
    graded: Flags
    predictors: dict[str, Floats]

    def coins(self) -> list[str]:
        return sorted(set(self.coin))

    def of(self, coin: str) -> Flags:
        """The rows of a coin, or all."""
        found: Flags = np.array([coin in (POOLED, one) for one in self.coin], dtype=bool)
        return found


class Figure(NamedTuple):
    """A figure with its 95% interval and standard error."""

    value: float
    low: float
    high: float
    error: float

    def text(self, sign: str = "") -> str:
        return f"{self.value:{sign}.3f} ({self.low:{sign}.3f} to {self.high:{sign}.3f})"


class Record(NamedTuple):
    """What a predictor did over the rows on which it and both baselines are known."""

    predictor: str
    coins: str
    graded: int
    events: int
    spells: int
    auc: Figure
    gain_over_lagged: Figure
    gain_over_volatility: Figure
    top_precision: Figure

    def detectable(self) -> float:
        """The true gain over the lagged liquidations that a test at 5% sees 8 times in 10."""
        return forecasts.DETECTABLE_ERRORS * self.gain_over_lagged.error

    def verdict(self) -> str:
        if self.spells < MIN_SPELLS:
            return "case study"
        if self.predictor == LAGGED:
            return "baseline"
        if self.gain_over_lagged.low > 0:
            return "better"
        return "worse" if self.gain_over_lagged.high < 0 else "undecided"

    def row(self) -> str:
        """A row of the table under HEADER."""
        is_lagged, is_volatility = self.predictor == LAGGED, self.predictor == VOLATILITY
        cells = (
            f"`{self.predictor}`",
            self.coins,
            f"{self.graded:,}",
            f"{self.events:,}",
            str(self.spells),
            self.auc.text(),
            "" if is_lagged else self.gain_over_lagged.text("+"),
            "" if is_volatility else self.gain_over_volatility.text("+"),
            "" if is_lagged else f"{self.detectable():.3f}",
            self.top_precision.text(),
            self.verdict(),
        )
        return f"| {' | '.join(cells)} |"


def shifted_by_half(sample: Sample, values: Floats) -> Floats:
    """A predictor moved, within each coin, by half of its rows in a circle."""
    moved = values.copy()
    for coin in sample.coins():
        own = sample.of(coin)
        moved[own] = np.roll(values[own], int(own.sum()) // 2)
    return moved


def record(sample: Sample, predictor: str, coins: str = POOLED) -> Record | None:
    """The record of a predictor; None without graded rows of both kinds."""
    values = sample.predictors[predictor]
    lagged, volatility = sample.predictors[LAGGED], sample.predictors[VOLATILITY]
    known = ~np.isnan(values) & ~np.isnan(lagged) & ~np.isnan(volatility)
    chosen = sample.graded & known & sample.of(coins)
    events = sample.events[chosen]
    if not events.any() or events.all():
        return None
    unit, units = sample.unit[chosen], int(sample.unit.max()) + 1
    ranked = [_auc(one[chosen], events, unit, units) for one in (values, lagged, volatility)]
    own = ranked[0]
    top = forecasts.top_weights(forecasts.curve(values[chosen], events), TOP_SHARE)
    hits, tops = (forecasts.by_day(one, unit, units) for one in (top * events, top))
    precision = float(hits.sum() / tops.sum())
    part = forecasts.by_day(events, unit, units) / events.sum()
    influences = [
        own[1],
        own[1] - ranked[1][1],
        own[1] - ranked[2][1],
        (hits - precision * tops) / tops.sum(),
    ]
    spread = forecasts.spread(
        np.stack(influences, axis=1), np.stack([part, part, part, tops / tops.sum()], axis=1)
    )
    centres = (own[0], own[0] - ranked[1][0], own[0] - ranked[2][0], precision)
    figures = [
        Figure(
            value,
            max(lowest, float(value + spread.low[place])),
            min(1.0, float(value + spread.high[place])),
            float(spread.error[place]),
        )
        for place, (value, lowest) in enumerate(zip(centres, (0.0, -1.0, -1.0, 0.0), strict=True))
    ]
    spells = forecasts.spaced(np.unique(sample.day[chosen][events]), SPELL_DAYS)
    return Record(predictor, coins, len(events), int(events.sum()), len(spells), *figures)


def _auc(values: Floats, events: Flags, unit: Integers, units: int) -> tuple[float, Floats]:
    """The AUC and what each unit adds to it."""
    found = forecasts.curve(values, events)
    influence = forecasts.auc_influence(forecasts.placements(found, events), events)
    return forecasts.auc(found), forecasts.by_day(influence, unit, units)


def table(sample: Sample, score: str) -> str:
    """All predictors over all coins, and the score by coin, as a Markdown table."""
    rows = [HEADER]
    cases = [(name, POOLED) for name in sample.predictors]
    cases += [(score, coin) for coin in sample.coins()]
    for name, coins in cases:
        found = record(sample, name, coins)
        known = int((sample.graded & sample.of(coins) & ~np.isnan(sample.predictors[name])).sum())
        rows.append(
            found.row()
            if found
            else f"| `{name}` | {coins} | {known:,} |" + " |" * 7 + " nothing to grade |"
        )
    return "\n".join(rows)


def floats(column: list[float | bool | None]) -> Floats:
    """A column of a query; nan where null."""
    return np.array([math.nan if one is None else float(one) for one in column])
