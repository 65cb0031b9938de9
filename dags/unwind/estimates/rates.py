"""How many events a channel did not publish, from which of its seconds were empty.

A channel publishes at most one event a second. Where events come independently, the share of empty
seconds gives their rate; where they come in clusters, so do empty seconds, and pairs of adjacent
empty seconds show by how much. Arrays have one row per channel-hour; counts are of events or
seconds, rates are events per second. docs/coverage.md states the formulas and how they were tried.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

HOUR_SECONDS = 3600
# A segment's windows are as short as each of them still has an empty second.
SEGMENT_SECONDS = 300
SLOT_SECONDS = 30
WINDOW_SECONDS = (SLOT_SECONDS, 60, 150, SEGMENT_SECONDS)
SLOTS = HOUR_SECONDS // SLOT_SECONDS
# Clustering is measured in blocks that are long enough for pairs of empty seconds.
BLOCK_SECONDS = 120
BLOCKS = HOUR_SECONDS // BLOCK_SECONDS
# Blocks with fewer covered seconds are left out: three seconds between two gaps, all occupied,
# would make the whole hour look saturated.
MIN_COVERED_SECONDS = 30
MIN_EMPTY_SECONDS_OF_BLOCK = 2
MIN_EMPTY_SECONDS_FOR_WEIGHT = 4
MIN_DISPERSION, MAX_DISPERSION = -0.49, 20.0
# Events count as more even than chance beyond this many standard errors: of 4,000 Poisson hours at
# each of 11 rates, 0 to 0.35% were (2026-11-26, docs/coverage.md).
MAX_ERRORS_BELOW_CHANCE = 2.5
# Until the range of the dispersion is narrower than 1e-9.
HALVINGS = 35

HARMONIC: Floats = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, HOUR_SECONDS + 1))])


class Windows(NamedTuple):
    """The window that each 30-second slot is part of: arrays of (channel-hours, 120).

    A window of several slots stands in each of them; `is_first` marks one. `is_saturated` is
    (channel-hours,): a segment has no window length with an empty second in every window.
    """

    seconds: Integers
    occupied: Integers
    is_first: Booleans
    is_saturated: Booleans

    @property
    def rate(self) -> Floats:
        """Events per second, were they independent; 0 in a window without covered seconds."""
        return _between(self.seconds, self.occupied)

    def total(self, of_windows: Floats | Integers) -> Floats:
        """The sum over an hour's windows of a quantity given in each slot."""
        total: Floats = np.where(self.is_first, of_windows, 0.0).sum(axis=1)
        return total


class Clustering(NamedTuple):
    """The dispersion y of each channel-hour's rate and its standard error: (channel-hours,).

    `events` are all events, published and hidden. `is_saturated`: a block has fewer than two empty
    seconds. `is_too_even`: events keep further apart than independent or clustered ones do.
    """

    dispersion: Floats
    standard_error: Floats
    events: Floats
    is_saturated: Booleans
    is_too_even: Booleans


class HiddenEvents(NamedTuple):
    """The events that were not published, with their variance: (channel-hours,).

    `of_slots` hands them out to windows, in each slot the whole of its window. `clustering_error`
    is the standard error of the dispersion y.
    """

    windows: Windows
    dispersion: Floats
    clustering_error: Floats
    occupied: Floats
    hidden: Floats
    variance: Floats
    of_slots: Floats
    is_saturated: Booleans
    is_too_even: Booleans

    @property
    def likely(self) -> Floats:
        """Hidden events, no fewer than none."""
        return np.maximum(self.hidden, 0)


def summed(row: Integers, of_events: Floats | Booleans, rows: int) -> Floats:
    """The sum over each row's events."""
    return np.bincount(row, of_events, rows).astype(np.float64)


def pair_excess(dispersion: Floats | float) -> Floats:
    """g(y) = 2 - ln(1 + 2y) / ln(1 + y): ln(A / E) of pairs of empty seconds, per unit of rate."""
    y = np.asarray(dispersion, dtype=np.float64)
    is_zero = np.abs(y) < 1e-6
    safe = np.where(is_zero, 1.0, y)
    return np.where(is_zero, y, 2 - np.log1p(2 * safe) / np.log1p(safe))


