"""Whether the liquidations of one venue lead those of another, second by second.

A series says in which seconds of an hour a venue liquidated; how much or how often within a second
does not count, as venues that publish one liquidation per second hide that. A pair is a second of
one venue and one of the other, at most `MAX_LAG_SECONDS` apart. The statistic is the number of
pairs in which the first venue comes before the second one, less those in which it comes after it,
over the root of the sum of squares of this difference by block of `BLOCK_SECONDS`. So it has a
variance near 1 also where both venues follow one move of the price. The difference alone varies far
more in common bursts than where they are shifted apart: of hours without a lead it finds one in 10
to 25% (docs/contagion.md).

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
# 2026-11-26: longer than all lags together, so that blocks share few pairs; of 20, 30 and 60
# seconds all reject at the nominal rate in simulations, and more blocks give more shifts.
BLOCK_SECONDS = 30
# 2026-11-26: within a minute both venues follow the same move of the price.
MIN_SHIFT_SECONDS = 60

BLOCKS = SECONDS // BLOCK_SECONDS
# Blocks that the second series is shifted by; 60 of 120 are 30 minutes, forth as well as back.
MIN_SHIFT = MIN_SHIFT_SECONDS // BLOCK_SECONDS
SHIFTS = np.arange(MIN_SHIFT, BLOCKS - MIN_SHIFT + 1)
LAGS = np.arange(-MAX_LAG_SECONDS, MAX_LAG_SECONDS + 1)
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
    lead_statistic: Floats
    null_statistic_low: Floats
    null_statistic_high: Floats
    null_share_above: Floats
    null_share_below: Floats
    peak_lag_seconds: Floats
    peak_correlation: Floats


def lead_lags(active: Series, first: Counts, second: Counts, min_lag_seconds: Counts) -> LeadLags:
    """How the series in rows `first` lead those in rows `second`.

    `active` has the shape (series, 3600) and is 1 in a second with a liquidation, else 0. The
    others have the shape (pairs,). Shorter lags than `min_lag_seconds` count as neither lead nor
    lag.
    """
    parts = [
        _lead_lags(active[first[part]], active[second[part]], min_lag_seconds[part])
        for part in np.split(
            np.arange(len(first)), range(PAIRS_AT_A_TIME, len(first), PAIRS_AT_A_TIME)
        )
    ]
    return LeadLags(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _lead_lags(first: Series, second: Series, min_lag_seconds: Counts) -> LeadLags:
    by_lag = _pairs_by_lag(first, second)
    leads = min_lag_seconds[:, None] <= LAGS
    lags = min_lag_seconds[:, None] <= -LAGS
    direction = leads.astype(np.float32) - lags
    statistic = _over_root(_shifted(first, _neighbours(second, direction)))
    observed, null = statistic[:, :1], statistic[:, 1:]
    low, high = np.quantile(null, (0.05, 0.95), axis=1)
    together = _shifted(first, _neighbours(second, np.ones_like(direction))).sum(axis=2)
    by_chance = together[:, 1:].mean(axis=1)
    peak_lag, peak_pairs = _peak(by_lag)
    return LeadLags(
        by_lag.sum(axis=1),
        np.where(by_chance > 0, together[:, 0] / np.where(by_chance > 0, by_chance, 1), np.nan),
        _share(together[:, 1:] >= together[:, :1]),
        (by_lag * leads).sum(axis=1),
        (by_lag * lags).sum(axis=1),
        observed[:, 0],
        low,
        high,
        _share(null >= observed),
        _share(null <= observed),
        peak_lag,
        _correlation(peak_pairs, first.sum(axis=1), second.sum(axis=1)),
    )


def _pairs_by_lag(first: Series, second: Series) -> Counts:
    """Seconds of the first series that the second one follows at each of LAGS; (pairs, lags)."""
    padded = np.pad(second, ((0, 0), (MAX_LAG_SECONDS, MAX_LAG_SECONDS)))
    counts = [
        np.einsum("ps,ps->p", first, padded[:, MAX_LAG_SECONDS + lag :][:, :SECONDS])
        for lag in LAGS
    ]
    return np.stack(counts, axis=1).astype(np.int64)


def _neighbours(series: Series, weights: Series) -> Series:
    """Per second, the active seconds at each of LAGS from it, weighted; weights: (pairs, lags)."""
    padded = np.pad(series, ((0, 0), (MAX_LAG_SECONDS, MAX_LAG_SECONDS)))
    found: Series = np.zeros_like(series)
    for place, weight in enumerate(weights.T):
        found += weight[:, None] * padded[:, place : place + SECONDS]
    return found


def _shifted(first: Series, neighbours: Series) -> Floats:
    """Sums by block, unshifted and at each of SHIFTS; (pairs, 1 + shifts, blocks).

    A shift of whole blocks pairs each block of the first series with another one of the second, so
    one product of matrices has all of them. Whole numbers below 2^24 are exact in single precision.
    """
    blocks = (-1, BLOCKS, BLOCK_SECONDS)
    products = first.reshape(blocks) @ neighbours.reshape(blocks).transpose(0, 2, 1)
    block = np.arange(BLOCKS)
    places = (block + np.append(0, SHIFTS)[:, None]) % BLOCKS
    by_block: Floats = products[:, block, places].astype(np.float64)
    return by_block


def _over_root(by_block: Floats) -> Floats:
    squares = np.einsum("psb,psb->ps", by_block, by_block)
    statistic: Floats = by_block.sum(axis=2) / np.sqrt(np.maximum(squares, 1))
    return np.round(statistic, DIGITS) + 0.0


def _share(is_beyond: NDArray[np.bool_]) -> Floats:
    """The share of shifts that are as far out, the unshifted series counted as one of them."""
    share: Floats = (1 + is_beyond.sum(axis=1)) / (1 + is_beyond.shape[1])
    return share


def _peak(by_lag: Counts) -> tuple[Floats, Floats]:
    """The lag with the most pairs, the shortest of equal ones, and its pairs.

    The lag is nan where a lag and its opposite are equal, and both are where there is no pair.
    """
    rank = by_lag * len(LAGS) - np.abs(LAGS)
    is_peak = rank == rank.max(axis=1, keepdims=True)
    lag = np.where(is_peak.sum(axis=1) == 1, LAGS[is_peak.argmax(axis=1)], np.nan)
    pairs = by_lag.max(axis=1)
    return np.where(pairs > 0, lag, np.nan), np.where(pairs > 0, pairs, np.nan)


def _correlation(pairs: Floats, first: Series, second: Series) -> Floats:
    """Of two series of zeros and ones with so many ones, both of them in so many seconds."""
    one, other = first / SECONDS, second.astype(np.float64) / SECONDS
    variances = one * (1 - one) * other * (1 - other)
    deviation = np.sqrt(np.where(variances > 0, variances, np.nan))
    correlation: Floats = (pairs / SECONDS - one * other) / deviation
    return correlation
