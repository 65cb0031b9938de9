"""How good forecasts of events were: ranks, alarms, probabilities, and how sure that is.

A forecast is a number by hour, larger where an event is more likely; hours have an event or not.
docs/scorecard.md defines the measures.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

RESAMPLES = 200
# 2026-11-26: in blocks of one day 16% of simulated markets without a difference had one; longer
# ones than three are no better (docs/scorecard.md).
BLOCK_DAYS = 3
# 95% intervals: an interval of a difference that leaves out zero is a test at 5%.
QUANTILES = (0.025, 0.975)
# Frozen by NumPy: RandomState gives the same numbers in every version.
BOOTSTRAP_SEED = 20261126
# Standard errors of a difference that is seen 8 times in 10 by a two-sided test at 5%.
NORMAL_QUANTILE = 1.959964
DETECTABLE_ERRORS = NORMAL_QUANTILE + 0.841621
# Beyond it one block is all there is, and no formula makes up for the others.
MAX_SHARE = 0.9
MIN_FREEDOM = 2.0
# 2026-11-26: slopes are drawn to zero as by one hour, so that a feature that never moves has none.
RIDGE = 1.0
NEWTON_STEPS = 25
NEWTON_TOLERANCE = 1e-10
# With fewer, no p-value could be under 5%.
MIN_SHIFTS = 20


class Curve(NamedTuple):
    """What an alarm at each distinct value of a forecast would catch, from the highest value down.

    `group` is each hour's place in the other columns; `hits` and `false_alarms` count the hours
    with and without an event at or above a value.
    """

    thresholds: Floats
    hits: Integers
    false_alarms: Integers
    group: Integers


def curve(values: Floats, events: Flags) -> Curve:
    """The curve of a forecast; one hour at least."""
    order = np.argsort(-values)
    ordered = values[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)
    last = np.flatnonzero(is_last)
    group = np.empty(len(values), dtype=np.int64)
    group[order] = np.cumsum(is_last) - is_last
    hits = np.cumsum(events[order])[last].astype(np.int64)
    return Curve(ordered[last], hits, last + 1 - hits, group)


def placements(found: Curve, events: Flags) -> Floats:
    """By hour, the share of the other kind's hours that it is ranked rightly against.

    Ties count half.

    The mean over the hours with an event is the AUC, and so is that over the hours without.
    nan where there is only one kind.
    """
    of_hits = np.diff(found.hits, prepend=0)
    of_false = np.diff(found.false_alarms, prepend=0)
    with_event, without = found.hits[-1], found.false_alarms[-1]
    if not with_event or not without:
        return np.full(len(events), np.nan)
    below = (without - found.false_alarms + of_false / 2) / without
    above = (found.hits - of_hits / 2) / with_event
    shares: Floats = np.where(events, below[found.group], above[found.group])
    return shares


def auc(found: Curve) -> float:
    """The chance that an hour with an event has a higher value than one without; ties are half."""
    with_event, without = found.hits[-1], found.false_alarms[-1]
    if not with_event or not without:
        return math.nan
    gained = np.diff(found.false_alarms, prepend=0) * (
        found.hits - np.diff(found.hits, prepend=0) / 2
    )
    return float(gained.sum() / (int(with_event) * int(without)))


def average_precision(found: Curve) -> float:
    """The area under precision by recall: sum over thresholds of precision x the recall gained."""
    if not found.hits[-1]:
        return math.nan
    precision = found.hits / (found.hits + found.false_alarms)
    return float((precision * np.diff(found.hits, prepend=0)).sum() / found.hits[-1])


def top_weights(found: Curve, share: float) -> Floats:
    """By hour, its part in the highest `share` of hours, one at least; equal hours share alike."""
    wanted = max(1.0, share * len(found.group))
    alarms = (found.hits + found.false_alarms).astype(float)
    sizes = np.diff(alarms, prepend=0.0)
    weights: Floats = np.clip((wanted - (alarms - sizes)) / sizes, 0.0, 1.0)[found.group]
    return weights


def alarm_threshold(found: Curve, false_alarms: float) -> float:
    """The lowest value at or above which at most so many hours are false alarms; else infinity."""
    allowed = np.flatnonzero(found.false_alarms <= false_alarms)
    return float(found.thresholds[allowed[-1]]) if len(allowed) else math.inf


def by_day(values: Floats | Flags, day: Integers, days: int) -> Floats:
    """Sums by day."""
    return np.bincount(day, weights=values, minlength=days).astype(np.float64)


def auc_influence(shares: Floats, events: Flags) -> Floats:
    """How far one more hour like each would move the AUC; sums to zero.

    The AUC of a resample of hours is the AUC plus these, each as often as its hour was drawn, to
    first order (the Hajek projection of a two-sample U-statistic).
    """
    mean = shares[events].mean() if events.any() else math.nan
    size = np.where(events, max(int(events.sum()), 1), max(int((~events).sum()), 1))
    moved: Floats = (shares - mean) / size
    return moved


class Spread(NamedTuple):
    """How far figures may be from what they would be in as many other days, by column."""

    low: Floats  # 2.5% quantile of the deviation
    high: Floats  # 97.5%
    error: Floats  # standard error


@cache
def resampled_blocks(days: int) -> Floats:
    """How often each block, by its first day, is in each resample; by resample and day.

    Blocks of BLOCK_DAYS begin on any day and run on from the last day to the first.
    """
    drawn = max(1, round(days / BLOCK_DAYS))
    starts = np.random.RandomState(BOOTSTRAP_SEED).randint(0, days, (RESAMPLES, drawn))
    counts = np.zeros((RESAMPLES, days))
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], starts), 1.0)
    return counts


def spread(influences: Floats, shares: Floats) -> Spread:
    """The spread of figures by block bootstrap, from what each day adds to them; by day and column.

    `shares` is each day's part of what the figure is a mean over. A block with a large part has
    drawn the figure to itself, so its influence is divided by what is left without it, as in a
    jackknife. And where few blocks make up the variance, a standard error is a guess itself:
    deviations are widened as Student's t with so many degrees of freedom is.
    """
    influences, shares = _block_sums(influences), _block_sums(shares)
    blocks = influences / (1 - np.minimum(shares, MAX_SHARE))
    # In one thread, as everything here: a busy machine stalls threads of small products.
    moved = np.einsum("rb,bc->rc", resampled_blocks(len(blocks)), blocks)
    moved = (moved - moved.mean(axis=0)) * _widening(blocks)
    low, high = np.quantile(moved, QUANTILES, axis=0)
    return Spread(low, high, moved.std(axis=0))


def _block_sums(by_day: Floats) -> Floats:
    """Sums over the block that begins on each day."""
    shifted = [np.roll(by_day, -day, axis=0) for day in range(min(BLOCK_DAYS, len(by_day)))]
    sums: Floats = np.sum(shifted, axis=0)
    return sums


def _widening(blocks: Floats) -> Floats:
    """Student's t over the normal quantile, by column; 1 where nothing varies.

    The degrees of freedom are those of a sum of squares with these terms (Satterthwaite), counted
    once for blocks that overlap.
    """
    squares, fourths = (blocks**2).sum(axis=0), (blocks**4).sum(axis=0)
    freedom = np.divide(
        squares**2, fourths * BLOCK_DAYS, out=np.full(len(squares), np.inf), where=fourths > 0
    )
    freedom = np.maximum(freedom, MIN_FREEDOM)
    z = NORMAL_QUANTILE
    # Its expansion (Abramowitz and Stegun 26.7.5): 2.23 at 10, 2.57 at 5.
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    widening: Floats = t / z
    return widening


def logistic_fit(features: Floats, events: Flags) -> Floats:
    """Intercept and slopes of a logistic regression; features by hour and column.

    Maximises the likelihood less RIDGE / 2 x the sum of squared slopes. nan without hours of both
    kinds, and where it does not converge.
    """
    hours, columns = features.shape
    unknown = np.full(columns + 1, np.nan)
    if not events.any() or events.all():
        return unknown
    design = np.column_stack([np.ones(hours), features])
    penalty = np.append(0.0, np.full(columns, RIDGE))
    share = events.mean()
    weights = np.append(math.log(share / (1 - share)), np.zeros(columns))
    value = _penalised(design, events, weights, penalty)
    for _ in range(NEWTON_STEPS):
        likely = probabilities(design, weights)
        gradient = np.einsum("hc,h->c", design, events - likely) - penalty * weights
        weighted = design * (likely * (1 - likely))[:, None]
        curvature = np.einsum("hc,hd->cd", weighted, design) + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        moved = _penalised(design, events, weights + step, penalty)
        while moved < value - 1e-9 * abs(value) and size > 1e-6:
            size /= 2
            moved = _penalised(design, events, weights + size * step, penalty)
        weights = weights + size * step
        if abs(moved - value) <= NEWTON_TOLERANCE * (abs(value) + 1):
            return weights
        value = moved
    return unknown


def _penalised(design: Floats, events: Flags, weights: Floats, penalty: Floats) -> float:
    linear = np.einsum("hc,c->h", design, weights)
    likelihood = np.where(events, linear, 0.0) - np.logaddexp(0.0, linear)
    return float(likelihood.sum() - (penalty * weights**2).sum() / 2)


def probabilities(design: Floats, weights: Floats) -> Floats:
    """The chances of an event, by hour; the design's first column is one."""
    # In one thread, as everything here: a busy machine stalls threads of small products.
    linear = np.einsum("hc,c->h", design, weights)
    likely: Floats = 1 / (1 + np.exp(-np.clip(linear, -500.0, 500.0)))
    return likely


