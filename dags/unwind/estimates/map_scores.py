"""How good estimated liquidation levels were: grades, a fitted mix of leverage, intervals.

A case is one asset, day and side: the price buckets that the price reached, what was estimated in
each, and what was then liquidated there. Where the price goes is not graded: every forecast is
spread over the same reached buckets. docs/liquidation-map.md defines the grades.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# The width of a price bucket in percent.
BUCKET_PERCENT = 0.25
# 2026-11-26: a week keeps what a cascade does to the days after it within one block.
BLOCK_DAYS = 7
RESAMPLES = 200
# 90% intervals.
QUANTILES = (0.05, 0.95)
# 2026-11-26: thirteen weeks vary less in resamples than they do: by sqrt(90/83), for what blocks do
# not hold of 90 days, and by 1.782/1.645, Student's quantile with 12 degrees of freedom over the
# normal one. Without it gains of zero were above it in 6.7% of cases instead of 5%.
WIDENED = 1.128
# Frozen by NumPy: RandomState gives the same numbers in every version.
BOOTSTRAP_SEED = 20261126
# 2026-11-26: the mix moves by under 0.1% after so many steps on simulated markets.
FITTING_STEPS = 200
# Of its share in the mix that is fitted from.
MIN_SHARE = 1e-6


class Buckets(NamedTuple):
    """Reached buckets, sorted by case and price; `starts` are the first places of the cases."""

    starts: Integers
    masses: Floats  # USD by bucket and leverage, if all positions were at that leverage
    liquidated: Floats  # USD
    traded: Floats  # USD

    def case_of(self) -> Integers:
        """The number of each bucket's case."""
        return np.repeat(np.arange(len(self.starts)), self.sizes()).astype(np.int64)

    def sizes(self) -> Integers:
        """The buckets of each case."""
        return np.diff(np.append(self.starts, len(self.liquidated))).astype(np.int64)


class Grades(NamedTuple):
    """Two grades of one forecast, by case."""

    hit: Floats
    crps: Floats  # percent of the price


def estimated(buckets: Buckets, mix: Floats) -> Floats:
    """USD by bucket, with these shares of leverage."""
    return _product(buckets.masses, mix)


def shares_of(buckets: Buckets, forecast: Floats) -> Floats:
    """A forecast as shares of its case; even where it has nothing in the case."""
    totals = np.add.reduceat(forecast, buckets.starts)[buckets.case_of()]
    sizes = buckets.sizes()[buckets.case_of()]
    return np.where(totals > 0, forecast / np.where(totals > 0, totals, 1.0), 1.0 / sizes)


def grades(buckets: Buckets, forecast: Floats) -> Grades:
    """The grades of a forecast, any positive measure of the buckets, in each case."""
    shares = shares_of(buckets, forecast)
    realised = shares_of(buckets, buckets.liquidated)
    hit = np.add.reduceat(realised * _weight_in_upper_half(buckets, shares), buckets.starts)
    return Grades(hit, _crps(buckets, shares, realised))


def _weight_in_upper_half(buckets: Buckets, shares: Floats) -> Floats:
    """How much of each bucket is among the half of its case with the most forecast.

    Of equal buckets each counts alike, and the middle one of an odd number by half: an even
    forecast always hits one half.
    """
    case = buckets.case_of()
    order = np.lexsort((-shares, case))
    sorted_case, sorted_share = case[order], shares[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(sorted_case) != 0) | (np.diff(sorted_share) != 0)
    group = np.cumsum(is_new) - 1
    first = np.flatnonzero(is_new)
    size = np.diff(np.append(first, len(order)))
    better = first - buckets.starts[sorted_case[first]]
    half = buckets.sizes()[sorted_case[first]] / 2
    weight = np.empty(len(order))
    weight[order] = np.clip((half - better) / size, 0.0, 1.0)[group]
    return weight


def _crps(buckets: Buckets, shares: Floats, realised: Floats) -> Floats:
    """The mean over liquidated dollars of the continuous ranked probability score of the shares."""
    below = _running(buckets, shares)
    liquidated_below = _running(buckets, realised)
    steps = below**2 * (1 - liquidated_below) + (1 - below) ** 2 * liquidated_below
    scores: Floats = np.add.reduceat(steps, buckets.starts) * BUCKET_PERCENT
    return scores


