"""Grades, the fitted mix and the intervals of the liquidation map, by hand."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tests.simulations.map_without_skill import TESTS, WITHOUT_GAIN, Cases, shares_found
from unwind.estimates.map_scores import (
    Buckets,
    fitted_mix,
    grades,
    ratio_interval,
    resampled_days,
    shares_of,
)
from unwind.settings import PROJECT_ROOT

MIX = np.array([0.15, 0.30, 0.25, 0.20, 0.10])
SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"


def one_case(liquidated: list[float]) -> Buckets:
    """A case of adjacent buckets."""
    count = len(liquidated)
    return Buckets(np.array([0]), np.zeros((count, 5)), np.array(liquidated), np.ones(count) * 7.0)


def test_a_forecast_of_the_right_bucket_hits_and_scores_nothing() -> None:
    right = grades(one_case([0, 5, 0, 0]), np.array([0.0, 3, 0, 0]))
    assert right.hit.tolist() == [1]
    assert right.crps.tolist() == [0]


def test_a_forecast_two_buckets_off_is_half_a_percent_off() -> None:
    # All of the forecast in the first bucket, all dollars in the third: two steps of 0.25%.
    wrong = grades(one_case([0, 0, 8, 0]), np.array([4.0, 0, 0, 0]))
    assert wrong.crps.tolist() == [0.5]
    # The upper half: the first bucket, and a third of each of three equal ones.
    assert wrong.hit.tolist() == [pytest.approx(1 / 3)]


def test_an_even_forecast_hits_one_half() -> None:
    for liquidated in ([1.0, 0], [1.0, 2, 3], [0.0, 0, 9, 1]):
        even = grades(one_case(liquidated), np.ones(len(liquidated)))
        assert even.hit.tolist() == [pytest.approx(0.5)]


def test_an_even_forecast_of_two_buckets_scores_a_quarter_of_a_step() -> None:
    # F = 1/2 below the only edge, whichever bucket it was: (1/2)^2 x 0.25%.
    for liquidated in ([6.0, 0], [0, 6.0], [2.0, 4]):
        even = grades(one_case(liquidated), np.ones(2))
        assert even.crps.tolist() == [pytest.approx(0.0625)]


def test_the_score_is_that_of_each_dollar_in_turn() -> None:
    # Forecast 0.2, 0.5, 0.3; F = 0.2, 0.7. A dollar in bucket 1: 0.8^2 + 0.3^2 = 0.73; in bucket 2:
    # 0.2^2 + 0.3^2 = 0.13; in bucket 3: 0.2^2 + 0.7^2 = 0.53. Dollars 1, 2, 1: 1.52/4 x 0.25%.
    found = grades(one_case([1, 2, 1]), np.array([2.0, 5, 3]))
    assert found.crps.tolist() == [pytest.approx(0.095)]
    # The upper half of three: the second bucket and half of the third.
    assert found.hit.tolist() == [pytest.approx(0.5 + 0.125)]


def test_a_forecast_without_anything_in_the_case_is_even() -> None:
    assert shares_of(one_case([1, 1, 2, 4]), np.zeros(4)).tolist() == [0.25] * 4


def test_cases_do_not_mix() -> None:
    two = Buckets(np.array([0, 2]), np.zeros((5, 5)), np.array([6.0, 0, 1, 2, 1]), np.ones(5))
    found = grades(two, np.array([1.0, 1, 2, 5, 3]))
    assert found.crps.tolist() == [pytest.approx(0.0625), pytest.approx(0.095)]
    assert found.hit.tolist() == [pytest.approx(0.5), pytest.approx(0.625)]


def cases_of(mix: np.ndarray, cases: int, seed: int) -> Buckets:
    """Cases in which dollars are liquidated as the mix says, over random levels."""
    draw = np.random.RandomState(seed)
    masses = draw.gamma(0.3, 1.0, (cases * 8, 5))
    return Buckets(np.arange(0, cases * 8, 8), masses, masses @ mix * 3, np.ones(cases * 8))


def test_the_mix_that_made_the_liquidations_is_found() -> None:
    made_of = np.array([0.05, 0.10, 0.15, 0.30, 0.40])
    fitted = fitted_mix(cases_of(made_of, 2000, 1), MIX, 20.0)
    assert fitted.sum() == pytest.approx(1)
    # The dollars follow the mix exactly: what is left is the draw towards the seed, 20 of 2,020.
    assert fitted == pytest.approx((2000 * made_of + 20 * MIX) / 2020, abs=1e-3)


def test_few_cases_move_the_mix_little() -> None:
    made_of = np.array([0.05, 0.10, 0.15, 0.30, 0.40])
    many = np.abs(fitted_mix(cases_of(made_of, 200, 2), MIX, 20.0) - MIX).sum()
    # Five cases count as 5 of 25.
    few = np.abs(fitted_mix(cases_of(made_of, 5, 2), MIX, 20.0) - MIX).sum()
    assert few < 0.2 * 2 * (1 - 0.05)
    assert few < many / 2


def test_a_leverage_that_was_not_reached_keeps_its_share() -> None:
    buckets = cases_of(np.array([0.0, 0.10, 0.15, 0.30, 0.45]), 50, 3)
    buckets.masses[:, 0] = 0
    assert fitted_mix(buckets, MIX, 20.0)[0] == pytest.approx(0.15)


def test_nothing_liquidated_leaves_the_mix_as_it_is() -> None:
    empty = one_case([0, 0, 0])
    assert fitted_mix(empty, MIX, 20.0).tolist() == MIX.tolist()


def test_each_resample_has_as_many_days_in_blocks_of_a_week() -> None:
    counts = resampled_days(90)
    assert counts.shape == (200, 90)
    assert (counts.sum(axis=1) == 90).all()


def test_the_interval_of_a_constant_ratio_is_its_value() -> None:
    cases = np.arange(1.0, 91)[:, None]
    low, high = ratio_interval(cases * 0.25, cases)
    assert (low[0], high[0]) == (pytest.approx(0.25), pytest.approx(0.25))


def test_an_interval_without_a_case_is_not_known() -> None:
    low, high = ratio_interval(np.zeros((90, 1)), np.zeros((90, 1)))
    assert np.isnan(low[0])
    assert np.isnan(high[0])


def test_intervals_hold_the_mean_nine_times_in_ten() -> None:
    # 2,000 quarters of independent days around zero: 5% on either side, within three standard
    # errors, 3 sqrt(0.05 x 0.95 / 2,000) = 1.5%.
    draw = np.random.RandomState(7)
    low, high = ratio_interval(draw.normal(0, 1, (90, 2000)), np.ones((90, 2000)))
    assert (low > 0).mean() == pytest.approx(0.05, abs=0.015)
    assert (high < 0).mean() == pytest.approx(0.05, abs=0.015)


def test_skill_that_is_not_there_is_found_in_five_percent_of_markets() -> None:
    # 400 quarters of one case a day. Three binomial errors: 3 sqrt(0.05 x 0.95 / 400) = 3.3%.
    markets, days = 400, 90
    draw = np.random.default_rng(11)
    sizes = draw.integers(2, 16, markets * days)
    masses = draw.gamma(0.3, 1.0, (sizes.sum(), 5)) * (draw.random((sizes.sum(), 5)) < 0.6)
    dollars, traded = draw.lognormal(10, 2, sizes.sum()), draw.gamma(1.0, 1.0, sizes.sum())
    starts = np.append(0, np.cumsum(sizes)[:-1])
    cases = Cases(
        Buckets(starts, masses, dollars, traded),
        np.repeat(np.arange(days), markets),
        np.tile(np.arange(markets), days),
    )
    found = shares_found(cases, 1, 12)
    for test, placement in WITHOUT_GAIN.items():
        assert found[placement][TESTS.index(test)] == pytest.approx(0.05, abs=0.033), test
    # Where there is skill it is found: half of the dollars are where the map has them.
    assert found["half by map, half even"][TESTS.index("hit over even")] > 0.99
    # Even odds are best forecast by the even forecast: its score cannot be beaten.
    assert found["even"][TESTS.index("CRPS over even")] < 0.01


def test_the_draws_are_those_that_the_seed_describes() -> None:
    with (SEEDS / "leverage_mix_draws.csv").open() as file:
        rows = [float(row["weight"]) for row in csv.DictReader(file)]
    drawn = np.random.RandomState(20261126).dirichlet(20 * MIX, 99)
    assert np.array(rows).reshape(99, 5) == pytest.approx(drawn, abs=3e-6)
    assert np.array(rows).reshape(99, 5).sum(axis=1) == pytest.approx(np.ones(99))
    # Means are the weights, standard deviations sqrt(w (1 - w) / 21), within their own errors.
    assert drawn.mean(axis=0) == pytest.approx(MIX, abs=0.03)
    assert drawn.std(axis=0) == pytest.approx(np.sqrt(MIX * (1 - MIX) / 21), rel=0.2)
