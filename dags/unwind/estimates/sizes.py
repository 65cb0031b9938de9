"""The dollars of what a channel did not publish, from the sizes of what it did.

Each published event stands for hidden ones. Under `latest of the second` it is a fair sample of its
second, and stands for as many of its own size and side as its window has hidden ones to each
published. Under `largest of the second` an event is published the likelier the larger it is, and
stands for one over that likelihood. docs/coverage.md states the formulas and how they were tried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from unwind.estimates.from_order import HiddenFromOrder
from unwind.estimates.rates import (
    HARMONIC,
    SLOT_SECONDS,
    Booleans,
    Floats,
    HiddenEvents,
    Integers,
    summed,
)

# Under `largest`, sizes are pooled over those windows of an hour whose rates are within a factor
# of two: sizes may grow with the rate.
POOLED_RATES = 2.0
MAX_POOLS = 32
# Weights are whole numbers of a hundred-thousandth: sums of those are exact, and no hour's result
# depends on the hours worked on with it.
WEIGHT_UNIT = 100_000
# After thirty rounds the remaining error is below a hundred-thousandth of the hidden dollars.
ROUNDS = 30
# A side with fewer effective events than this is taken to have the spread of all sizes.
MIN_EVENTS_OF_SPREAD = 10
# Below a cent a size's logarithm is meaningless.
MIN_USD = 0.01


class Sample(NamedTuple):
    """Published events, at most one of a channel and second: arrays of one length.

    row of the channel-hour; second of the hour; USD, nan where unknown.
    """

    row: Integers
    second: Integers
    usd: Floats

    @property
    def is_priced(self) -> Booleans:
        return np.isfinite(self.usd)


class Parts(NamedTuple):
    """Parts of channel-hours that are estimated each: the minutes of an hour, or all of it.

    of_event: the part of each event of a sample; row: the channel-hour of each part.
    """

    of_event: Integers
    row: Integers


class Weights(NamedTuple):
    """How many hidden events each event of a sample represents.

    `larger` is the estimated share of the true events that are larger than it; it enters the
    variance under `largest` alone.
    """

    hidden: Floats
    larger: Floats


def latest_weights(sample: Sample, events: HiddenEvents) -> Weights:
    """The weight of each event where the latest of a second is published."""
    place = sample.row, sample.second // SLOT_SECONDS
    hidden = events.of_slots[place] / np.maximum(events.windows.occupied[place], 1)
    return Weights(hidden, np.zeros(len(hidden)))


def largest_weights(sample: Sample, events: HiddenEvents) -> Weights:
    """The weight of each event where the largest of a second is published.

    An event of the rank F among the true sizes is the largest of its second with the probability
    exp(-rate (1 - F)), or (1 + y (1 - F)) ^ -(rate/y + 1) where rates disperse by y. F itself is
    estimated from the sizes so weighted, in rounds. What all of an hour's events stand for is
    halfway between that and what its empty seconds say. An event without a size stands for what it
    would if the latest were published.
    """
    place = sample.row, sample.second // SLOT_SECONDS
    windows = events.windows
    seconds, occupied = windows.seconds[place], windows.occupied[place]
    window_rate = windows.rate[place]
    # The window's other seconds do not depend on whether this one is occupied.
    rate = HARMONIC[seconds - 1] - HARMONIC[seconds - occupied]
    rate = rate * np.maximum(occupied + events.of_slots[place], 0) / (seconds * window_rate)
    weights = latest_weights(sample, events)
    return _by_size(sample, weights, events, rate, window_rate, _times)


def from_order_latest_weights(sample: Sample, events: HiddenFromOrder) -> Weights:
    """The weight of each event where one of a window is published, whatever its size."""
    return Weights(events.of_events.copy(), np.zeros(len(sample.row)))


def from_order_largest_weights(sample: Sample, events: HiddenFromOrder) -> Weights:
    """The weight of each event where the largest of a window is published: see `_times`."""
    weights = from_order_latest_weights(sample, events)
    pooled = np.maximum(events.rate, 1 / SLOT_SECONDS)
    return _by_size(sample, weights, events, events.rate, pooled, _times_from_order)


def _by_size(
    sample: Sample,
    weights: Weights,
    events: HiddenEvents | HiddenFromOrder,
    rate: Floats,
    pooled_rate: Floats,
    times: Callable[[Floats, Floats, Floats], Floats],
) -> Weights:
    """`weights`, which go by seconds alone, of priced events changed to go by their sizes too."""
    priced = np.flatnonzero(sample.is_priced)
    row, usd, rate = sample.row[priced], sample.usd[priced], rate[priced]
    y = np.maximum(events.dispersion, 0)[row]

    level = np.floor(np.log(pooled_rate[priced] * SLOT_SECONDS) / np.log(POOLED_RATES))
    pool = row * MAX_POOLS + np.clip(level, 0, MAX_POOLS - 1).astype(np.int64)
    order = np.lexsort((usd, pool))
    larger = _larger_share(pool[order], rate[order], y[order], times)
    hidden = times(larger, rate[order], y[order]) - 1
    # Sizes and empty seconds each give a number of hidden events: sizes too many where rates are
    # uneven, seconds too few of the large where sizes grow with the rate. Halfway is nearest.
    rows = len(events.hidden)
    by_sizes = summed(row[order], hidden, rows)
    by_seconds = np.maximum(summed(row, weights.hidden[priced], rows), 0)
    halfway = (1 + by_seconds / np.where(by_sizes > 0, by_sizes, 1.0)) / 2
    weights.hidden[priced[order]] = hidden * np.where(by_sizes > 0, halfway, 1.0)[row[order]]
    weights.larger[priced[order]] = larger
    return weights


def _larger_share(
    pool: Integers,
    rate: Floats,
    y: Floats,
    times: Callable[[Floats, Floats, Floats], Floats],
) -> Floats:
    """1 - F of each event among its pool; events are in order of pool and size."""
    if not len(pool):
        return np.empty(0)
    is_first = np.diff(pool, prepend=-1) != 0
    number, first = np.cumsum(is_first) - 1, np.flatnonzero(is_first)
    last = np.append(first[1:], len(pool)) - 1
    weight = np.full(len(pool), WEIGHT_UNIT, dtype=np.int64)
    larger = np.zeros(len(pool))
    for _ in range(ROUNDS):
        above = np.cumsum(weight)
        before = above[first] - weight[first]
        total = above[last] - before
        # Half of an event's own weight lies above it.
        above = total[number] - (above - before[number])
        larger = (above + weight / 2) / total[number]
        weight = np.rint(times(larger, rate, y) * WEIGHT_UNIT).astype(np.int64)
    return larger


def _times(larger: Floats, rate: Floats, y: Floats) -> Floats:
    """One over the probability that an event is the largest of its second."""
    is_zero = y < 1e-6
    safe = np.where(is_zero, 1.0, y)
    return np.where(is_zero, np.exp(rate * larger), (1 + safe * larger) ** (rate / safe + 1))


def _times_from_order(larger: Floats, rate: Floats, y: Floats) -> Floats:
    """How many events of its window one of this rank stands for, being the largest of it.

    Of 1 + N events of a window, N of the mean rate + y (of a Poisson number where y is 0, else of
    a gamma mixture of such), the largest is of a rank up to F with the probability F E(F^N). The
    1 + rate + y events of a window have that density in F where their own is even.
    """
    is_largest = 1 / _times(larger, rate, y)
    density = is_largest * (1 + (1 - larger) * (rate + y) / (1 + y * larger))
    times: Floats = (1 + rate + y) / density
    return times


def whole_hours(sample: Sample, events: HiddenEvents | HiddenFromOrder) -> Parts:
    """Each channel-hour as its own only part."""
    return Parts(sample.row, np.arange(len(events.hidden)))


def latest_variance(
    sample: Sample,
    weights: Weights,
    events: HiddenEvents | HiddenFromOrder,
    of_side: Booleans,
    parts: Parts | None = None,
) -> Floats:
    """The variance of hidden USD of a side by part, where the latest is published.

    V m^2 + (H + sum r^2) s^2 with r the hidden events that each stands for, m and s^2 the mean and
    variance of a size that counts as 0 on other sides and in other parts of the hour.
    """
    parts = parts or whole_hours(sample, events)
    priced = sample.is_priced
    row, usd, side = sample.row[priced], sample.usd[priced], of_side[priced]
    place = parts.of_event[priced]
    hidden = weights.hidden[priced]
    # Where less is estimated than was published, weights may fall below nothing.
    weight = np.maximum(1 + hidden, 0.05)

    def of_hour(of_events: Floats) -> Floats:
        return summed(row, of_events, len(events.hidden))

    def of_part(of_events: Floats) -> Floats:
        return summed(place, of_events, len(parts.row))

    all_weight = np.maximum(of_hour(weight), 1e-12)
    of_all = _relative_variance(row, usd, weight, all_weight)
    own_weight = np.maximum(of_hour(weight * side), 1e-12)
    own = _relative_variance(row[side], usd[side], weight[side], own_weight)
    effective = own_weight**2 / np.maximum(of_hour(weight**2 * side), 1e-12)
    spread = np.where(effective < MIN_EVENTS_OF_SPREAD, of_all, own)[parts.row]
    part_weight = of_part(weight * side)
    mean = of_part(weight * side * usd) / np.maximum(part_weight, 1e-12)
    share = part_weight / all_weight[parts.row]
    part_mean = share * mean
    variance = np.maximum(share * mean**2 * (1 + spread) - part_mean**2, 0)
    count = (events.likely + of_hour(hidden**2))[parts.row]
    total_variance: Floats = events.variance[parts.row] * part_mean**2 + count * variance
    return total_variance


def from_order_latest_variance(
    sample: Sample,
    weights: Weights,
    events: HiddenFromOrder,
    of_side: Booleans,
    parts: Parts | None = None,
) -> Floats:
    """The same where one of a window is published, whatever its size.

    Where sizes grow with the rate, hidden events are larger than the others, and so is the error.
    """
    parts = parts or whole_hours(sample, events)
    priced, rows = sample.is_priced, len(events.hidden)
    row, usd = sample.row[priced], sample.usd[priced]
    hidden = np.maximum(weights.hidden[priced], 0)

    def mean_usd(weight: Floats) -> Floats:
        return summed(row, weight * usd, rows) / np.maximum(summed(row, weight, rows), 1e-12)

    growth = np.maximum(mean_usd(hidden) / np.maximum(mean_usd(1 + hidden), MIN_USD), 1)
    grown: Floats = (
        latest_variance(sample, weights, events, of_side, parts) * growth[parts.row] ** 2
    )
    return grown


def _relative_variance(row: Integers, usd: Floats, weight: Floats, all_weight: Floats) -> Floats:
    """The variance of sizes over their squared mean, by channel-hour.

    Of a lognormal by the variance of logarithms, which few large events do not distort; or as it
    is where that is more, as in tails heavier than a lognormal's.
    """

    def mean(of_events: Floats) -> Floats:
        return summed(row, weight * of_events, len(all_weight)) / all_weight

    logarithm = np.log(np.maximum(usd, MIN_USD))
    squares = summed(row, weight**2, len(all_weight))
    effective = all_weight**2 / np.maximum(squares, 1e-12)
    bias = np.where(effective > 1.5, effective / np.maximum(effective - 1, 0.5), 0.0)
    of_logarithms = mean((logarithm - mean(logarithm)[row]) ** 2) * bias
    of_sizes = mean((usd - mean(usd)[row]) ** 2) * bias
    as_is = of_sizes / np.maximum(mean(usd), MIN_USD) ** 2
    spread: Floats = np.maximum(np.expm1(np.minimum(of_logarithms, 20)), as_is)
    return spread


def largest_variance(
    sample: Sample,
    weights: Weights,
    events: HiddenEvents | HiddenFromOrder,
    of_side: Booleans,
    parts: Parts | None = None,
) -> Floats:
    """The variance of hidden USD of a side by part, where the largest is published.

    (1 + y)^2 sum x^2 r (1 + r), as of any sum weighted by one over the probability of its parts,
    and (se(y) sum x (1 + r) (1 - F))^2, as weights follow y.
    """
    parts = parts or whole_hours(sample, events)
    kept = sample.is_priced & of_side
    place, usd, hidden = parts.of_event[kept], sample.usd[kept], weights.hidden[kept]
    y = np.maximum(events.dispersion, 0)[parts.row]
    spread = summed(place, usd**2 * hidden * (1 + hidden), len(parts.row))
    slope = summed(place, usd * (1 + hidden) * weights.larger[kept], len(parts.row))
    return (1 + y) ** 2 * spread + (events.clustering_error[parts.row] * slope) ** 2