def _running(buckets: Buckets, shares: Floats) -> Floats:
    """Sums of the shares up to each bucket, within its case."""
    total = np.cumsum(shares)
    before = np.append(0.0, total)[buckets.starts]
    running: Floats = np.clip(total - before[buckets.case_of()], 0.0, 1.0)
    return running


def fitted_mix(buckets: Buckets, mix: Floats, concentration: float) -> Floats:
    """The shares of leverage under which the estimate is most like what was liquidated.

    Maximum likelihood, by multiplicative steps from `mix`, of the shares of each case's dollars:
    how much was liquidated in a case has no part, and each case counts once. Then drawn towards
    `mix` as by `concentration` further cases. A leverage none of whose levels was reached keeps
    its share.
    """
    case = buckets.case_of()
    reached = np.add.reduceat(buckets.masses, buckets.starts)
    is_usable = (_product(reached, mix) > 0) & (
        np.add.reduceat(buckets.liquidated, buckets.starts) > 0
    )
    if not is_usable.any():
        return mix
    masses = buckets.masses[is_usable[case]]
    wanted = shares_of(buckets, buckets.liquidated)[is_usable[case]]
    by_case = reached[is_usable]
    is_fitted = by_case.sum(axis=0) > 0
    weights = mix.copy()
    for _ in range(FITTING_STEPS):
        predicted = _product(masses, weights)
        ratio = np.divide(wanted, predicted, out=np.zeros_like(wanted), where=predicted > 0)
        above = _product(masses.T, ratio)
        below = _product(by_case.T, 1 / _product(by_case, weights))
        weights[is_fitted] *= above[is_fitted] / below[is_fitted]
        weights[is_fitted] *= mix[is_fitted].sum() / weights[is_fitted].sum()
        # A share at zero could not come back, nor explain a case that it alone reaches.
        weights = np.maximum(weights, MIN_SHARE * mix)
    cases = len(by_case)
    drawn: Floats = (cases * weights + concentration * mix) / (cases + concentration)
    return drawn


@cache
def resampled_days(days: int) -> Floats:
    """How often each of `days` consecutive days is in each resample, by resample and day.

    Blocks of a week begin on any day and run on from the last day to the first.
    """
    blocks = -(-days // BLOCK_DAYS)
    starts = np.random.RandomState(BOOTSTRAP_SEED).randint(0, days, (RESAMPLES, blocks))
    drawn = (starts[:, :, None] + np.arange(BLOCK_DAYS)) % days
    drawn = drawn.reshape(RESAMPLES, -1)[:, :days]
    counts = np.zeros((RESAMPLES, days))
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], drawn), 1.0)
    return counts


def ratio_interval(numerators: Floats, denominators: Floats) -> tuple[Floats, Floats]:
    """90% intervals of ratios of sums over 90 days, by block bootstrap; by day and column.

    The quantiles of the resamples, moved away from the ratio by WIDENED. nan where no resample has
    a denominator.
    """
    counts = resampled_days(len(numerators))
    above, below = _product(counts, numerators), _product(counts, denominators)
    ratios = np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
    low, high = np.quantile(ratios, QUANTILES, axis=0)
    # Where resamples lack a denominator; column by column this takes far longer.
    partly = np.isnan(ratios).any(axis=0) & ~np.isnan(ratios).all(axis=0)
    if partly.any():
        low[partly], high[partly] = np.nanquantile(ratios[:, partly], QUANTILES, axis=0)
    total = denominators.sum(axis=0)
    ratio = np.divide(
        numerators.sum(axis=0), total, out=np.full(total.shape, np.nan), where=total > 0
    )
    return ratio - WIDENED * (ratio - low), ratio + WIDENED * (high - ratio)


def _product(left: Floats, right: Floats) -> Floats:
    """The matrix product, in one thread: a busy machine stalls threads of small products."""
    product: Floats = np.einsum("ij,j...->i...", left, right)
    return product
