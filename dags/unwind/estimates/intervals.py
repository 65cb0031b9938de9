"""From sums of moments to 90% intervals, shares and rankings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unwind.estimates.moments import Moments
from unwind.estimates.rates import Booleans, Floats

# The normal quantile of 95%: 5% of the truth is to lie outside on either side.
Z = 1.6448536
# A tenth of hours with 2.3 expected hidden events has none: exp(-2.3).
FEW_HIDDEN_EVENTS = 2.3
# The model's common error in all hours, as a share of hidden; 2026-11-26, docs/coverage.md.
COMMON_ERROR_SHARE = 0.05


class Interval(NamedTuple):
    """90% intervals of events or USD, arrays of the moments' shape.

    The truth is at least `published`. `high` is nan where a part has no estimate
    (`has_unestimated_part`); that part enters `low` and `mid` as published. `estimated_*` is the
    interval over the other parts alone.
    """

    published: Floats
    low: Floats
    mid: Floats
    high: Floats
    has_unestimated_part: Booleans
    estimated_published: Floats
    estimated_low: Floats
    estimated_mid: Floats
    estimated_high: Floats


class Share(NamedTuple):
    """Shares of a whole with 90% intervals; an end is nan where the truth could lie beyond any."""

    low: Floats
    mid: Floats
    high: Floats


class Ranking(NamedTuple):
    """Ranks by `mid`, 1 the largest; `is_open` where the interval overlaps another's."""

    rank: Floats
    is_open: Booleans


class _Figures(NamedTuple):
    published: Floats
    unestimated: Floats
    hidden: Floats
    variance: Floats
    is_partial: Booleans


def interval_of_events(moments: Moments) -> Interval:
    """The interval of the number of events, published and hidden."""
    return _interval(moments, _events(moments))


def interval_of_usd(moments: Moments) -> Interval:
    """The interval of USD, published and hidden."""
    return _interval(moments, _usd(moments))


def share_of_events(part: Moments, whole: Moments) -> Share:
    """The share of the whole's events that `part`, one of its summands, has."""
    return _share(_events(part), _events(whole))


def share_of_usd(part: Moments, whole: Moments) -> Share:
    """The share of the whole's USD that `part`, one of its summands, has."""
    return _share(_usd(part), _usd(whole))


def ranking(low: Floats, mid: Floats, high: Floats) -> Ranking:
    """Ranks along the last axis; a null `high` overlaps whatever is above it.

    Only where two intervals do not overlap may one be called the larger.
    """
    mid, top = np.asarray(mid), np.where(np.isnan(high), np.inf, high)
    above = (mid[..., None, :] > mid[..., :, None]).sum(axis=-1)
    overlaps = (low[..., None, :] <= top[..., :, None]) & (low[..., :, None] <= top[..., None, :])
    return Ranking(above + 1.0, overlaps.sum(axis=-1) > 1)


def _events(moments: Moments) -> _Figures:
    partial = (
        moments.saturated_channel_hours
        + moments.uncovered_channel_hours
        + moments.too_even_channel_hours
        + moments.unknown_rule_channel_hours
    ) > 0
    return _Figures(
        moments.published_events,
        moments.unestimated_events,
        moments.hidden_events,
        moments.hidden_events_variance,
        partial,
    )


def _usd(moments: Moments) -> _Figures:
    partial = _events(moments).is_partial | (moments.unpriced_events > 0)
    return _Figures(
        moments.published_usd,
        moments.unestimated_usd,
        moments.hidden_usd,
        moments.hidden_usd_variance,
        partial,
    )


def _interval(moments: Moments, figures: _Figures) -> Interval:
    is_sum = moments.estimated_channel_hours > 1
    low, high = _ends(figures.hidden, _with_common_error(figures, is_sum))
    events = _with_common_error(_events(moments), is_sum)
    few = np.maximum(FEW_HIDDEN_EVENTS, Z * np.sqrt(events))
    low = np.where(moments.hidden_events < few, 0.0, low)
    base = figures.published - figures.unestimated
    mid = base + np.maximum(figures.hidden, 0)
    estimated = base + low, mid, base + high
    return Interval(
        figures.published,
        figures.unestimated + estimated[0],
        figures.unestimated + estimated[1],
        np.where(figures.is_partial, np.nan, estimated[2]),
        figures.is_partial,
        base,
        *estimated,
    )


def _with_common_error(figures: _Figures, is_sum: Booleans) -> Floats:
    return figures.variance + np.where(is_sum, (COMMON_ERROR_SHARE * figures.hidden) ** 2, 0.0)


def _ends(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """The 5% and 95% points of what is hidden: of a lognormal, where anything is.

    The 95% point is at least that of an estimate of zero: a lognormal's falls to zero with its
    mean, however large the error of that mean.
    """
    is_positive = mean > 0
    safe = np.where(is_positive, mean, 1.0)
    spread = np.log1p(np.where(is_positive, variance, 0.0) / safe**2)
    middle, reach = np.log(safe) - spread / 2, Z * np.sqrt(spread)
    low = np.where(is_positive, np.exp(middle - reach), 0.0)
    high = np.where(is_positive, np.exp(middle + reach), 0.0)
    return low, np.maximum(np.maximum(high, mean), Z * np.sqrt(variance))


def _share(part: _Figures, whole: _Figures) -> Share:
    """By the delta method; part and rest are independent except for the common error."""
    total = whole.published + np.maximum(whole.hidden, 0)
    safe = np.where(total > 0, total, 1.0)
    mid = np.where(total > 0, (part.published + np.maximum(part.hidden, 0)) / safe, np.nan)
    mid = np.minimum(mid, 1.0)
    rest = np.maximum(whole.variance - part.variance, 0)
    common = COMMON_ERROR_SHARE * (part.hidden - mid * whole.hidden)
    variance = (1 - mid) ** 2 * part.variance + mid**2 * rest + common**2
    reach = Z * np.sqrt(variance) / safe
    rest_is_partial = whole.is_partial & ~part.is_partial
    low, high = np.maximum(mid - reach, 0.0), np.minimum(mid + reach, 1.0)
    return Share(
        np.where(rest_is_partial, np.nan, low), mid, np.where(part.is_partial, np.nan, high)
    )