def cluster_factor(dispersion: Floats | float) -> Floats:
    """y / ln(1 + y): all events over those that independent seconds would give."""
    y = np.asarray(dispersion, dtype=np.float64)
    is_zero = np.abs(y) < 1e-6
    safe = np.where(is_zero, 1.0, y)
    return np.where(is_zero, 1 + y / 2, safe / np.log1p(safe))


def in_long_blocks(covered: Booleans) -> Booleans:
    """The covered seconds of those blocks that have enough of them: (channel-hours, 3600)."""
    seen = covered.reshape(len(covered), BLOCKS, BLOCK_SECONDS)
    is_long = seen.sum(axis=2, keepdims=True) >= MIN_COVERED_SECONDS
    kept: Booleans = (seen & is_long).reshape(covered.shape)
    return kept


def windows_of(occupied: Booleans, covered: Booleans) -> Windows:
    """The shortest windows of each segment that all have an empty second.

    `occupied` and `covered` are (channel-hours, 3600); an occupied second is a covered one.
    """
    rows = len(occupied)
    shape = (rows, SLOTS, SLOT_SECONDS)
    slot_seconds = covered.reshape(shape).sum(axis=2)
    slot_occupied = occupied.reshape(shape).sum(axis=2)
    slots = SEGMENT_SECONDS // SLOT_SECONDS
    grid = (rows, HOUR_SECONDS // SEGMENT_SECONDS, slots)
    seconds, taken = np.empty(grid, dtype=np.int64), np.empty(grid, dtype=np.int64)
    is_first, is_chosen = np.zeros(grid, dtype=bool), np.zeros(grid[:2], dtype=bool)
    for length in WINDOW_SECONDS:
        width = length // SLOT_SECONDS
        parts = (*grid[:2], slots // width, width)
        of_window = slot_seconds.reshape(parts).sum(axis=3)
        in_window = slot_occupied.reshape(parts).sum(axis=3)
        fits = ((of_window == 0) | (in_window < of_window)).all(axis=2)
        # Segments that no length fits keep the longest window, and are saturated.
        chosen = ~is_chosen & (fits | (length == SEGMENT_SECONDS))
        seconds[chosen] = np.repeat(of_window[chosen], width, axis=1)
        taken[chosen] = np.repeat(in_window[chosen], width, axis=1)
        is_first[chosen] = np.arange(slots) % width == 0
        is_chosen |= chosen
    is_full = (taken == seconds) & (seconds >= MIN_COVERED_SECONDS)
    saturated = is_full.any(axis=(1, 2))
    flat = (rows, SLOTS)
    return Windows(seconds.reshape(flat), taken.reshape(flat), is_first.reshape(flat), saturated)


def clustering_of(occupied: Booleans, covered: Booleans) -> Clustering:
    """How clustered each channel-hour is; `occupied` and `covered` are (channel-hours, 3600)."""
    shape = (len(occupied), BLOCKS, BLOCK_SECONDS)
    seen, full = covered.reshape(shape), occupied.reshape(shape)
    empty = seen & ~full
    seconds, empties = seen.sum(axis=2), empty.sum(axis=2)
    pairs = np.where(seconds > 1, seconds, 0)
    empty_pairs, full_pairs = _neighbours(empty, seen), _neighbours(full, seen)
    saturated = ((empties < MIN_EMPTY_SECONDS_OF_BLOCK) & (empties < seconds)).any(axis=1)

    length = np.maximum(seconds, 2).astype(np.float64)
    rate = _between(seconds, seconds - empties)
    share = np.maximum(empties, MIN_EMPTY_SECONDS_FOR_WEIGHT) / length
    expected = pairs * empties * (empties - 1) / (length * (length - 1))
    excess = ((empty_pairs - expected) / share**2).sum(axis=1)
    y = _dispersion(excess, pairs.astype(np.float64), rate)

    independent, count = (seconds * rate).sum(axis=1), full.sum(axis=(1, 2))
    occupied_over_share = np.where(seconds > 0, (1 - empties / length) / share, 0.0)
    spread = np.sqrt((seconds * occupied_over_share**2).sum(axis=1))
    by_blocks = (1 + np.maximum(y, 0)) * spread / np.maximum(independent, 1e-12)
    by_pairs = 2 * y / np.sqrt(full_pairs.sum(axis=1) + 1)
    # k events without a neighbour do not show that y is 0: one neighbour of theirs is y = 1/k.
    by_chance = 1 / np.maximum(count, 1)
    has_events = count > 0
    too_even = has_events & (y < -MAX_ERRORS_BELOW_CHANCE * np.hypot(by_blocks, by_chance))
    y = np.where(has_events, y, 0.0)
    error = np.where(has_events, np.sqrt(by_blocks**2 + by_pairs**2 + by_chance**2), 0.0)
    return Clustering(y, error, independent * cluster_factor(y), saturated, too_even)


def hidden_events(occupied: Booleans, covered: Booleans) -> HiddenEvents:
    """What each channel-hour did not publish; `occupied`, `covered` are (channel-hours, 3600)."""
    windows, clustering = windows_of(occupied, covered), clustering_of(occupied, covered)
    y = np.maximum(clustering.dispersion, 0)
    count = windows.total(windows.occupied)
    hidden = clustering.events - count

    weight = windows.seconds * windows.rate + windows.occupied * (y[:, None] / 2 - 1)
    # Where no window has two events, all published events have the same weight.
    weight = np.where(windows.total(weight)[:, None] > 1e-9, weight, windows.occupied)
    of_slots = (hidden / np.maximum(windows.total(weight), 1e-12))[:, None] * weight

    seconds = np.maximum(windows.seconds, 1)
    share = np.minimum(windows.occupied / seconds, 1 - 1 / (2 * seconds))
    spread = windows.total(windows.seconds * (share / (1 - share) + np.log1p(-share)))
    by_clustering = clustering.standard_error * (count + hidden) / 2
    variance = (1 + y) ** 2 * spread + by_clustering**2
    return HiddenEvents(
        windows,
        clustering.dispersion,
        clustering.standard_error,
        count,
        hidden,
        variance,
        of_slots,
        windows.is_saturated | clustering.is_saturated,
        clustering.is_too_even,
    )


def _neighbours(marked: Booleans, seen: Booleans) -> Integers:
    """Adjacent pairs of marked seconds by block.

    A second's neighbours are the covered seconds before and after it, and a block wraps around: so
    each second has two, and a lone event implies no clustering wherever it falls.
    """
    has_gaps = ~seen.all(axis=2)
    covered_first = np.argsort(~seen[has_gaps], axis=1, kind="stable")
    marked = marked.copy()
    marked[has_gaps] = np.take_along_axis(marked[has_gaps], covered_first, axis=1)
    count = (marked[:, :, :-1] & marked[:, :, 1:]).sum(axis=2)
    seconds = seen.sum(axis=2)
    last = np.take_along_axis(marked, np.maximum(seconds - 1, 0)[:, :, None], axis=2)[:, :, 0]
    pairs: Integers = count + (last & marked[:, :, 0] & (seconds > 1))
    return pairs


def _between(seconds: Integers, occupied: Integers) -> Floats:
    """h(T) - h(e), with h(n) = 1 + 1/2 + ... + 1/n and e the empty ones of T seconds."""
    rate: Floats = HARMONIC[seconds] - HARMONIC[seconds - occupied]
    return rate


def _dispersion(excess: Floats, pairs: Floats, rate: Floats) -> Floats:
    """The root y of sum(pairs (exp(rate g(y)) - 1)) = excess; the nearer bound if there is none.

    `pairs` and `rate` are (channel-hours, 30).
    """
    low = np.full(len(excess), MIN_DISPERSION)
    high = np.full(len(excess), MAX_DISPERSION)
    rows, blocks = np.nonzero(rate)
    pairs, rate = pairs[rows, blocks], rate[rows, blocks]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        growth = pairs * np.expm1(rate * pair_excess(middle)[rows])
        is_above = summed(rows, growth, len(excess)) > excess
        low, high = np.where(is_above, low, middle), np.where(is_above, middle, high)
    root: Floats = (low + high) / 2
    return root
