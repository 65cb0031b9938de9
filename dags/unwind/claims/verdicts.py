"""Whether conditions hold in a window: on what was published, and on estimates.

docs/claims.md defines the verdicts. The truth of a figure is at least what was published and, in
nine of ten cases, in its interval; nothing bounds it from above where a part has no estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from unwind.claims.figures import Figures
from unwind.claims.grammar import NO_END, UNITS_PER_DOLLAR, Condition
from unwind.claims.windows import Booleans, Floats, Integers


class Published(IntEnum):
    """A condition on what was published; unknown where nothing was received."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


class Estimated(IntEnum):
    """A condition on the interval of the truth: on none, a part or all of it.

    OPEN: the interval has no upper end, and whether the condition is true depends on it.
    """

    NONE = 0
    OPEN = 1
    PART = 2
    ALL = 3


class Verdict(IntEnum):
    """What a claim comes to, the least first."""

    CONTRADICTED = 0
    UNDETERMINED = 1
    HOLDS_ONLY_IF = 2
    HOLDS = 3


class Judged(NamedTuple):
    """Of each window: a condition, or several together, on what was published and on estimates."""

    published: Integers
    estimated: Integers


def judged(condition: Condition, figures: Figures) -> Judged:
    """A condition in every window."""
    lowest, highest = condition.lowest, condition.highest
    is_true = (figures.published >= lowest) & (figures.published <= highest)
    published = np.where(is_true, Published.TRUE, Published.FALSE)
    published = np.where(figures.is_known, published, Published.UNKNOWN)
    is_within = (figures.low >= lowest) & (figures.high <= highest)
    is_outside = (figures.low > highest) | (figures.high < lowest)
    is_open = figures.high == NO_END
    estimated = np.select(
        [is_within, is_outside, is_open],
        [Estimated.ALL, Estimated.NONE, Estimated.OPEN],
        Estimated.PART,
    )
    return Judged(published, estimated)


def together(conditions: Sequence[Judged]) -> Judged:
    """All conditions at once: the least of each."""
    return Judged(
        np.min([one.published for one in conditions], axis=0),
        np.min([one.estimated for one in conditions], axis=0),
    )


def verdicts(both: Judged) -> Integers:
    """The verdict on each window."""
    on_published = both.published == Published.TRUE
    on_estimates = both.estimated
    by_estimates = (both.published == Published.FALSE) & (on_estimates >= Estimated.PART)
    return np.select(
        [
            on_published & (on_estimates == Estimated.ALL),
            on_published | by_estimates,
            on_estimates == Estimated.NONE,
        ],
        [Verdict.HOLDS, Verdict.HOLDS_ONLY_IF, Verdict.CONTRADICTED],
        Verdict.UNDETERMINED,
    )


def margins(conditions: Sequence[Condition], figures: Sequence[Figures], both: Judged) -> Floats:
    """The smallest margin of a condition, as a share of its amount; negative if it is missed.

    Uses the published figure if that satisfies the claim, else the middle of the estimate.
    """
    by_condition = []
    for condition, figure in zip(conditions, figures, strict=True):
        is_true = both.published == Published.TRUE
        value = np.where(is_true, figure.published, figure.mid).astype(np.float64)
        ends = []
        if condition.lowest > 0:
            ends.append(value - condition.lowest)
        if condition.highest < NO_END:
            ends.append(condition.highest - value)
        scale = max(float(condition.amount) * UNITS_PER_DOLLAR, 1.0)
        by_condition.append(np.min(ends, axis=0) / scale if ends else np.zeros(len(value)))
    least: Floats = np.min(by_condition, axis=0)
    return least


def best(both: Judged, verdict: Integers, margin: Floats, among: Booleans) -> int:
    """The place of the window, of those `among`, in which the claim comes nearest to the truth.

    The best verdict first, then what was published before estimates, then the widest margin; of
    equal ones the earliest.
    """
    places = np.flatnonzero(among)
    order = np.lexsort(
        (
            places,
            -margin[places],
            -both.estimated[places],
            -(both.published[places] == Published.TRUE).astype(np.int64),
            -verdict[places],
        )
    )
    return int(places[order[0]])
