"""The moments that are summed before an interval is made: published and hidden, with variances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unwind.estimates.rates import Floats, Integers

SIDES = ("all", "long", "short")
ALL, LONG, SHORT = range(len(SIDES))


class Moments(NamedTuple):
    """Arrays of (rows, 3), by side: all, long, short. Each may be summed over any rows.

    All is not long and short together: events of an unknown side count in it, and its variance
    is less than theirs where both follow from one rate. Events and channel-hours are counts.

    published_*: what was published, exactly; unestimated_*: the part of it for which there is no
    estimate, as channel-hours are saturated, too even, uncovered or of an unknown rule. hidden_*,
    hidden_*_variance: the estimate of what was not published, and its variance. unpriced_events:
    published events without a size in USD, which are in no figure in USD.
    """

    published_events: Floats
    unestimated_events: Floats
    hidden_events: Floats
    hidden_events_variance: Floats
    published_usd: Floats
    unestimated_usd: Floats
    hidden_usd: Floats
    hidden_usd_variance: Floats
    estimated_channel_hours: Floats
    saturated_channel_hours: Floats
    uncovered_channel_hours: Floats
    too_even_channel_hours: Floats
    unknown_rule_channel_hours: Floats
    unpriced_events: Floats


def no_moments(rows: int) -> Moments:
    """Zeros, to be written into."""
    return Moments(*(np.zeros((rows, len(SIDES))) for _ in Moments._fields))


def added(moments: Moments, group: Integers, groups: int) -> Moments:
    """The sums of rows by group; `group` has the number of each row's group, below `groups`."""
    sums = Moments(*(np.zeros((groups, *column.shape[1:])) for column in moments))
    for total, of_rows in zip(sums, moments, strict=True):
        np.add.at(total, group, of_rows)
    return sums
