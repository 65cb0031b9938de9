"""Weights of published events and their variance; expected values are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unwind.estimates import rates, sizes

EVERY = np.array([True, True])


def hour(occupied: int, hidden: float, dispersion: float = 0.0, error: float = 0.0):
    """An hour with all events in its first thirty seconds; the variance of hidden events is 4."""
    shape = (1, rates.SLOTS)
    in_slots = np.zeros(shape, dtype=np.int64)
    in_slots[0, 0] = occupied
    first = np.ones(shape, dtype=bool)
    windows = rates.Windows(np.full(shape, 30), in_slots, first, np.array([False]))
    of_slots = np.zeros(shape)
    of_slots[0, 0] = hidden
    return rates.HiddenEvents(
        windows,
        np.array([dispersion]),
        np.array([error]),
        np.array([float(occupied)]),
        np.array([hidden]),
        np.array([4.0]),
        of_slots,
        np.array([False]),
        np.zeros(1, dtype=bool),
    )


def sample(*usd: float) -> sizes.Sample:
    return sizes.Sample(np.zeros(len(usd), dtype=np.int64), np.arange(len(usd)), np.array(usd))


def test_under_latest_each_event_stands_for_as_many():
    weights = sizes.latest_weights(sample(100, 300), hour(occupied=2, hidden=3))
    assert weights.hidden.tolist() == [1.5, 1.5]


def test_the_variance_under_latest():
    """Mean 200; logarithms differ by ln 3: (0.549306)^2 x 2 = 0.603474, e^0.603474 - 1 = 0.828460.

    4 x 200^2 + (3 + 2 x 1.5^2) x 200^2 x 0.828460 = 160,000 + 248,538.
    """
    published, events = sample(100, 300), hour(occupied=2, hidden=3)
    weights = sizes.latest_weights(published, events)
    assert sizes.latest_variance(published, weights, events, EVERY) == pytest.approx(408_538, abs=1)


def test_the_variance_of_a_side_under_latest():
    """Half of the weight is long, 300 each: mean 150.

    Its variance is 0.5 x 300^2 x 1.828460 - 150^2 = 59,780.7; 4 x 150^2 + 7.5 x 59,780.7.
    """
    published, events = sample(100, 300), hour(occupied=2, hidden=3)
    weights = sizes.latest_weights(published, events)
    is_long = np.array([False, True])
    of_longs = sizes.latest_variance(published, weights, events, is_long)
    assert of_longs == pytest.approx(90_000 + 448_355, abs=2)


def relative_variance(*usd: float) -> float:
    rows = np.zeros(len(usd), dtype=np.int64)
    [spread] = sizes._relative_variance(
        rows, np.array(usd), np.ones(len(usd)), np.array([len(usd)])
    )
    return spread


def test_the_variance_of_sizes_is_that_of_their_logarithms():
    """ln(2)^2 x 3/16 x 4/3 = 0.120113, e^0.120113 - 1; from the sizes 0.25 / 1.75^2 = 0.0816."""
    assert relative_variance(1, 2, 2, 2) == pytest.approx(0.127625, abs=1e-6)


def test_the_variance_of_tails_heavier_than_a_lognormal_is_that_of_the_sizes():
    """(9 x 90^2 + 810^2)/9 = 81,000 over 190^2; ln(10)^2 x 0.09 x 10/9 gives 0.699 alone."""
    assert relative_variance(*[100] * 9, 1000) == pytest.approx(2.24377, abs=1e-5)


def test_under_largest_a_lone_event_stands_only_for_its_cluster():
    assert sizes.largest_weights(sample(100), hour(1, 0.0)).hidden == pytest.approx([0.0])
    # Half of its own weight lies above it: 1 + 1/2 events, as y/2 are hidden per published event.
    clustered = sizes.largest_weights(sample(100), hour(1, 0.5, dispersion=1.0))
    assert clustered.hidden == pytest.approx([0.5])


def test_under_largest_the_smaller_stands_for_more():
    """h(29) - h(28) = 0.0344828; two of thirty seconds hide 0.0345 events.

    F is 0.25215 and 0.75215: exp(0.0344828 x 0.74785) = 1.02612, exp(0.0344828 x 0.24785) =
    1.00858; together they hide 0.03470, and halfway to 0.0344828 is 0.99687 of that.
    """
    published, events = sample(300, 100), hour(2, 30 * (1 / 29 + 1 / 30) - 2)
    weights = sizes.largest_weights(published, events)
    assert weights.hidden == pytest.approx([0.00855, 0.02604], abs=2e-5)
    assert weights.larger == pytest.approx([0.24785, 0.74785], abs=2e-5)


def test_the_variance_under_largest():
    """The first event: 100^2 x 0.5 x 1.5 and 100 x 1.5 x 0.8; the second: 300^2 x 0.1 x 1.1 and

    300 x 1.1 x 0.2; times (1 + 1)^2, and 0.2 squared.
    """
    published, events = sample(100, 300), hour(2, 1, dispersion=1.0, error=0.2)
    weights = sizes.Weights(np.array([0.5, 0.1]), np.array([0.8, 0.2]))
    variance = sizes.largest_variance(published, weights, events, EVERY)
    assert variance == pytest.approx(4 * (7_500 + 9_900) + 37.2**2)
    of_first = sizes.largest_variance(published, weights, events, np.array([True, False]))
    assert of_first == pytest.approx(4 * 7_500 + 24**2)


def test_an_event_without_a_size_has_no_part_in_the_sizes():
    published, events = sample(np.nan, 100, 300), hour(3, 3)
    weights = sizes.largest_weights(published, events)
    assert weights.hidden[0] == 1
    assert np.isfinite(weights.hidden).all()
    assert np.isfinite(
        sizes.latest_variance(published, weights, events, np.ones(3, dtype=bool))
    ).all()
