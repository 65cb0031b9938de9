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
# As var contagion_min_blocks. With fewer there is no null, which takes nine tenths of the time.
MIN_BLOCKS = 10
# Equal ratios of whole numbers are equal, however they were computed.
DIGITS = 9
# A pair takes some half a megabyte.
PAIRS_AT_A_TIME = 128


class LeadLags(NamedTuple):
    """Of pairs of venues; every array has the shape (pairs,), and nan is not known.

    The statistic and what needs a null are nan where neither direction has MIN_BLOCKS.
    """

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
    near = _neighbours(active, NEAR)
    # By allowance and direction: 1 where a second counts for a lead, -1 where for a lag.
    weights = [
        np.sign(LAGS - allowance) * (np.abs(LAGS - allowance) <= MAX_LAG_SECONDS)
        for allowance in range(MAX_ALLOWANCE_SECONDS + 1)
    ]
    weighted = np.stack([_neighbours(active, one) for one in weights])
    reversed_ = np.stack([_neighbours(active, one[::-1]) for one in weights])
    parts = []
    places = range(PAIRS_AT_A_TIME, len(first), PAIRS_AT_A_TIME)
    for part in np.split(np.arange(len(first)), places):
        one, other, allowance = first[part], second[part], allowance_seconds[part]
        parts.append(
            _both_ways(
                active[one],
                active[other],
                near[other],
                (weighted[allowance, other], np.stack(weights)[allowance]),
                (reversed_[allowance, other], np.stack(weights)[allowance, ::-1]),
            )
        )
    forth, back = (
        LeadLags(*(np.concatenate(columns) for columns in zip(*way, strict=True)))
        for way in zip(*parts, strict=True)
    )
    return forth, back


def _both_ways(
    first: Series, second: Series, near: Series, *ways: tuple[Series, NDArray[np.int64]]
) -> list[LeadLags]:
    """The figures of pairs of series, for each way with its neighbours of the second series.

    `near` and the neighbours are (pairs, 3600), the weights that they are made by (pairs, lags).
    """
    by_lag = _pairs_by_lag(first, second)
    blocks = [
        np.count_nonzero(
            (first * neighbours).reshape(-1, BLOCKS, BLOCK_SECONDS).sum(axis=2), axis=1
        )
        for neighbours, _ in ways
    ]
    enough = np.flatnonzero(np.max(blocks, axis=0) >= MIN_BLOCKS)
    together = _by_shift(first[enough], near[enough]).sum(axis=2)
    by_chance = together[:, 1:].mean(axis=1)
    ratio = together[:, 0] / np.where(by_chance > 0, by_chance, np.nan)
    peak_lag, peak_pairs = _peak(by_lag[:, NEAR])
    correlation = _correlation(peak_pairs, first.sum(axis=1), second.sum(axis=1))
    found = []
    for sign, count, (neighbours, weights) in zip((1, -1), blocks, ways, strict=True):
        tested = _statistic(_by_shift(first[enough], neighbours[enough]))
        statistic, low, high, above = (_placed(one, enough, len(first)) for one in tested)
        found.append(
            LeadLags(
                joint_pairs=(by_lag * NEAR).sum(axis=1),
                cooccurrence_ratio=_placed(ratio, enough, len(first)),
                cooccurrence_null_share_above=_placed(_share_above(together), enough, len(first)),
                lead_pairs=(by_lag * (weights > 0)).sum(axis=1),
                lag_pairs=(by_lag * (weights < 0)).sum(axis=1),
                unequal_blocks=count,
                lead_statistic=statistic,
                null_statistic_low=low,
                null_statistic_high=high,
                null_share_above=above,
                peak_lag_seconds=sign * peak_lag,
                peak_correlation=correlation,
            )
        )
    return found


def _placed(values: Floats, rows: Counts, length: int) -> Floats:
    """The values in their rows, nan in the others."""
    placed = np.full(length, np.nan)
    placed[rows] = values
    return placed


def _neighbours(active: Series, weights: NDArray[np.generic]) -> Series:
    """Per second, the sum of the seconds at each of LAGS from it, times its weight."""
    padded = np.pad(active, ((0, 0), (MARGIN, MARGIN)))
    found: Series = np.zeros_like(active)
    for place, weight in enumerate(weights.astype(np.float32)):
        if weight:
            found += weight * padded[:, place : place + SECONDS]
    return found


def _pairs_by_lag(first: Series, second: Series) -> Counts:
    """Seconds of the first series that the second one follows at each of LAGS; (pairs, lags)."""
    padded = np.pad(second, ((0, 0), (MARGIN, MARGIN)))
    counts = [
        np.einsum("ps,ps->p", first, padded[:, place : place + SECONDS])
        for place in range(len(LAGS))
    ]
    return np.stack(counts, axis=1).astype(np.int64)


def _by_shift(first: Series, neighbours: Series) -> Floats:
    """Sums of weighted pairs by block, unshifted and at each of SHIFTS.

    `neighbours` are of the second series; the sums are (pairs, 1 + shifts, blocks). A shift of
    whole blocks pairs each block of the first series with another one of the second, so one product
    of matrices has all of them. Whole numbers below 2^24 are exact in single precision.
    """
    blocks = (-1, BLOCKS, BLOCK_SECONDS)
    products = first.reshape(blocks) @ neighbours.reshape(blocks).transpose(0, 2, 1)
    block = np.arange(BLOCKS)
    places = (block + np.append(0, SHIFTS)[:, None]) % BLOCKS
    by_block: Floats = products[:, block, places].astype(np.float64)
    return by_block


def _statistic(by_block: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The statistic, the 5 and 95% quantiles of its null, and the share of that above it."""
    squares = np.einsum("psb,psb->ps", by_block, by_block)
    statistic = np.round(by_block.sum(axis=2) / np.sqrt(np.maximum(squares, 1)), DIGITS) + 0.0
    low, high = np.quantile(statistic[:, 1:], (0.05, 0.95), axis=1)
    return statistic[:, 0], low, high, _share_above(statistic)


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
