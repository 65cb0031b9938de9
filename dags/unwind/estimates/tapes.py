"""Complete tapes of liquidations whose truth is known, and what a venue would publish of them.

Each class of tape is a way in which liquidations may arrive. None is fitted to a venue, and the
estimator reads none of it. A tape holds many symbol-hours, each independent of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from unwind.estimates.channels import (
    FROM_ORDER,
    LARGEST,
    LARGEST_FROM_ORDER,
    LARGEST_PER_SIDE,
    LATEST,
    LATEST_FROM_ORDER,
)
from unwind.estimates.rates import HOUR_SECONDS, Booleans, Floats, Integers

RULES = (LATEST, LARGEST, LARGEST_PER_SIDE, *FROM_ORDER)
MEDIAN_USD = 4_000.0
LONG_SHARE = 0.7


class Arrivals(NamedTuple):
    """Events of symbol-hours in order of row and time, and the rates that made them.

    `expected` is (symbol-hours, 3600), the events to be expected of each second given all events
    up to its end; `before` likewise, the rate as the second begins.
    """

    row: Integers
    at: Floats
    expected: Floats
    before: Floats


class Tape(NamedTuple):
    """Events in order of symbol-hour and time: row, seconds into the hour, USD, side.

    `rate` and `scale` are (symbol-hours, 3600): the events to be expected of each second, and the
    factor of its sizes.
    """

    row: Integers
    at: Floats
    usd: Floats
    is_long: Booleans
    rate: Floats
    scale: Floats

    @property
    def second(self) -> Integers:
        """The second of the hour; the venue publishes at the end of it."""
        return self.at.astype(np.int64)


Arriving = Callable[[np.random.Generator, Floats], Arrivals]
Sizing = Callable[[np.random.Generator, int], Floats]


class TapeClass(NamedTuple):
    """A way of arriving, sizes, and the least and greatest mean rate (events per second).

    Sizes grow with the rate as the second begins, to the power `grows_with_rate`. `weak_under`
    are the rules under which intervals are known to hold less often than they say, estimates to be
    off, or intervals to be wider than need be; `few_weak_under` those under which hours with few
    hidden events are held less often.
    """

    name: str
    arriving: Arriving
    sizing: Sizing
    rates: tuple[float, float]
    grows_with_rate: float = 0.0
    weak_under: tuple[str, ...] = ()
    few_weak_under: tuple[str, ...] = ()


def lognormal(spread: float) -> Sizing:
    """Sizes whose logarithms have this standard deviation."""
    return lambda rng, count: MEDIAN_USD * np.exp(spread * rng.standard_normal(count))


def pareto(exponent: float) -> Sizing:
    """Sizes without a finite variance where the exponent is below 2; a thousandfold at most."""
    cut = 1000.0**-exponent
    return lambda rng, count: MEDIAN_USD * (cut + (1 - cut) * rng.random(count)) ** (-1 / exponent)


def steady(rng: np.random.Generator, rates: Floats) -> Arrivals:
    """Independent events at one rate."""
    return _independent(rng, np.repeat(rates[:, None], HOUR_SECONDS, axis=1))


def in_step(rng: np.random.Generator, rates: Floats) -> Arrivals:
    """The same, but all within 0.6 s of each second, as recorded of one venue."""
    arrivals = steady(rng, rates)
    second = np.floor(arrivals.at)
    return arrivals._replace(at=second + 0.6 * (arrivals.at - second))


def drifting(rng: np.random.Generator, rates: Floats) -> Arrivals:
    """Independent events at a rate that changes by a quarter or so from minute to minute."""
    minutes = HOUR_SECONDS // 60
    walk = np.cumsum(rng.standard_normal((len(rates), minutes + 1)) * 0.25, axis=1)
    minute, into = np.divmod(np.arange(HOUR_SECONDS) / 60, 1)
    left = minute.astype(np.int64)
    shape = np.exp(walk[:, left] * (1 - into) + walk[:, left + 1] * into)
    return _independent(rng, rates[:, None] * shape / shape.mean(axis=1, keepdims=True))


def cascading(seconds: float) -> Arriving:
    """A quarter of the events at one rate; the rest in one cascade, whose rate falls to 1/e."""

    def arriving(rng: np.random.Generator, rates: Floats) -> Arrivals:
        start = rng.uniform(300, HOUR_SECONDS - 600, len(rates))
        since = np.arange(HOUR_SECONDS) + 0.5 - start[:, None]
        burst = np.where(since > 0, np.exp(-np.maximum(since, 0) / seconds), 0.0)
        burst *= HOUR_SECONDS / burst.sum(axis=1, keepdims=True)
        return _independent(rng, rates[:, None] * (0.25 + 0.75 * burst))

    return arriving


def exciting(branching: float, seconds: float) -> Arriving:
    """A Hawkes process: each event sets off `branching` others on average, `seconds` later."""

    def arriving(rng: np.random.Generator, rates: Floats) -> Arrivals:
        base = rates * (1 - branching)
        row = np.repeat(np.arange(len(rates)), rng.poisson(base * HOUR_SECONDS))
        at = rng.uniform(0, HOUR_SECONDS, len(row))
        rows, times = [row], [at]
        while len(row):
            children = rng.poisson(branching, len(row))
            row = np.repeat(row, children)
            at = np.repeat(at, children) + rng.exponential(seconds, len(row))
            row, at = row[at < HOUR_SECONDS], at[at < HOUR_SECONDS]
            rows.append(row)
            times.append(at)
        row, at = np.concatenate(rows), np.concatenate(times)
        order = np.lexsort((at, row))
        row, at = row[order], at[order]
        return Arrivals(row, at, *_excited_rates(row, at, base, branching, seconds))

    return arriving


def _excited_rates(
    row: Integers, at: Floats, base: Floats, branching: float, seconds: float
) -> tuple[Floats, Floats]:
    """`expected` and `before` of a Hawkes process."""
    shape = (len(base), HOUR_SECONDS)
    place = row * HOUR_SECONDS + at.astype(np.int64)
    left = np.exp(-(np.floor(at) + 1 - at) / seconds)
    within = np.bincount(place, 1 - left, len(base) * HOUR_SECONDS).reshape(shape)
    after = np.bincount(place, left, len(base) * HOUR_SECONDS).reshape(shape)
    expected, before = np.empty(shape), np.empty(shape)
    excited, decay = np.zeros(len(base)), np.exp(-1 / seconds)
    for second in range(HOUR_SECONDS):
        before[:, second] = base + branching * excited / seconds
        expected[:, second] = base + branching * (excited * (1 - decay) + within[:, second])
        excited = excited * decay + after[:, second]
    return expected, before


def _independent(rng: np.random.Generator, rate: Floats) -> Arrivals:
    count = rng.poisson(rate).ravel()
    row, second = np.divmod(np.repeat(np.arange(rate.size), count), HOUR_SECONDS)
    at = second + rng.random(len(second))
    order = np.lexsort((at, row))
    return Arrivals(row[order], at[order], rate, rate)


CLASSES = (
    TapeClass("calm", steady, lognormal(1.5), (0.02, 0.2)),
    TapeClass("busy", steady, lognormal(1.5), (0.2, 2.0)),
    # Wider than need be: they hold the truth in 97 to 99%.
    TapeClass(
        "nearly saturated",
        steady,
        lognormal(1.5),
        (2.0, 3.5),
        weak_under=(LARGEST_PER_SIDE, LARGEST_FROM_ORDER),
    ),
    TapeClass("drifting rate", drifting, lognormal(1.5), (0.02, 1.5)),
    # Where clusters last seconds, an hour without a pair of events says little about them.
    TapeClass(
        "weakly clustered",
        exciting(0.3, 4.0),
        lognormal(1.5),
        (0.02, 1.5),
        few_weak_under=FROM_ORDER,
    ),
    TapeClass(
        "clustered",
        exciting(0.6, 4.0),
        lognormal(1.5),
        (0.02, 1.0),
        few_weak_under=FROM_ORDER,
    ),
    TapeClass("slowly clustered", exciting(0.7, 20.0), lognormal(1.2), (0.02, 1.0)),
    TapeClass("one cascade", cascading(90.0), lognormal(1.5), (0.01, 0.1)),
    TapeClass(
        "sizes grow, calm",
        exciting(0.6, 4.0),
        lognormal(1.2),
        (0.02, 0.2),
        grows_with_rate=0.5,
        few_weak_under=(LATEST, *FROM_ORDER),
    ),
    TapeClass("sizes grow, busy", exciting(0.6, 4.0), lognormal(1.2), (0.2, 1.0), 0.5),
    TapeClass("heavy tails", steady, pareto(1.3), (0.02, 2.0)),
    # A few events carry the dollars, and whether they opened a window is chance.
    TapeClass(
        "heavy tails, clustered",
        exciting(0.5, 4.0),
        pareto(1.3),
        (0.02, 1.0),
        weak_under=(LATEST_FROM_ORDER,),
        few_weak_under=(LARGEST_FROM_ORDER,),
    ),
    # A window's busy seconds are taken to have the sizes of its quiet ones.
    TapeClass(
        "sizes grow, one cascade",
        cascading(90.0),
        lognormal(1.2),
        (0.01, 0.1),
        grows_with_rate=0.5,
        weak_under=(LATEST,),
    ),
    # Nothing shows how many events there are in seconds on end that are all occupied.
    TapeClass("steep cascade", cascading(40.0), lognormal(1.5), (0.05, 0.3), weak_under=RULES),
    # Nor how many events happen together within a single second.
    TapeClass(
        "clusters under a second",
        exciting(0.5, 0.7),
        lognormal(1.5),
        (0.02, 1.0),
        weak_under=RULES,
    ),
    TapeClass("in step with seconds", in_step, lognormal(1.5), (0.02, 2.0)),
)


def made_tape(made: TapeClass, hours: int, rng: np.random.Generator) -> Tape:
    """`hours` symbol-hours of a class, with the logarithms of their mean rates evenly spread."""
    low, high = np.log(made.rates)
    arrivals = made.arriving(rng, np.exp(rng.uniform(low, high, hours)))
    mean = np.maximum(arrivals.before.mean(axis=1, keepdims=True), 1e-9)
    scale = (arrivals.before / mean) ** made.grows_with_rate
    row, second = arrivals.row, arrivals.at.astype(np.int64)
    usd = made.sizing(rng, len(row)) * scale[row, second]
    is_long = rng.random(len(row)) < LONG_SHARE
    return Tape(row, arrivals.at, usd, is_long, arrivals.expected, scale)


def thinned(tape: Tape, rule: str) -> Integers:
    """The events that a venue of that rule publishes, as positions in the tape.

    One of each symbol and second: the last in time, or the largest, or the largest of each side;
    the later of two that are equal. Where seconds begin with an order, the first of them is the
    latest of the second that it is published for.
    """
    if rule in FROM_ORDER:
        key = windows_from_order(tape)
        rank = -tape.at if rule == LATEST_FROM_ORDER else tape.usd
    else:
        channel = tape.row * 2 + (tape.is_long if rule == LARGEST_PER_SIDE else 0)
        key = channel * HOUR_SECONDS + tape.second
        rank = tape.at if rule == LATEST else tape.usd
    order = np.lexsort((tape.at, rank, key))
    is_last = np.diff(key[order], append=-1) != 0
    return np.sort(order[is_last])


def published_second(tape: Tape, rule: str, kept: Integers) -> Floats:
    """When a venue with this rule publishes: at a clock second, with the order that opens a window,
    or at the end of a window; at the end of the hour at the latest."""
    if rule not in FROM_ORDER:
        return tape.second[kept].astype(np.float64)
    if rule == LATEST_FROM_ORDER:
        return tape.at[kept]
    window = windows_from_order(tape)
    opened_at = tape.at[np.searchsorted(window, window[kept])]
    return np.minimum(opened_at + 1, np.nextafter(HOUR_SECONDS, 0))


def windows_from_order(tape: Tape) -> Integers:
    """The number of each event's window: the first event after a window opens the next one."""
    # Rows are further apart than a window is long.
    at = tape.row * (2.0 * HOUR_SECONDS) + tape.at
    after = np.searchsorted(at, at + 1).tolist()
    opens = np.zeros(len(at), dtype=np.int64)
    place = 0
    while place < len(after):
        opens[place] = 1
        place = after[place]
    return np.cumsum(opens)
