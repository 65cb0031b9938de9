"""The windows of a claim, and sums over them of what a release has by the minute and the hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR_MINUTES = 60
# Each takes some 2 kB while it is worked on.
ROWS_AT_A_TIME = 10_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """All windows of `length` minutes from minute `first` of the epoch to `last` (exclusive).

    One begins at each minute. *On the clock* are windows of whole hours that begin on the hour,
    windows of an even part of an hour that begin on such a part, and all of other lengths.
    """

    first: int
    last: int
    length: int

    @cached_property
    def starts(self) -> Integers:
        return np.arange(self.first, self.last - self.length + 1)

    @property
    def first_hour(self) -> int:
        return self.first // HOUR_MINUTES

    @property
    def hours(self) -> int:
        """How many hours the windows touch."""
        return -(-self.last // HOUR_MINUTES) - self.first_hour

    @property
    def is_of_clock(self) -> Booleans:
        step = self.length if HOUR_MINUTES % self.length == 0 else HOUR_MINUTES
        of_clock: Booleans = (self.starts % step == 0) | (self.length % step != 0)
        return of_clock

    def of_minutes(self, minute: Integers, value: Integers) -> Integers:
        """Each window's sum of values that minutes of the epoch have; others have none."""
        within = (minute >= self.first) & (minute < self.last)
        by_minute = np.zeros(self.last - self.first + 1, dtype=np.int64)
        np.add.at(by_minute, minute[within] - self.first + 1, value[within])
        running = np.cumsum(by_minute)
        begin = self.starts - self.first
        sums: Integers = running[begin + self.length] - running[begin]
        return sums

    def of_touched_hours(self, value: Integers | Booleans) -> Integers:
        """Each window's sum of values that hours have, over the hours that it touches."""
        running = np.concatenate([[0], np.cumsum(value, dtype=np.int64)])
        begin = self.starts // HOUR_MINUTES - self.first_hour
        end = -(-(self.starts + self.length) // HOUR_MINUTES) - self.first_hour
        sums: Integers = running[end] - running[begin]
        return sums


@dataclass(frozen=True)
class HiddenRows:
    """Rows of hidden_liquidations_hourly, and their minutes.

    hour: counted from the windows' first; hidden and variance by row. Of each minute: the position
    of its row, the minute of the hour, hidden and variance.
    """

    hour: Integers
    hidden: Floats
    variance: Floats
    row_of_minute: Integers
    minute: Integers
    minute_hidden: Floats
    minute_variance: Floats


def hidden_sums(windows: Windows, rows: HiddenRows) -> tuple[Floats, Floats]:
    """What is hidden in each window and its variance.

    Whole hours count with their own moments. Of an hour that is cut, the minutes' hidden parts are
    added, and the variance is the smaller of two upper bounds: that of the whole hour, and the
    square of the sum of the minutes' standard deviations, as if their errors were all the same.
    """
    minutes = np.arange(HOUR_MINUTES)
    inner_ends = np.minimum(minutes + windows.length, HOUR_MINUTES)
    heads = _parts(rows, windows.hours, minutes, np.full(HOUR_MINUTES, HOUR_MINUTES))
    inner = _parts(rows, windows.hours, minutes, inner_ends)
    tails = _parts(rows, windows.hours + 1, np.zeros(HOUR_MINUTES, dtype=np.int64), minutes)
    whole = [np.bincount(rows.hour, one, windows.hours) for one in (rows.hidden, rows.variance)]

    begin, end = windows.starts, windows.starts + windows.length
    first, last = (
        begin // HOUR_MINUTES - windows.first_hour,
        end // HOUR_MINUTES - windows.first_hour,
    )
    begin, end = begin % HOUR_MINUTES, end % HOUR_MINUTES
    sums = []
    for head, one, tail, of_hours in zip(heads, inner, tails, whole, strict=True):
        head[:, 0] = of_hours
        running = np.concatenate([[0.0], np.cumsum(of_hours)])
        between = running[np.maximum(last, first + 1)] - running[first + 1]
        sums.append(
            np.where(
                first == last, one[first, begin], head[first, begin] + between + tail[last, end]
            )
        )
    return sums[0], sums[1]


def _parts(rows: HiddenRows, hours: int, begins: Integers, ends: Integers) -> tuple[Floats, Floats]:
    """Hidden and variance of parts of hours, (hours, parts): minutes `begins` to `ends`."""
    hidden, variance = np.zeros((hours, len(begins))), np.zeros((hours, len(begins)))
    for start in range(0, len(rows.hour), ROWS_AT_A_TIME):
        own = slice(start, start + ROWS_AT_A_TIME)
        hour, bound = rows.hour[own], rows.variance[own, None]
        minutes = slice(*np.searchsorted(rows.row_of_minute, (start, start + len(hour))))
        place = rows.row_of_minute[minutes] - start, rows.minute[minutes] + 1
        by_minute = np.zeros((2, len(hour), HOUR_MINUTES + 1))
        by_minute[0][place] = rows.minute_hidden[minutes]
        by_minute[1][place] = np.sqrt(rows.minute_variance[minutes])
        running = np.cumsum(by_minute, axis=2)
        part = running[:, :, ends] - running[:, :, begins]
        np.add.at(hidden, hour, part[0])
        np.add.at(variance, hour, np.minimum(part[1] ** 2, bound))
    return hidden, variance
