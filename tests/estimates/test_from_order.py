"""Seconds that start with an order: free time, events hidden by windows, and event weights."""

from __future__ import annotations

import numpy as np
import pytest

from unwind.estimates import sizes
from unwind.estimates.channels import (
    FROM_ORDER,
    LATEST,
    LATEST_FROM_ORDER,
    NO_GAPS,
    UNKNOWN,
    Published,
    Uncovered,
    estimate,
    estimate_parts,
)
from unwind.estimates.from_order import HiddenFromOrder, hidden_from_order, opens_a_window
from unwind.estimates.moments import ALL, LONG, SHORT, Moments

EVERY_SECOND = np.ones((1, 3600), dtype=bool)


def hidden_of(*second: float, covered: np.ndarray = EVERY_SECOND) -> HiddenFromOrder:
    return hidden_from_order(np.zeros(len(second), dtype=np.int64), np.array(second), covered)


def moments_of(
    second: np.ndarray | list[float],
    usd: float | list[float] = 100.0,
    rule: str = LATEST_FROM_ORDER,
    gaps: Uncovered = NO_GAPS,
) -> Moments:
    count = len(second)
    return estimate(
        Published(
            np.zeros(count, dtype=np.int64),
            np.array(second),
            np.broadcast_to(np.array(usd, dtype=np.float64), count),
            np.full(count, LONG),
        ),
        [rule],
        gaps,
    )


def steady(rate: float, seed: int = 1) -> np.ndarray:
    """Publication times over one hour of a counter that is dead for a second after each event."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(1 + rng.exponential(1 / rate, 4000)) - 1
    return at[at < 3600]


def test_three_orders_half_a_free_second_apart():
    """Published at 10, 11.5 and 13 s: free times 0, 0.5 and 1 of 3,597 s.

    The second event has one in the free second before it (0.8); the third has one there and one a
    whole second before (0.8 + 0.5): 2.1 hidden. Each has two others within five free seconds on
    either side: 0.7 hidden each, and a rate of 2/10.
    """
    hidden = hidden_of(10.0, 11.5, 13.0)
    assert hidden.hidden == pytest.approx([2.1])
    assert hidden.of_events == pytest.approx([0.7, 0.7, 0.7])
    assert hidden.rate == pytest.approx([0.2, 0.2, 0.2])
    # Windows hide 0.7 each; the local rate accounts for 0.2 of that.
    assert hidden.dispersion == pytest.approx([0.5])
    assert hidden.by_chance == pytest.approx([3 * 2 / 3597])
    # 0.8^2 + 1.3^2, plus a spread of 1 + 1 - 2^2/3 events in the next free second, plus 1.
    assert hidden.variance == pytest.approx([2.33 + 2 / 3 + 1])
    assert hidden.clustering_error == pytest.approx([np.sqrt(2.33) / 3])


def test_the_hour_is_a_circle():
    """0.2 and 3,599 s are 0.2 s apart across the end of the hour, less the window's second."""
    hidden = hidden_of(0.2, 3599.0)
    assert hidden.hidden == pytest.approx([0.8])
    # The free gaps are 0.2 and 3,597.8 s.
    assert hidden.by_chance == pytest.approx([2 / 3598])


def test_seconds_that_were_not_received_are_cut_out():
    covered = EVERY_SECOND.copy()
    covered[0, 100:3000] = False
    hidden = hidden_of(99.0, 3001.5, covered=covered)
    # 1 s before the gap and 1.5 s after it: 2.5 s apart, 1.5 s of it free.
    assert hidden.hidden == pytest.approx([0.5])
    assert hidden.by_chance == pytest.approx([2 / 698])


def test_chance_without_a_pair_is_uncertain():
    """60 events a minute apart: no pair, where 60 x 59 / 3,540 = 1 is expected by chance."""
    hidden = hidden_of(*(60.0 * number for number in range(60)))
    assert hidden.hidden == [0]
    # The regression's and the windows' variance of 1 each, the missing 1 squared, and 1.
    assert hidden.variance == pytest.approx([4])
    assert hidden.likely == pytest.approx([1.0])


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0])
def test_a_steady_rate_is_what_comes_in_free_time(rate):
    """n/(T - n); clock seconds would give ln(1 + rate), which is 19, 31 and 45% less."""
    hours = [steady(rate, seed) for seed in range(20)]
    count = sum(len(at) for at in hours)
    assert count / (20 * 3600 - count) == pytest.approx(rate, rel=0.02)
    true = 20 * 3600 * rate
    moments = [moments_of(at) for at in hours]
    events = count + sum(one.hidden_events[0, ALL] for one in moments)
    assert events == pytest.approx(true, rel=0.02)
    occupied = sum(len(np.unique(at.astype(np.int64))) for at in hours) / (20 * 3600)
    assert -np.log1p(-occupied) / rate == pytest.approx(np.log1p(rate) / rate, rel=0.02)


def test_each_event_stands_for_its_own_dollars():
    moments = moments_of([10.0, 11.5, 13.0], [100.0, 200.0, 600.0])
    assert moments.hidden_events[0, ALL] == pytest.approx(2.1)
    assert moments.hidden_usd[0, [ALL, LONG, SHORT]] == pytest.approx([630, 630, 0])


