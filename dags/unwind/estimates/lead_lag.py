"""Whether the liquidations of one venue lead those of another, second by second.

A series says in which seconds of an hour a venue liquidated; how much or how often within a second
does not count, as venues that publish one liquidation per second hide that. A pair is a second of
one venue and one of the other. Its lag is how many seconds the second venue's comes later.

A lead is counted from an allowance on: 0 where both clocks are good to the second, 1 where a
publication rule may make a venue late by up to one. The statistic is the number of pairs with a
lag of up to `MAX_LAG_SECONDS` above the allowance, less those with one of as much below it, over
the root of the sum of squares of this difference by block of `BLOCK_SECONDS`. So it has a variance
near 1 also where both venues follow one move of the price. The difference alone varies far more in
common bursts than where they are shifted apart: of hours without a lead it finds one in 10 to 25%
(docs/contagion.md).

The null is the same statistic with the second series shifted in a circle, by -30 to 30 minutes in
steps of a block, shifts under `MIN_SHIFT_SECONDS` left out: a fixed set, no draw.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Series = NDArray[np.float32]

SECONDS = 3600
# As var contagion_max_lag_seconds; a test compares them.
MAX_LAG_SECONDS = 5
MAX_ALLOWANCE_SECONDS = 1
# 2026-11-26: longer than all lags together, so that blocks share few pairs; with 20, 30 and 60
# seconds simulated hours without a lead are rejected at the nominal rate, and shorter blocks give
# more shifts.
BLOCK_SECONDS = 30
# 2026-11-26: within a minute both venues follow the same move of the price.
MIN_SHIFT_SECONDS = 60

BLOCKS = SECONDS // BLOCK_SECONDS
# Blocks that the second series is shifted by; 60 of 120 are 30 minutes, forth as well as back.
MIN_SHIFT = MIN_SHIFT_SECONDS // BLOCK_SECONDS
SHIFTS = np.arange(MIN_SHIFT, BLOCKS - MIN_SHIFT + 1)
MARGIN = MAX_LAG_SECONDS + MAX_ALLOWANCE_SECONDS
LAGS = np.arange(-MARGIN, MARGIN + 1)
NEAR = np.abs(LAGS) <= MAX_LAG_SECONDS
# Equal ratios of whole numbers are equal, however they were computed.
DIGITS = 9
# A pair takes some half a megabyte.
PAIRS_AT_A_TIME = 128


class LeadLags(NamedTuple):
    """Of pairs of venues; every array has the shape (pairs,), and nan is not known."""

    joint_pairs: Counts
    cooccurrence_ratio: Floats
    cooccurrence_null_share_above: Floats
    lead_pairs: Counts
    lag_pairs: Counts
    unequal_blocks: Counts
    lead_statistic: Floats
    null_statistic_low: Floats
    null_statistic_high: Floats
    null_share_above: Floats
    peak_lag_seconds: Floats
    peak_correlation: Floats


def lead_lags(
    active: Series, first: Counts, second: Counts, allowance_seconds: Counts
) -> tuple[LeadLags, LeadLags]:
    """How the series in rows `first` lead those in rows `second`, and the other way round.

    `active` has the shape (series, 3600) and is 1 in a second with a liquidation, else 0. The
    others have the shape (pairs,).
    """
    places = range(PAIRS_AT_A_TIME, len(first), PAIRS_AT_A_TIME)
    parts = [
        _both_ways(active[first[part]], active[second[part]], allowance_seconds[part])
        for part in np.split(np.arange(len(first)), places)
    ]
    forth, back = (
        LeadLags(*(np.concatenate(columns) for columns in zip(*way, strict=True)))
        for way in zip(*parts, strict=True)
    )
    return forth, back


def _both_ways(
    first: Series, second: Series, allowance_seconds: Counts
) -> tuple[LeadLags, LeadLags]:
    by_lag = _pairs_by_lag(first, second)
    above = LAGS - allowance_seconds[:, None]
    weights = np.sign(above) * (np.abs(above) <= MAX_LAG_SECONDS)
    near = np.broadcast_to(NEAR, by_lag.shape)
    together = _by_shift(first, second, near).sum(axis=2)
    by_chance = together[:, 1:].mean(axis=1)
    peak_lag, peak_pairs = _peak(by_lag[:, NEAR])
    forth, back = (
        LeadLags(
            (by_lag * NEAR).sum(axis=1),
            together[:, 0] / np.where(by_chance > 0, by_chance, np.nan),
            _share_above(together),
            (by_lag * (of_way > 0)).sum(axis=1),
            (by_lag * (of_way < 0)).sum(axis=1),
            *_statistic(_by_shift(first, second, of_way)),
            peak_of_way,
            _correlation(peak_pairs, first.sum(axis=1), second.sum(axis=1)),
        )
        for of_way, peak_of_way in ((weights, peak_lag), (weights[:, ::-1], -peak_lag))
    )
    return forth, back


def _pairs_by_lag(first: Series, second: Series) -> Counts:
    """Seconds of the first series that the second one follows at each of LAGS; (pairs, lags)."""
    padded = np.pad(second, ((0, 0), (MARGIN, MARGIN)))
    counts = [
        np.einsum("ps,ps->p", first, padded[:, place : place + SECONDS])
        for place in range(len(LAGS))
    ]
    return np.stack(counts, axis=1).astype(np.int64)


def _by_shift(first: Series, second: Series, weights: NDArray[np.generic]) -> Floats:
    """Sums of weighted pairs by block, unshifted and at each of SHIFTS.

    `weights` are those of LAGS, (pairs, lags); the sums are (pairs, 1 + shifts, blocks). A shift of
    whole blocks pairs each block of the first series with another one of the second, so one product
    of matrices has all of them. Whole numbers below 2^24 are exact in single precision.
    """
    padded = np.pad(second, ((0, 0), (MARGIN, MARGIN)))
    neighbours = np.zeros_like(second)
    for place, weight in enumerate(weights.astype(np.float32).T):
        neighbours += weight[:, None] * padded[:, place : place + SECONDS]
    blocks = (-1, BLOCKS, BLOCK_SECONDS)
    products = first.reshape(blocks) @ neighbours.reshape(blocks).transpose(0, 2, 1)
    block = np.arange(BLOCKS)
    places = (block + np.append(0, SHIFTS)[:, None]) % BLOCKS
    by_block: Floats = products[:, block, places].astype(np.float64)
    return by_block


def _statistic(by_block: Floats) -> tuple[Counts, Floats, Floats, Floats, Floats]:
    """Blocks that enter, the statistic, 5 and 95% quantiles of its null, and its share above."""
    squares = np.einsum("psb,psb->ps", by_block, by_block)
    statistic = np.round(by_block.sum(axis=2) / np.sqrt(np.maximum(squares, 1)), DIGITS) + 0.0
    low, high = np.quantile(statistic[:, 1:], (0.05, 0.95), axis=1)
    blocks = np.count_nonzero(by_block[:, 0], axis=1)
    return blocks, statistic[:, 0], low, high, _share_above(statistic)


def _share_above(by_shift: Floats) -> Floats:
    """The share of shifts with as much or more, the unshifted series counted as one of them."""
    share: Floats = (by_shift >= by_shift[:, :1]).mean(axis=1)
    return share


def _peak(by_lag: Counts) -> tuple[Floats, Floats]:
    """The lag with the most pairs, the shortest of equal ones, and its pairs.

    The lag is nan where a lag and its opposite are equal, and both are where there is no pair.
    """
    lags = LAGS[NEAR]
    rank = by_lag * len(lags) - np.abs(lags)
    is_peak = rank == rank.max(axis=1, keepdims=True)
    pairs = np.where(by_lag.any(axis=1), by_lag.max(axis=1), np.nan)
    is_one = (is_peak.sum(axis=1) == 1) & ~np.isnan(pairs)
    return np.where(is_one, lags[is_peak.argmax(axis=1)], np.nan), pairs


def _correlation(pairs: Floats, first: Series, second: Series) -> Floats:
    """Of two series of zeros and ones with so many ones, both of them in so many seconds."""
    one, other = (ones.astype(np.float64) / SECONDS for ones in (first, second))
    variances = one * (1 - one) * other * (1 - other)
    deviation = np.sqrt(np.where(variances > 0, variances, np.nan))
    correlation: Floats = (pairs / SECONDS - one * other) / deviation
    return correlation
