"""How often the intervals hold the truth, how far off the estimates are, and how wide.

Complete tapes (`tapes.CLASSES`) are thinned by each rule and estimated from what is left. An oracle
that knows each second's rate and the distribution of sizes gives the width to compare with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unwind.estimates import intervals, tapes
from unwind.estimates.channels import (
    LARGEST_FROM_ORDER,
    LARGEST_PER_SIDE,
    LATEST,
    LATEST_FROM_ORDER,
    Published,
    estimate,
)
from unwind.estimates.moments import ALL, LONG, SHORT, Moments, added
from unwind.estimates.rates import HOUR_SECONDS, Booleans, Floats, Integers, summed
from unwind.estimates.tapes import LONG_SHARE, Tape, TapeClass

SEED = 20261126
# A sum is of ten symbol-hours; a share is of the first three of them among all ten.
SUMMED_HOURS, SHARED_HOURS = 10, 3
# Intervals of hours with fewer expected hidden events begin at what was published, mostly.
FEW_EVENTS = 10
FEW_HIDDEN = "few hidden"
BUSY_SHARE = 0.9


class Measure(NamedTuple):
    """One class of tapes, rule and part of its figures.

    `part`: all symbol-hours, those with few hidden events, with more, with more than 90% of
    seconds occupied; sums of ten symbol-hours, shares of three in ten. Hit shares are of 90%
    intervals. Biases are of sums of all figures. Widths are medians, over the oracle's.
    """

    tape_class: str
    publication_rule: str
    part: str
    is_weak_spot: bool
    figures: int
    saturated_share: float
    events_hit_share: float
    usd_hit_share: float
    events_bias_share: float
    usd_bias_share: float
    usd_width_over_oracle: float


class Trial(NamedTuple):
    """A thinned tape with its truth, by symbol-hour: (hours,); `oracle_usd` is a width."""

    moments: Moments
    events: Floats
    usd: Floats
    occupied_share: Floats
    oracle_usd: Floats


def measures(hours: int, classes: tuple[TapeClass, ...] = tapes.CLASSES) -> Iterator[Measure]:
    """All measures over that many symbol-hours of each class, estimated hours or not."""
    for number, made in enumerate(classes):
        rng = np.random.default_rng((SEED, number))
        tape = tapes.made_tape(made, hours, rng)
        for rule in tapes.RULES:
            yield from _measured(made, rule, trial(made, tape, rule, hours))


def trial(made: TapeClass, tape: Tape, rule: str, hours: int) -> Trial:
    """A tape thinned by a rule, estimated, and its truth."""
    kept = tapes.thinned(tape, rule)
    row, usd = tape.row[kept], tape.usd[kept]
    second = tapes.published_second(tape, rule, kept)
    side = np.where(tape.is_long[kept], LONG, SHORT)
    moments = estimate(Published(row, second, usd, side), [rule] * hours)
    channels = 2 if rule == LARGEST_PER_SIDE else 1
    return Trial(
        Moments(*(column[:, ALL] for column in moments)),
        np.bincount(tape.row, minlength=hours).astype(np.float64),
        summed(tape.row, tape.usd, hours),
        np.bincount(row, minlength=hours) / (HOUR_SECONDS * channels),
        2 * intervals.Z * np.sqrt(_oracle_variance(made, tape, rule, kept, hours)),
    )


def _oracle_variance(made: TapeClass, tape: Tape, rule: str, kept: Integers, hours: int) -> Floats:
    """The variance of hidden USD to one who knows the rate of each second and all sizes."""
    row, second, usd = tape.row[kept], tape.second[kept], tape.usd[kept]
    rate, scale = tape.rate[row, second], tape.scale[row, second]
    sizes = np.sort(made.sizing(np.random.default_rng(SEED), 20_000))
    if rule == LATEST:
        # A Poisson count that is not 0, less the one that was published.
        mean = rate / -np.expm1(-rate)
        count_variance = np.maximum(mean * (1 + rate - mean), 0)
        variance = count_variance * sizes.mean() ** 2 + (mean - 1) * sizes.var()
    elif rule == LATEST_FROM_ORDER:
        variance = rate * (sizes**2).mean()
    elif rule == LARGEST_FROM_ORDER:
        variance = _oracle_of_largest(rate, sizes, usd / scale)
    else:
        if rule == LARGEST_PER_SIDE:
            rate = rate * np.where(tape.is_long[kept], LONG_SHARE, 1 - LONG_SHARE)
        squares = np.concatenate([[0.0], np.cumsum(sizes**2)]) / len(sizes)
        variance = rate * squares[np.searchsorted(sizes, usd / scale)]
    return summed(row, variance * scale**2, hours)


def _oracle_of_largest(rate: Floats, sizes: Floats, largest: Floats) -> Floats:
    """The variance of the other dollars of windows that began with an event.

    N others of the share F of sizes that are smaller, where P(N) is that of a Poisson number of the
    mean a = rate F times 1 + N, as any of the 1 + N may be the largest.
    """
    smaller = np.maximum(np.searchsorted(sizes, largest), 1)
    share = rate * smaller / len(sizes)
    mean = np.cumsum(sizes)[smaller - 1] / smaller
    square = np.cumsum(sizes**2)[smaller - 1] / smaller
    count = share * (share + 2) / (1 + share)
    count_square = share * (share**2 + 4 * share + 2) / (1 + share)
    variance: Floats = count * (square - mean**2) + (count_square - count**2) * mean**2
    return variance


def _measured(made: TapeClass, rule: str, done: Trial) -> Iterator[Measure]:
    unestimated = done.moments.saturated_channel_hours + done.moments.too_even_channel_hours
    estimated = unestimated == 0
    key, is_weak = (made.name, rule), rule in made.weak_under
    few_is_weak = is_weak or rule in made.few_weak_under
    hidden, busy = done.moments.hidden_events, done.occupied_share > BUSY_SHARE
    parts = {
        "all": estimated,
        FEW_HIDDEN: estimated & (hidden < FEW_EVENTS) & ~busy,
        "more hidden": estimated & (hidden >= FEW_EVENTS) & ~busy,
        "over 90% occupied": estimated & busy,
    }
    saturated = 1 - float(estimated.mean())
    for part, kept in parts.items():
        if kept.any():
            part_is_weak = few_is_weak if part == FEW_HIDDEN else is_weak
            yield _of_figures((*key, part, part_is_weak), saturated, _where(done, kept))
    whole, shared = _summed(_where(done, estimated))
    yield _of_figures((*key, "sums", is_weak), saturated, whole)
    yield _of_shares((*key, "shares", is_weak), saturated, shared, whole)


def _of_figures(key: tuple[str, str, str, bool], saturated: float, done: Trial) -> Measure:
    events = intervals.interval_of_events(done.moments)
    usd = intervals.interval_of_usd(done.moments)
    known = done.oracle_usd > 0
    width = (usd.high - usd.low)[known] / done.oracle_usd[known]
    return Measure(
        *key,
        len(done.events),
        saturated,
        float(_holds(events.low, events.high, done.events).mean()),
        float(_holds(usd.low, usd.high, done.usd).mean()),
        float(events.mid.sum() / done.events.sum() - 1),
        float(usd.mid.sum() / done.usd.sum() - 1),
        float(np.median(width)) if len(width) else float("nan"),
    )


def _of_shares(
    key: tuple[str, str, str, bool], saturated: float, part: Trial, whole: Trial
) -> Measure:
    events = intervals.share_of_events(part.moments, whole.moments)
    usd = intervals.share_of_usd(part.moments, whole.moments)
    true_events, true_usd = part.events / whole.events, part.usd / whole.usd
    return Measure(
        *key,
        len(whole.events),
        saturated,
        float(_holds(events.low, events.high, true_events).mean()),
        float(_holds(usd.low, usd.high, true_usd).mean()),
        float(events.mid.mean() / true_events.mean() - 1),
        float(usd.mid.mean() / true_usd.mean() - 1),
        float("nan"),
    )


def _holds(low: Floats, high: Floats, truth: Floats) -> Booleans:
    # A sum of the same sizes in another order differs in its last digits.
    slack = 1e-9 * np.abs(truth)
    holds: Booleans = (truth >= low - slack) & (truth <= high + slack)
    return holds


def _where(done: Trial, kept: Booleans | Integers) -> Trial:
    moments, *rest = done
    return Trial(Moments(*(column[kept] for column in moments)), *(one[kept] for one in rest))


def _summed(done: Trial) -> tuple[Trial, Trial]:
    """Sums of ten symbol-hours each, and of the first three of each ten."""
    groups = len(done.events) // SUMMED_HOURS
    number = np.arange(groups * SUMMED_HOURS)
    first = number % SUMMED_HOURS < SHARED_HOURS
    return _sum_of(done, number, groups), _sum_of(done, number[first], groups)


def _sum_of(done: Trial, number: Integers, groups: int) -> Trial:
    group = number // SUMMED_HOURS
    one = _where(done, number)
    return Trial(
        added(one.moments, group, groups),
        summed(group, one.events, groups),
        summed(group, one.usd, groups),
        summed(group, one.occupied_share, groups) / SUMMED_HOURS,
        np.sqrt(summed(group, one.oracle_usd**2, groups)),
    )