def shift_p_value(ranks: Floats, events: Flags, graded: Flags) -> float:
    """How often a forecast that was moved by whole days separates the hours as well as the own one.

    Arrays by day, hour of the day and asset; ranks are nan where unknown. All assets are moved by
    the same days, in a circle: what they share and what the time of day does stay as they are.
    Moves by under two days are left out. nan with under MIN_SHIFTS of them.
    """
    days = len(ranks)
    shifts = np.arange(2, days - 1)
    if len(shifts) < MIN_SHIFTS:
        return math.nan
    known = ~np.isnan(ranks)
    values = np.fft.rfft(np.where(known, ranks, 0.0), axis=0)
    counted = np.fft.rfft(known.astype(float), axis=0)

    def means(chosen: Flags) -> Floats:
        chosen_at = np.conj(np.fft.rfft(chosen.astype(float), axis=0))
        above = np.fft.irfft((values * chosen_at).sum(axis=(1, 2)), days)
        below = np.fft.irfft((counted * chosen_at).sum(axis=(1, 2)), days)
        mean: Floats = np.divide(above, below, out=np.full(days, np.nan), where=below > 0.5)
        return mean

    separated = means(events & graded) - means(graded & ~events)
    tolerance = 1e-9 * float(np.nanmax(np.abs(ranks), initial=1.0))
    compared = separated[shifts]
    compared = compared[~np.isnan(compared)]
    if np.isnan(separated[0]) or len(compared) < MIN_SHIFTS:
        return math.nan
    as_good = int((compared >= separated[0] - tolerance).sum())
    return (1 + as_good) / (1 + len(compared))


def spaced(times: Floats, apart: float) -> Floats:
    """Of sorted times, the first one and each that is so far from the one taken before it."""
    taken: list[float] = []
    for one in times.tolist():
        if not taken or one >= taken[-1] + apart:
            taken.append(one)
    return np.array(taken, dtype=np.float64)


def leads(alarms: Flags, starts: Floats, reach_hours: int) -> Floats:
    """Hours from the first alarm before each start to it; nan where there was none.

    `alarms` by consecutive hours, known at each hour's end; `starts` in hours since the first one's
    beginning. An alarm counts up to `reach_hours` before the start.
    """
    if not len(starts) or not alarms.any():
        return np.full(len(starts), np.nan)
    hours = len(alarms)
    at = np.where(alarms, np.arange(hours), hours)
    following = np.append(np.minimum.accumulate(at[::-1])[::-1], hours)
    first = np.clip(np.ceil(starts - reach_hours - 1), 0, hours).astype(int)
    found = following[first]
    lead: Floats = np.where((found < hours) & (found + 1 <= starts), starts - found - 1, np.nan)
    return lead