def test_the_largest_of_a_window_stands_for_less():
    """A window has 1 + N events, N with mean rate + y; F of sizes are smaller, 1 - F larger.

    At a rate of 1 and F = 1/2: (1 + 1) e^0.5 / (1 + 0.5). With y = 1, the probability that no
    other is larger is 1.5^-2, the density (1 + 0.5 x 2 / 1.5) / 2.25, and 3 events share it.
    """
    one, half = np.array([1.0]), np.array([0.5])
    by_rate = sizes._times_from_order(half, one, np.array([0.0]))
    assert by_rate == pytest.approx([2 * np.exp(0.5) / 1.5])
    assert sizes._times_from_order(half, one, one) == pytest.approx([3 * 2.25 / (1 + 1 / 1.5)])
    # The largest of all is published whenever it happens.
    assert sizes._times_from_order(np.array([0.0]), one, np.array([0.0])) == pytest.approx([1])


@pytest.mark.parametrize("y", [0.0, 0.6])
def test_published_events_stand_for_all_of_their_windows(y):
    """Averaged over its density, a published event stands for 1 + rate + y events."""
    rate, ranks = 1.5, (np.arange(100_000) + 0.5) / 100_000
    times = sizes._times_from_order(1 - ranks, np.full(100_000, rate), np.full(100_000, y))
    density = (1 + rate + y) / times
    assert density.mean() == pytest.approx(1, abs=1e-6)


def test_an_order_within_half_a_second_of_another_opens_no_window():
    assert opens_a_window(np.array([0, 0, 1]), np.array([5.0, 5.4, 5.5])).tolist() == [
        True,
        False,
        True,
    ]
    moments, alone = moments_of([5.0, 5.4]), moments_of([5.0])
    assert moments.published_events[0, ALL] == 2
    assert moments.hidden_events_variance[0, ALL] == alone.hidden_events_variance[0, ALL]


@pytest.mark.parametrize("rule", FROM_ORDER)
def test_a_quiet_hour(rule):
    moments = moments_of([100.25], 5000.0, rule)
    assert moments.hidden_events[0, ALL] == 0
    assert moments.hidden_usd[0, ALL] == pytest.approx(0, abs=1e-6)
    assert moments.estimated_channel_hours.tolist() == [[1, 1, 1]]
    assert estimate(Published(*(np.empty(0),) * 4), [rule]).published_usd.sum() == 0


@pytest.mark.parametrize("rule", FROM_ORDER)
def test_five_minutes_without_free_time_are_saturated(rule):
    """Orders 1.02 s apart leave 2% of the time free."""
    moments = moments_of(np.arange(600, 1200, 1.02), 10.0, rule)
    assert moments.saturated_channel_hours.tolist() == [[1, 1, 1]]
    assert moments.unestimated_events[0, ALL] == moments.published_events[0, ALL] == 589


@pytest.mark.parametrize("rule", FROM_ORDER)
def test_orders_that_keep_apart_have_no_estimate(rule):
    """1,200 orders, one every three seconds; 600 pairs in a free second are expected by chance."""
    moments = moments_of(np.arange(0, 3600, 3.0), 10.0, rule)
    assert moments.too_even_channel_hours.tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("rule", FROM_ORDER)
def test_an_event_in_a_gap_is_only_published(rule):
    gap = Uncovered(np.array([0]), np.array([0.0]), np.array([20.0]))
    with_event = moments_of([10.0, 100.0, 101.25], 10.0, rule, gap)
    without = moments_of([100.0, 101.25], 10.0, rule, gap)
    assert with_event.hidden_events[0, ALL] == without.hidden_events[0, ALL] == pytest.approx(0.8)


@pytest.mark.parametrize("rule", FROM_ORDER)
def test_parts_add_up_to_the_hour_in_any_order(rule):
    at = steady(0.8)
    rng = np.random.default_rng(3)
    usd, side = np.exp(8 + rng.standard_normal(len(at))), rng.integers(0, 3, len(at))
    # As the second of two rows and in another order, figures are the same to the last digit.
    shuffled = rng.permutation(len(at))
    one = estimate(Published(np.zeros(len(at), dtype=np.int64), at, usd, side), [rule])
    two = estimate(
        Published(np.ones(len(at), dtype=np.int64), at[shuffled], usd[shuffled], side[shuffled]),
        [rule, rule],
    )
    for first, second in zip(one, two, strict=True):
        assert np.array_equal(first[0], second[1])
    row, _, parts = estimate_parts(
        Published(np.zeros(len(at), dtype=np.int64), at, usd, side),
        (at // 60).astype(np.int64),
        [rule],
    )
    assert len(row) == 60
    assert parts.hidden_events.sum(axis=0) == pytest.approx(one.hidden_events[0])
    assert parts.hidden_usd.sum(axis=0) == pytest.approx(one.hidden_usd[0])


def test_fractions_of_seconds_are_of_this_rule_alone():
    with pytest.raises(ValueError, match=r"second 12\.5; it must be 0 to 3599, a whole number"):
        moments_of([12.5], rule=LATEST)
    for wrong in (3600.0, -0.1, np.nan):
        with pytest.raises(ValueError, match="an event has the second"):
            moments_of([wrong])


def test_under_an_unknown_rule_seconds_may_have_fractions():
    """In a partly received hour of Binance, the times are known but the rule is not."""
    moments = moments_of([2689.882], rule=UNKNOWN)
    assert moments.unknown_rule_channel_hours[0, 0] == 1
    assert moments.unestimated_events[0, 0] == 1
    with pytest.raises(ValueError, match="an event has the second"):
        moments_of([3600.5], rule=UNKNOWN)
