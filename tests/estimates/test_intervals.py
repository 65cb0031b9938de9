"""Intervals, shares and rankings of summed moments; expected values are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unwind.estimates import intervals, tables
from unwind.estimates.moments import Moments, added, no_moments


def moments(**columns: float | list[float]) -> Moments:
    """One row per number; other moments are 0, and one channel-hour is estimated."""
    given = {name: np.atleast_1d(np.asarray(value, dtype=float)) for name, value in columns.items()}
    rows = max(len(value) for value in given.values())
    zeros = {name: np.zeros(rows) for name in Moments._fields}
    return Moments(**(zeros | {"estimated_channel_hours": np.ones(rows)} | given))


HUNDRED = {"hidden_events": 50, "published_usd": 50, "hidden_usd": 100, "hidden_usd_variance": 400}


def test_an_interval_is_published_and_a_lognormal():
    """ln(1.04) = 0.0392207, its root 0.198042: 100 e^(-0.019610 -+ 0.325751) = 70.796, 135.817."""
    usd = intervals.interval_of_usd(moments(**HUNDRED))
    ends = usd.published[0], usd.low[0], usd.mid[0], usd.high[0]
    assert ends == pytest.approx((50, 120.796, 150, 185.817), abs=2e-3)
    assert not usd.has_unestimated_part[0]


def test_a_sum_carries_five_percent_of_hidden_once():
    """400 + 25: ln(1.0425) = 0.0416217, 100 e^(-0.020811 -+ 0.335572) = 70.020, 136.993."""
    usd = intervals.interval_of_usd(moments(**HUNDRED, estimated_channel_hours=7))
    assert (usd.low[0], usd.high[0]) == pytest.approx((120.020, 186.993), abs=2e-3)


@pytest.mark.parametrize(("hidden", "variance"), [(2.2, 1.0), (3.0, 9.0), (0.0, 1.0)])
def test_where_nothing_may_be_hidden_the_low_end_is_published(hidden, variance):
    few = moments(published_events=7, hidden_events=hidden, hidden_events_variance=variance)
    assert intervals.interval_of_events(few).low == 7


def test_where_something_is_hidden_the_low_end_is_above_published():
    some = moments(published_events=7, hidden_events=2.4, hidden_events_variance=1)
    assert intervals.interval_of_events(some).low > 7


def test_an_estimate_below_zero_keeps_its_high_end():
    fewer = moments(published_events=7, hidden_events=-1, hidden_events_variance=4)
    events = intervals.interval_of_events(fewer)
    assert (events.low[0], events.mid[0]) == (7, 7)
    assert events.high == pytest.approx(7 + 1.6448536 * 2)


def test_a_small_uncertain_estimate_has_no_lower_high_end_than_an_estimate_of_zero():
    """For 0.1 +- 3 events, a lognormal's 95% point would be 0.2."""
    little = moments(published_events=7, hidden_events=[0.1, 0], hidden_events_variance=9)
    events = intervals.interval_of_events(little)
    assert events.mid == pytest.approx([7.1, 7])
    assert events.high == pytest.approx([7 + 1.6448536 * 3] * 2)


def test_a_part_without_an_estimate_has_no_high_end():
    """30 of 80 USD are from a saturated hour; the other 50 keep the interval of the first test."""
    partial = HUNDRED | {"published_usd": 80, "unestimated_usd": 30, "saturated_channel_hours": 1}
    usd = intervals.interval_of_usd(moments(**partial))
    assert usd.has_unestimated_part[0]
    assert np.isnan(usd.high[0])
    assert (usd.low[0], usd.mid[0]) == pytest.approx((150.796, 180), abs=2e-3)
    apart = usd.estimated_published, usd.estimated_low, usd.estimated_mid, usd.estimated_high
    assert np.ravel(apart) == pytest.approx([50, 120.796, 150, 185.817], abs=2e-3)


def test_an_event_without_a_size_leaves_the_number_of_events_whole():
    unpriced = moments(**HUNDRED, unpriced_events=1)
    assert intervals.interval_of_usd(unpriced).has_unestimated_part[0]
    assert not intervals.interval_of_events(unpriced).has_unestimated_part[0]


def test_sums_are_of_every_column():
    three = moments(published_usd=[1, 2, 4], hidden_usd_variance=[8, 16, 32])
    sums = added(three, np.array([0, 1, 0]), 2)
    assert sums.published_usd.tolist() == [5, 2]
    assert sums.hidden_usd_variance.tolist() == [40, 16]
    assert sums.estimated_channel_hours.tolist() == [2, 1]
    assert added(no_moments(2), np.array([1, 1]), 3).published_usd.shape == (3, 3)


def test_a_share_by_the_delta_method():
    """60 of 100: 0.36 x 16 + (0.05 x 0.6 x 20)^2 = 6.12; 1.645 times its root is 4.0692 percent."""
    part = moments(published_usd=60)
    whole = moments(published_usd=80, hidden_usd=20, hidden_usd_variance=16)
    share = intervals.share_of_usd(part, whole)
    ends = share.low[0], share.mid[0], share.high[0]
    assert ends == pytest.approx((0.559308, 0.6, 0.640692), abs=1e-5)


def test_a_share_has_no_end_towards_what_is_not_estimated():
    part = moments(published_events=[60, 60], saturated_channel_hours=[1, 0])
    whole = moments(published_events=[80, 80], saturated_channel_hours=[1, 1])
    share = intervals.share_of_events(part, whole)
    assert np.isnan(share.high).tolist() == [True, False]
    assert np.isnan(share.low).tolist() == [False, True]


def test_a_share_of_nothing_is_not_known():
    nothing = moments(published_usd=0)
    assert np.isnan(intervals.share_of_usd(nothing, nothing).mid[0])


def test_a_ranking_is_open_where_intervals_overlap():
    low, mid, high = np.array([10.0, 13, 1]), np.array([12.0, 15, 2]), np.array([14.0, 20, 3])
    ranking = intervals.ranking(low, mid, high)
    assert ranking.rank.tolist() == [2, 1, 3]
    assert ranking.is_open.tolist() == [True, True, False]


def test_what_has_no_high_end_may_be_above_all():
    low, mid = np.array([10.0, 20, 5]), np.array([12.0, 25, 6])
    ranking = intervals.ranking(low, mid, np.array([14.0, 30, np.nan]))
    assert ranking.is_open.tolist() == [True, True, True]
    ranking = intervals.ranking(low, mid, np.array([14.0, np.nan, 7]))
    assert ranking.is_open.tolist() == [False, False, False]


def test_intervals_as_columns():
    columns = tables.interval_table(moments(**HUNDRED)._asdict())
    assert columns["usd_low"] == pytest.approx([120.796], abs=2e-3)
    assert columns["has_unestimated_events"].tolist() == [False]
