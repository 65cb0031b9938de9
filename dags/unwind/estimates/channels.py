"""From published events to the moments of channel-hours, rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unwind.estimates import sizes
from unwind.estimates.from_order import HiddenFromOrder, hidden_from_order, opens_a_window
from unwind.estimates.moments import ALL, LONG, SHORT, SIDES, Moments, no_moments
from unwind.estimates.rates import (
    HOUR_SECONDS,
    Booleans,
    Floats,
    HiddenEvents,
    Integers,
    hidden_events,
    in_long_blocks,
    summed,
)

LATEST = "one_per_symbol_second_latest"
LARGEST = "one_per_symbol_second_largest"
LARGEST_PER_SIDE = "one_per_symbol_side_second_largest"
FULL = "full"
UNKNOWN = "unknown"
# The same where a second is not a clock's, but begins with an order.
LATEST_FROM_ORDER = f"{LATEST}_from_order"
LARGEST_FROM_ORDER = f"{LARGEST}_from_order"
FROM_ORDER = (LATEST_FROM_ORDER, LARGEST_FROM_ORDER)
RULES = (LATEST, LARGEST, LARGEST_PER_SIDE, *FROM_ORDER, FULL, UNKNOWN)

# Rows at a time: each takes some 30 kB while it is worked on.
ROWS_AT_A_TIME = 1000
# No liquidation is a quadrillion dollars; squares of what is more would overflow.
MAX_USD = 1e15


class Published(NamedTuple):
    """Published events, in any order: arrays of one length.

    row: position of the instrument-hour among the rules; second: 0 to 3599, the second of the hour
    in which the venue PUBLISHED it (its push or event time; the trade's own time is off by up to a
    second, which costs 11 to 47%), with its fraction where seconds begin with an order; usd: size,
    unpriced where nan, negative, infinite or over 1e15;
    side: LONG, SHORT or 0 (unknown), of the closed position.
    """

    row: Integers
    second: Integers | Floats
    usd: Floats
    side: Integers

    def where(self, kept: Booleans | Integers | slice) -> Published:
        return Published(self.row[kept], self.second[kept], self.usd[kept], self.side[kept])


class _Events(NamedTuple):
    """Published events, each with its part: the row of the moments that it counts in."""

    row: Integers
    second: Floats
    usd: Floats
    side: Integers
    part: Integers

    def where(self, kept: Booleans | Integers | slice) -> _Events:
        return _Events(
            self.row[kept], self.second[kept], self.usd[kept], self.side[kept], self.part[kept]
        )


class Uncovered(NamedTuple):
    """When an instrument-hour was not received: row, from and to in seconds of the hour.

    A second that is uncovered in part counts as uncovered. What lies outside of the hour is cut
    off; a gap that ends as it begins covers nothing up.
    """

    row: Integers
    from_second: Floats
    to_second: Floats


NO_GAPS = Uncovered(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


def estimate(
    published: Published, rules: Sequence[str] | NDArray[np.object_], uncovered: Uncovered = NO_GAPS
) -> Moments:
    """The moments of each instrument-hour, of (len(rules), 3).

    `rules` has one publication rule (RULES) for each instrument-hour; those without an event need
    not be among them, unless their rule is unknown. The estimates are of covered seconds: events
    of others count as published alone. The order of events does not matter.

    Raises ValueError for a rule, row, second or gap that there cannot be.
    """
    return _estimated(published, published.row, np.arange(len(rules)), rules, uncovered)


def estimate_parts(
    published: Published,
    part: Integers,
    rules: Sequence[str] | NDArray[np.object_],
    uncovered: Uncovered = NO_GAPS,
) -> tuple[Integers, Integers, Moments]:
    """The moments of parts of instrument-hours, such as their minutes: row, part and moments.

    `part` is a number from 0 to 3599 for each event; only parts with an event are returned. An
    hour's hidden liquidations are distributed by the weights of its published events: hidden events
    and dollars of the parts add up to the hour's; variances do not, as the errors of parts are
    correlated. The other arguments, and the errors, are those of `estimate`.
    """
    keys, place = np.unique(
        np.asarray(published.row, dtype=np.int64) * HOUR_SECONDS + part, return_inverse=True
    )
    row = keys // HOUR_SECONDS
    return row, keys % HOUR_SECONDS, _estimated(published, place, row, rules, uncovered)


def _estimated(
    published: Published,
    part: Integers,
    row_of_part: Integers,
    rules: Sequence[str] | NDArray[np.object_],
    uncovered: Uncovered,
) -> Moments:
    """The moments of parts, which are in the order of their rows."""
    rule = np.asarray(rules, dtype=object)
    events = _checked(published, part, rule)
    uncovered = _checked_gaps(uncovered, len(rule))
    # An unknown size sorts first: a second's last event is its largest.
    known = np.nan_to_num(events.usd, nan=-1.0)
    events = events.where(np.lexsort((events.part, events.side, known, events.second, events.row)))
    parts = []
    for start in range(0, len(rule), ROWS_AT_A_TIME):
        end = min(start + ROWS_AT_A_TIME, len(rule))
        first, last = np.searchsorted(events.row, (start, end))
        first_part, last_part = np.searchsorted(row_of_part, (start, end))
        own = events.where(slice(first, last))
        own = own._replace(row=own.row - start, part=own.part - first_part)
        covered = _covered(uncovered, start, end)
        own_parts = row_of_part[first_part:last_part] - start
        parts.append(_estimate(own, rule[start:end], covered, own_parts))
    if not parts:
        return no_moments(0)
    return Moments(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _checked(published: Published, part: NDArray[Any], rule: NDArray[np.object_]) -> _Events:
    unknown = sorted({str(one) for one in rule} - set(RULES))
    if unknown:
        raise ValueError(f"no publication rule is called {unknown[0]!r}; there are {RULES}")
    row = _whole(published.row, "an event has the row", len(rule))
    second = np.asarray(published.second, dtype=np.float64)
    # A partly received hour of such a venue has an unknown rule, but still fractions of seconds.
    has_fraction = np.isin(rule, (*FROM_ORDER, UNKNOWN))[row]
    has_fraction &= (second >= 0) & (second < HOUR_SECONDS)
    _whole(np.where(has_fraction, 0, second), "an event has the second", HOUR_SECONDS)
    usd = np.asarray(published.usd, dtype=np.float64)
    usd = np.where((usd >= 0) & (usd <= MAX_USD), usd, np.nan)
    return _Events(row, second, usd, np.asarray(published.side), np.asarray(part, dtype=np.int64))


def _checked_gaps(uncovered: Uncovered, rows: int) -> Uncovered:
    row = _whole(uncovered.row, "a gap has the row", rows)
    begun, over = np.asarray(uncovered.from_second), np.asarray(uncovered.to_second)
    wrong = np.flatnonzero(~(begun <= over))
    if len(wrong):
        first, last = begun[wrong[0]], over[wrong[0]]
        raise ValueError(
            f"a gap is from second {first:g} to {last:g}; it must not end before it begins, "
            "and both ends must be known"
        )
    is_something = over > begun
    return Uncovered(row[is_something], begun[is_something], over[is_something])


def _whole(values: NDArray[Any], what: str, limit: int) -> Integers:
    values = np.asarray(values)
    wrong = values[~((values >= 0) & (values < limit) & (values == np.floor(values)))]
    if len(wrong):
        raise ValueError(
            f"{what} {wrong[0]:.12g}; it must be 0 to {limit - 1}, a whole number and not null"
        )
    return values.astype(np.int64)


def _covered(uncovered: Uncovered, start: int, end: int) -> Booleans:
    """Which seconds were received: (end - start, 3600)."""
    kept = (uncovered.row >= start) & (uncovered.row < end)
    row = uncovered.row[kept] - start
    begun = np.clip(np.floor(uncovered.from_second[kept]), 0, HOUR_SECONDS).astype(np.int64)
    over = np.clip(np.ceil(uncovered.to_second[kept]), 0, HOUR_SECONDS).astype(np.int64)
    changes = np.zeros((end - start, HOUR_SECONDS + 1), dtype=np.int32)
    np.add.at(changes, (row, begun), 1)
    np.add.at(changes, (row, over), -1)
    covered: Booleans = np.cumsum(changes[:, :-1], axis=1) == 0
    return covered


def _estimate(
    events: _Events, rule: NDArray[np.object_], covered: Booleans, row_of_part: Integers
) -> Moments:
    moments = _as_published(events, len(row_of_part))
    for name in (LATEST, LARGEST, *FROM_ORDER):
        of_rule = events.where((rule == name)[events.row])
        _add_channels(
            moments,
            of_rule,
            covered,
            name,
            {side: (side,) for side in range(len(SIDES))},
            row_of_part,
        )
    by_side = events.where((rule == LARGEST_PER_SIDE)[events.row])
    for side in (LONG, SHORT):
        of_side = by_side.where(by_side.side == side)
        _add_channels(moments, of_side, covered, LARGEST, {ALL: (ALL, side)}, row_of_part)

    unknown = (rule == UNKNOWN)[row_of_part]
    moments.unknown_rule_channel_hours[unknown] = 1
    moments.unestimated_events[unknown] = moments.published_events[unknown]
    moments.unestimated_usd[unknown] = moments.published_usd[unknown]
    # Under a rule by side, an event of an unknown side is of no known channel.
    without_side = by_side.where((by_side.side != LONG) & (by_side.side != SHORT))
    moments.unknown_rule_channel_hours[np.unique(without_side.part), ALL] += 1
    count, usd = _sums(without_side, len(row_of_part))
    moments.unestimated_events[:, ALL] += count
    moments.unestimated_usd[:, ALL] += usd
    return moments


def _as_published(events: _Events, parts: int) -> Moments:
    moments = no_moments(parts)
    for side in range(len(SIDES)):
        of_side = events if side == ALL else events.where(events.side == side)
        count, usd = _sums(of_side, parts)
        moments.published_events[:, side], moments.published_usd[:, side] = count, usd
        moments.unpriced_events[:, side] = summed(of_side.part, np.isnan(of_side.usd), parts)
    return moments


def _sums(events: _Events, parts: int) -> tuple[Floats, Floats]:
    """How many events each part has, and their USD."""
    count = np.bincount(events.part, minlength=parts).astype(np.float64)
    return count, summed(events.part, np.nan_to_num(events.usd), parts)


def _add_channels(
    moments: Moments,
    events: _Events,
    covered: Booleans,
    rule: str,
    columns: dict[int, tuple[int, ...]],
    row_of_part: Integers,
) -> None:
    """Adds what channels hide to the moments of their parts.

    `events` are sorted, and of one channel in each row. `columns` says which side of the channel's
    events is added to which columns of the moments.
    """
    rows, row = np.unique(events.row, return_inverse=True)
    if not len(rows):
        return
    parts, part = np.unique(events.part, return_inverse=True)
    events, covered = events._replace(row=row, part=part), in_long_blocks(covered[rows])
    own_row = np.searchsorted(rows, row_of_part[parts])
    channels = (_from_order if rule in FROM_ORDER else _of_clock)(events, covered, rule)
    hidden = channels.hidden
    by_side = _by_side(channels, own_row)
    is_saturated = hidden.is_saturated[own_row]
    is_uncovered = ~covered[own_row].any(axis=1)
    is_too_even = hidden.is_too_even[own_row] & ~is_saturated
    estimated = ~(is_uncovered | is_saturated | is_too_even)
    for source, targets in columns.items():
        own = events if source == ALL else events.where(events.side == source)
        count, usd = _sums(own, len(parts))
        for target in targets:
            for total, added in zip(moments[2:4] + moments[6:8], by_side[source], strict=True):
                total[parts, target] += np.where(estimated, added, 0.0)
            moments.estimated_channel_hours[parts, target] += estimated
            moments.saturated_channel_hours[parts, target] += is_saturated
            moments.uncovered_channel_hours[parts, target] += is_uncovered
            moments.too_even_channel_hours[parts, target] += is_too_even
            moments.unestimated_events[parts, target] += np.where(estimated, 0.0, count)
            moments.unestimated_usd[parts, target] += np.where(estimated, 0.0, usd)


class _Channels(NamedTuple):
    """Hidden events of channels, and the published events that represent them."""

    hidden: HiddenEvents | HiddenFromOrder
    events: _Events
    sample: sizes.Sample
    weights: sizes.Weights
    variance: Callable[..., Floats]


def _of_clock(events: _Events, covered: Booleans, rule: str) -> _Channels:
    second = events.second.astype(np.int64)
    occupied = np.zeros_like(covered)
    occupied[events.row, second] = True
    hidden = hidden_events(occupied & covered, covered)
    # The last and largest event of a second represents the hidden ones; the rule allows no others,
    # so these only count as published.
    is_last = np.diff(events.row * HOUR_SECONDS + second, append=-1) != 0
    kept = is_last & covered[events.row, second]
    events = events.where(kept)
    sample = sizes.Sample(events.row, second[kept], events.usd)
    if rule == LATEST:
        weights, variance = sizes.latest_weights(sample, hidden), sizes.latest_variance
    else:
        weights, variance = sizes.largest_weights(sample, hidden), sizes.largest_variance
    return _Channels(hidden, events, sample, weights, variance)


def _from_order(events: _Events, covered: Booleans, rule: str) -> _Channels:
    events = events.where(covered[events.row, events.second.astype(np.int64)])
    events = events.where(opens_a_window(events.row, events.second))
    hidden = hidden_from_order(events.row, events.second, covered)
    sample = sizes.Sample(events.row, events.second.astype(np.int64), events.usd)
    if rule == LATEST_FROM_ORDER:
        weights = sizes.from_order_latest_weights(sample, hidden)
        return _Channels(hidden, events, sample, weights, sizes.from_order_latest_variance)
    weights = sizes.from_order_largest_weights(sample, hidden)
    return _Channels(hidden, events, sample, weights, sizes.largest_variance)


def _by_side(
    channels: _Channels, row_of_part: Integers
) -> list[tuple[Floats, Floats, Floats, Floats]]:
    """By side: hidden events, their variance, hidden USD, their variance; by part."""
    hidden, sample, weights = channels.hidden, channels.sample, channels.weights
    side, parts = channels.events.side, sizes.Parts(channels.events.part, row_of_part)

    def of_hour(of_events: Floats) -> Floats:
        return summed(sample.row, of_events, len(hidden.hidden))[row_of_part]

    def of_part(of_events: Floats) -> Floats:
        return summed(parts.of_event, of_events, len(row_of_part))

    stands_for = of_hour(weights.hidden)
    hidden_of_hour = hidden.hidden[row_of_part]
    spread = np.maximum(hidden_of_hour + of_hour(weights.hidden**2), 0)
    by_side = []
    for number in range(len(SIDES)):
        of_side = np.ones(len(side), dtype=bool) if number == ALL else side == number
        # Where the events represent no hidden ones, sides and parts share as published.
        shares_as_published = np.abs(stands_for) < 1e-9
        share = np.where(
            shares_as_published,
            of_part(of_side.astype(np.float64)) / np.maximum(hidden.occupied[row_of_part], 1),
            of_part(weights.hidden * of_side) / np.where(shares_as_published, 1.0, stands_for),
        )
        usd = of_part(np.where(sample.is_priced & of_side, weights.hidden * sample.usd, 0.0))
        own = np.maximum(share * (1 - share), 0)
        by_side.append(
            (
                hidden_of_hour * share,
                hidden.variance[row_of_part] * share**2 + spread * own,
                usd,
                channels.variance(sample, weights, hidden, of_side, parts),
            )
        )
    return by_side
