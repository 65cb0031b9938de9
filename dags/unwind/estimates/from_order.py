"""How many events a channel did not publish whose second begins with an event, not with a clock's.

The first event opens a window of one second; one event of the window is published, and the next
window begins with the next event after it. Outside of windows every event is published: on the
axis of that free time, closed up, published events come at the true rate. What a window hides is
the rate during it, which the free seconds beside it show. Arrays have one element per event or one
row per channel-hour; docs/coverage.md states the formulas and how they were tried.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unwind.estimates.rates import (
    HOUR_SECONDS,
    MIN_COVERED_SECONDS,
    SEGMENT_SECONDS,
    Booleans,
    Floats,
    Integers,
    summed,
)

# A least-squares line through what came in each of the five free seconds after a window, continued
# to the window's middle, half a second before them. Whole seconds, as a venue may liquidate in
# step with the second: one venue does within 0.6 s of each.
LINE = (0.8, 0.5, 0.2, -0.1, -0.4)
LINE_SECONDS = len(LINE)
# A published event less than this after another violates the rule; the shortest recorded is 979 ms.
MIN_SECONDS_APART = 0.5
# Five minutes with less free time than this say how long gaps of milliseconds are.
MIN_FREE_SHARE = 0.05
# By how many standard errors pairs of independent events are taken to be fewer than by chance.
MAX_ERRORS_BELOW_CHANCE = 3.0
# Without a pair nothing shows that events come alone: so many more may be hidden, at one deviation.
UNSEEN_EVENTS = 1.0
# Times are integer microseconds, so that counts are exact however hours are batched.
SECOND = 1_000_000
HOUR = HOUR_SECONDS * SECOND


class HiddenFromOrder(NamedTuple):
    """The events that were not published, with their variance, by channel-hour.

    `rate` (events per second) and `of_events` (hidden events that each stands for) have one element
    per event. `dispersion` is how many more events a window hides than the rate around it gives,
    `clustering_error` the standard error of what a window hides.
    """

    rate: Floats
    of_events: Floats
    dispersion: Floats
    clustering_error: Floats
    occupied: Floats
    hidden: Floats
    variance: Floats
    by_chance: Floats
    is_saturated: Booleans
    is_too_even: Booleans

    @property
    def likely(self) -> Floats:
        """Hidden events, no fewer than independent ones would be."""
        return np.maximum(self.hidden, self.by_chance)


class _FreeTime(NamedTuple):
    """Events on the axis of free time: row, microseconds; and by row its length, first and end.

    The axis is closed to a circle, so that every event has free time before and after it.
    """

    row: Integers
    at: Integers
    length: Integers
    first: Integers
    end: Integers


def opens_a_window(row: Integers, second: Floats) -> Booleans:
    """Which of the events, sorted by row and second, open a window."""
    is_first = np.diff(row, prepend=-1) != 0
    apart: Booleans = is_first | (np.diff(second, prepend=0) >= MIN_SECONDS_APART)
    return apart


def hidden_from_order(row: Integers, second: Floats, covered: Booleans) -> HiddenFromOrder:
    """What each channel-hour did not publish.

    `row` and `second` (of the hour, with its fraction) are of published events in that order, each
    in a covered second; `covered` is (channel-hours, 3600).
    """
    rows = len(covered)
    free = _free_time(row, second, covered)
    count = np.bincount(row, minlength=rows).astype(np.float64)
    free_seconds = free.length / SECOND
    before = np.array([_before(free, seconds) for seconds in range(LINE_SECONDS + 1)])
    by_line = np.array(LINE) @ np.diff(before, axis=0)
    near = (before[-1] + _after(free, LINE_SECONDS)).astype(np.float64)

    hidden, all_near = summed(row, by_line, rows), summed(row, near, rows)
    of_events = near * (hidden / np.maximum(all_near, 1))[row]
    rate = near / (2 * LINE_SECONDS)
    per_window = np.maximum(count, 1)
    by_rate = summed(row, rate, rows)
    dispersion = np.maximum(hidden - by_rate, 0) / per_window

    by_chance = count * np.maximum(count - 1, 0) / np.maximum(free_seconds, 1)
    next_second = before[1].astype(np.float64)
    pairs = summed(row, next_second, rows)
    of_line = np.maximum(summed(row, by_line**2, rows), by_chance)
    own = np.maximum(summed(row, next_second**2, rows) - pairs**2 / per_window, by_chance)
    shortfall = np.maximum(by_chance - hidden, 0)
    variance = of_line + own + shortfall**2 + UNSEEN_EVENTS**2 * (count > 0)
    too_even = pairs < by_chance - MAX_ERRORS_BELOW_CHANCE * np.sqrt(by_chance)
    return HiddenFromOrder(
        rate,
        of_events,
        dispersion,
        np.sqrt(of_line) / per_window,
        count,
        hidden,
        variance,
        by_chance,
        _is_saturated(row, second, covered) | ((count > 0) & (free_seconds < 2 * LINE_SECONDS)),
        too_even,
    )


def _free_time(row: Integers, second: Floats, covered: Booleans) -> _FreeTime:
    rows, whole = len(covered), second.astype(np.int64)
    covered_before: Integers = np.cumsum(covered, axis=1) - covered
    within = np.rint((second - whole) * SECOND).astype(np.int64)
    at = covered_before[row, whole] * SECOND + within
    first = np.searchsorted(row, np.arange(rows))
    end = np.searchsorted(row, np.arange(rows), side="right")
    has_events = end > first
    gap = np.maximum(np.diff(at, prepend=0) - SECOND, 0)
    # The first event of a row comes after its last one.
    heads, lasts = first[has_events], end[has_events] - 1
    around = at[heads] + covered.sum(axis=1)[has_events] * SECOND - at[lasts]
    gap[heads] = np.maximum(around - SECOND, 0)
    length = np.zeros(rows, dtype=np.int64)
    np.add.at(length, row, gap)
    along = np.cumsum(gap)
    return _FreeTime(row, along - along[first[row]], length, first, end)


def _before(free: _FreeTime, seconds: int) -> Integers:
    """How many events came within so many free seconds before each."""
    key, place = _keys(free), np.arange(len(free.row))
    since = key - seconds * SECOND + 1
    within = place - np.maximum(np.searchsorted(key, since), free.first[free.row])
    around = free.end[free.row] - np.searchsorted(key, since + free.length[free.row])
    count: Integers = np.maximum(within, 0) + np.maximum(around, 0)
    return count


def _after(free: _FreeTime, seconds: int) -> Integers:
    """How many events came within so many free seconds after each."""
    key, place = _keys(free), np.arange(len(free.row))
    until = key + seconds * SECOND
    within = np.minimum(np.searchsorted(key, until), free.end[free.row]) - place - 1
    around = np.searchsorted(key, until - free.length[free.row]) - free.first[free.row]
    count: Integers = within + np.maximum(around, 0)
    return count


def _keys(free: _FreeTime) -> Integers:
    """Rows and times in one ascending number; rows are further apart than any search reaches."""
    keys: Integers = free.row * (3 * HOUR) + free.at
    return keys


def _is_saturated(row: Integers, second: Floats, covered: Booleans) -> Booleans:
    segments = HOUR_SECONDS // SEGMENT_SECONDS
    seconds = covered.reshape(len(covered), segments, SEGMENT_SECONDS).sum(axis=2)
    place = row * segments + second.astype(np.int64) // SEGMENT_SECONDS
    events = np.bincount(place, minlength=seconds.size).reshape(seconds.shape)
    is_full = (events > (1 - MIN_FREE_SHARE) * seconds) & (seconds >= MIN_COVERED_SECONDS)
    saturated: Booleans = is_full.any(axis=1)
    return saturated
