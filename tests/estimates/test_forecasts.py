"""The measures of forecasts, by hand and against published values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unwind.estimates import forecasts
from unwind.estimates.forecasts import (
    alarm_threshold,
    auc,
    auc_influence,
    average_precision,
    curve,
    leads,
    logistic_fit,
    placements,
    probabilities,
    resampled_blocks,
    shift_p_value,
    spaced,
    spread,
    top_weights,
)

# scikit-learn's own example of roc_auc_score and average_precision_score: 0.75 and 0.83.
EXAMPLE = (np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))


def flags(text: str) -> np.ndarray:
    """Hours with (x) and without an event."""
    return np.array([one == "x" for one in text])


def test_the_documented_example_of_scikit_learn() -> None:
    found = curve(*EXAMPLE)
    # https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html
    assert auc(found) == 0.75
    # sklearn.metrics.average_precision_score: 1 x 1/2 + 2/3 x 1/2.
    assert average_precision(found) == pytest.approx(5 / 6)


def test_the_curve_counts_hits_and_false_alarms_from_the_top() -> None:
    found = curve(np.array([3.0, 1, 2, 3, 1]), flags("x.x.."))
    assert found.thresholds.tolist() == [3, 2, 1]
    assert found.hits.tolist() == [1, 2, 2]
    assert found.false_alarms.tolist() == [1, 1, 3]
    assert found.group.tolist() == [0, 2, 1, 0, 2]


def test_pairs_of_equal_values_count_half() -> None:
    # Pairs of x in {3, 2} with . in {1, 3, 1}: 3 wins 2 and ties 1, 2 wins 2 and loses 1: 4.5 of 6.
    values, events = np.array([3.0, 1, 2, 3, 1]), flags("x.x..")
    found = curve(values, events)
    assert auc(found) == 0.75
    # By hour: 3 against {1, 3, 1}, 1 against {3, 2}, 2, 3 against {3, 2} and 1.
    assert placements(found, events) == pytest.approx([2.5 / 3, 1, 2 / 3, 0.25, 1])


def test_a_constant_forecast_has_one_half_and_one_turned_round_what_is_left() -> None:
    assert auc(curve(np.ones(4), flags("x..x"))) == 0.5
    assert auc(curve(-EXAMPLE[0], EXAMPLE[1])) == 0.25


def test_without_hours_of_both_kinds_there_is_no_auc() -> None:
    for events in (flags("xx"), flags("..")):
        found = curve(np.array([1.0, 2]), events)
        assert math.isnan(auc(found))
        assert np.isnan(placements(found, events)).all()


def test_the_auc_is_the_mann_whitney_statistic_of_scipy() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    draw = np.random.RandomState(3)
    values, events = draw.randint(0, 20, 500).astype(float), draw.rand(500) < 0.1
    count = events.sum() * (~events).sum()
    expected = scipy_stats.mannwhitneyu(values[events], values[~events]).statistic / count
    assert auc(curve(values, events)) == pytest.approx(expected, abs=1e-12)


def test_average_precision_takes_equal_values_as_one_threshold() -> None:
    # At 3: 1 of 2 are events, half of all; at 2: 2 of 3, the other half.
    found = curve(np.array([3.0, 1, 2, 3, 1]), flags("x.x.."))
    assert average_precision(found) == pytest.approx(1 / 2 * 1 / 2 + 2 / 3 * 1 / 2)


def test_an_uninformative_forecast_has_the_base_rate_as_average_precision() -> None:
    assert average_precision(curve(np.ones(8), flags("x......x"))) == 0.25


def test_the_top_hours_share_what_is_equal() -> None:
    # A quarter of eight hours: two. The highest is in; of the four next ones each a quarter.
    weights = top_weights(curve(np.array([9.0, 5, 5, 5, 5, 1, 1, 1]), flags("x.x.....")), 0.25)
    assert weights.tolist() == [1, 0.25, 0.25, 0.25, 0.25, 0, 0, 0]
    # Of few hours one is taken.
    assert top_weights(curve(np.array([1.0, 2, 3]), flags("..x")), 0.01).tolist() == [0, 0, 1]


def test_the_alarm_is_the_lowest_value_that_stays_within_the_false_alarms() -> None:
    # From the top: x . x . . x: false alarms 0, 1, 1, 2, 3, 3.
    values, events = np.array([6.0, 5, 4, 3, 2, 1]), flags("x.x..x")
    found = curve(values, events)
    assert alarm_threshold(found, 1) == 4
    assert alarm_threshold(found, 1.99) == 4
    assert alarm_threshold(found, 3) == 1
    assert alarm_threshold(curve(values, flags(".xxxxx")), 0.5) == math.inf


def test_leads_count_from_the_end_of_the_first_alarms_hour() -> None:
    # Hours 2, 3 and 30; known at 3, 4 and 31.
    alarms = np.zeros(40, dtype=bool)
    alarms[[2, 3, 30]] = True
    found = leads(alarms, np.array([3.0, 10.25, 27.0, 27.5, 30.5, 31.0, 39.0]), 24)
    # 27.0: the alarm known at 3 is 24 hours old; 27.5: that of 4 is 23.5; 30.5: none known in time.
    assert found[[0, 1, 2, 3, 5, 6]].tolist() == [0, 7.25, 24, 23.5, 0, 8]
    assert math.isnan(found[4])


def test_starts_within_a_day_of_one_that_counts_do_not() -> None:
    assert spaced(np.array([1.0, 20, 26, 49, 50]), 24).tolist() == [1, 26, 50]
    assert spaced(np.array([]), 24).tolist() == []


def test_influences_sum_to_zero_and_are_what_one_more_hour_does() -> None:
    draw = np.random.RandomState(5)
    values, events = draw.normal(size=2000), draw.rand(2000) < 0.2
    values = values + events
    found = curve(values, events)
    moved = auc_influence(placements(found, events), events)
    assert moved.sum() == pytest.approx(0, abs=1e-12)
    for hour in (0, 7, int(np.flatnonzero(events)[0])):
        again = auc(curve(np.append(values, values[hour]), np.append(events, events[hour])))
        assert again - auc(found) == pytest.approx(moved[hour], rel=0.01, abs=1e-9)


def test_resamples_of_influences_are_those_of_the_auc() -> None:
    """Against the AUC of the resampled hours themselves, block by block."""
    draw = np.random.RandomState(8)
    values, events = draw.normal(size=2400), draw.rand(2400) < 0.1
    values = values + 0.5 * events
    found = curve(values, events)
    by_day = auc_influence(placements(found, events), events).reshape(100, 24).sum(axis=1)
    exact, linear = [], []
    for counts in draw.multinomial(100, np.full(100, 0.01), 200):
        of = np.repeat(counts, 24)
        exact.append(auc(curve(np.repeat(values, of), np.repeat(events, of))))
        linear.append(auc(found) + counts @ by_day)
    assert np.corrcoef(linear, exact)[0, 1] > 0.995
    assert np.std(linear) == pytest.approx(np.std(exact), rel=0.05)


def test_the_spread_of_a_mean_is_its_standard_error() -> None:
    # The mean of 300 days of unit variance: 1 / sqrt(300), as good as without widening. Of 200
    # resamples a standard deviation is known within 5%.
    draw = np.random.RandomState(1)
    days = draw.normal(size=(300, 20))
    found = spread((days - days.mean(axis=0)) / 300, np.full((300, 20), 1 / 300))
    assert found.error.mean() == pytest.approx(1 / math.sqrt(300), rel=0.05)
    assert found.high.mean() == pytest.approx(1.96 / math.sqrt(300), rel=0.07)
    assert found.low.mean() == pytest.approx(-1.96 / math.sqrt(300), rel=0.07)


def test_days_that_move_together_count_as_fewer() -> None:
    # Three equal days in a row are one: 100 of them have sqrt(3) times the error of 300.
    alone = np.random.RandomState(6).normal(size=(300, 20)) / 300
    together = np.repeat(alone[:100], 3, axis=0)
    shares = np.full((300, 20), 1 / 300)
    # Blocks that begin on any day hold parts of two, 1, 2 and 3 days: (9 + 5 + 5) / 9 of variance.
    ratio = spread(together, shares).error.mean() / spread(alone, shares).error.mean()
    assert ratio == pytest.approx(math.sqrt(3 * 19 / 27), rel=0.1)


def test_a_block_that_makes_up_the_figure_widens_it() -> None:
    even = np.tile([1.0, -1.0], 150)[:, None] / 300
    shares = np.full((300, 1), 1 / 300)
    alone = even.copy()
    alone[10] = 0.5
    heavy = shares.copy()
    heavy[10] = 0.5
    plain = spread(alone, shares).error[0]
    # Of three overlapping blocks each has half of all: divided by 1 - 0.5 - 2 / 300.
    assert spread(alone, heavy).error[0] == pytest.approx(plain / 0.4933, rel=0.02)


def test_what_never_varies_has_no_spread() -> None:
    found = spread(np.zeros((30, 1)), np.full((30, 1), 1 / 30))
    assert (found.low[0], found.high[0], found.error[0]) == (0, 0, 0)


def test_few_blocks_widen_as_students_t() -> None:
    # 30 days with 10 alternating ones of a size: blocks of three days hold one each, 30 blocks that
    # overlap threefold: 10 degrees of freedom, 2.228 over 1.960.
    influences = np.zeros((30, 1))
    influences[::3, 0] = np.tile([1.0, -1.0], 5)
    widened = forecasts._widening(forecasts._block_sums(influences))
    # The expansion's first two terms are 0.003 short there.
    assert widened[0] == pytest.approx(2.228 / 1.960, abs=2e-3)


def test_each_resample_draws_as_many_days() -> None:
    counts = resampled_blocks(30)
    assert counts.shape == (forecasts.RESAMPLES, 30)
    assert (counts.sum(axis=1) == 10).all()


def test_a_fit_to_two_groups_is_their_log_odds() -> None:
    # 10 of 40 and 30 of 40: log(1/3) and log(3). Hardly drawn to zero by so many hours.
    features = np.repeat([0.0, 1.0], 40_000)[:, None]
    events = np.tile(np.arange(40_000) % 4 < 1, 2)
    events[40_000:] = np.arange(40_000) % 4 < 3
    intercept, slope = logistic_fit(features, events)
    assert intercept == pytest.approx(-math.log(3), abs=1e-3)
    assert slope == pytest.approx(2 * math.log(3), abs=2e-3)
    chances = probabilities(np.array([[1.0, 0], [1.0, 1]]), np.array([intercept, slope]))
    assert chances == pytest.approx([0.25, 0.75], abs=1e-3)


def test_a_fit_meets_the_conditions_of_its_maximum() -> None:
    draw = np.random.RandomState(2)
    features = draw.normal(size=(3000, 3))
    features[:, 2] = 0  # a component that is never known
    events = draw.rand(3000) < 1 / (1 + np.exp(2 - features[:, 0]))
    weights = logistic_fit(features, events)
    assert weights[3] == 0
    missed = events - probabilities(np.column_stack([np.ones(3000), features]), weights)
    assert missed.sum() == pytest.approx(0, abs=1e-6)
    for column in (0, 1):
        slope = forecasts.RIDGE * weights[column + 1]
        assert (missed * features[:, column]).sum() == pytest.approx(slope, abs=1e-6)


def test_a_fit_to_separated_hours_stays_finite() -> None:
    weights = logistic_fit(np.arange(20.0)[:, None], np.arange(20) >= 15)
    assert np.isfinite(weights).all()


def test_a_fit_needs_hours_of_both_kinds() -> None:
    assert np.isnan(logistic_fit(np.ones((5, 1)), np.zeros(5, dtype=bool))).all()


def test_a_forecast_of_the_right_days_beats_all_its_shifts() -> None:
    # 40 days; events on days 3, 4 and 20, where the forecast is highest: no move by 2 to 38 days
    # puts three days on three. 37 moves: 1 / 38.
    events = np.zeros((40, 24, 1), dtype=bool)
    events[[3, 4, 20]] = True
    graded = np.ones_like(events)
    assert shift_p_value(events.astype(float), events, graded) == pytest.approx(1 / 38)
    # One that is the same on all days is matched by every move.
    assert shift_p_value(np.ones((40, 24, 1)), events, graded) == 1
    assert math.isnan(shift_p_value(np.ones((20, 24, 1)), events[:20], graded[:20]))


def test_shifts_are_as_if_the_days_were_moved() -> None:
    draw = np.random.RandomState(4)
    events = draw.rand(60, 24, 2) < 0.05
    graded = draw.rand(60, 24, 2) < 0.8
    ranks = draw.permutation(60 * 24 * 2).reshape(60, 24, 2).astype(float)
    ranks[draw.rand(60, 24, 2) < 0.1] = np.nan

    def separated(shift: int) -> float:
        moved = np.roll(ranks, -shift, axis=0)
        with_event, without = moved[events & graded], moved[~events & graded]
        return float(np.nanmean(with_event) - np.nanmean(without))

    as_good = sum(separated(shift) >= separated(0) for shift in range(2, 59))
    assert shift_p_value(ranks, events, graded) == pytest.approx((1 + as_good) / 58)
