"""Leads between venues: by definition, by hand, and in simulated hours with and without one."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from tests.simulations.lead_lag import (
    bursts,
    followed,
    found_in,
    independent,
    independent_clusters,
    is_significant,
    is_tested,
    one_per_second,
)
from unwind.estimates import lead_lag
from unwind.estimates.lead_lag import SECONDS, LeadLags, lead_lags
from unwind.warehouse.models import variables

HOURS = 600


def of_seconds(
    first: list[int], second: list[int], allowance_seconds: int = 0
) -> tuple[LeadLags, LeadLags]:
    """The figures of one pair of venues, both ways."""
    active = np.zeros((2, SECONDS), dtype=np.float32)
    active[0, first] = active[1, second] = 1
    return lead_lags(active, np.array([0]), np.array([1]), np.array([allowance_seconds]))


def statistic(first: list[int], second: list[int], shift: int, allowance: int) -> float:
    """The statistic by its definition, the second series moved back by a shift in seconds."""
    by_block = [0] * 120
    for one in first:
        # The second venue's seconds around the one that the shift brings here, within its hour.
        there = (one + shift) % SECONDS
        for other in second:
            above = other - there - allowance
            if 1 <= abs(above) <= 5:
                by_block[one // 30] += 1 if above > 0 else -1
    squares = sum(value * value for value in by_block)
    return sum(by_block) / math.sqrt(squares) if squares else 0.0


@pytest.mark.parametrize("allowance", [0, 1])
def test_the_statistic_and_its_null_are_those_of_their_definition(allowance: int) -> None:
    random = np.random.default_rng(7)
    first, second = (sorted(random.choice(SECONDS, 90, replace=False).tolist()) for _ in range(2))
    found, _ = of_seconds(first, second, allowance)
    null = [statistic(first, second, 30 * blocks, allowance) for blocks in range(2, 119)]
    observed = statistic(first, second, 0, allowance)
    assert found.lead_statistic[0] == pytest.approx(observed, abs=1e-9)
    above = sum(round(value, 9) >= round(observed, 9) for value in null)
    assert found.null_share_above[0] == pytest.approx((1 + above) / 118)
    # Of 117 values in order, the quantiles are 0.8 of the way from the 6th to the 7th, and back.
    null.sort()
    assert found.null_statistic_low[0] == pytest.approx(0.2 * null[5] + 0.8 * null[6], abs=1e-8)
    assert found.null_statistic_high[0] == pytest.approx(
        0.8 * null[110] + 0.2 * null[111], abs=1e-8
    )


def test_pairs_are_counted_by_lag() -> None:
    # Lags 2, -1 and 0, 5, and 6, which is too long. A second has pairs with all that are near.
    forth, back = of_seconds([100, 200, 300, 400, 500, 501], [102, 199, 300, 405, 506])
    # 501 and 506 are five apart.
    assert (forth.joint_pairs[0], forth.lead_pairs[0], forth.lag_pairs[0]) == (5, 3, 1)
    assert (back.joint_pairs[0], back.lead_pairs[0], back.lag_pairs[0]) == (5, 1, 3)
    # Blocks with 1, -1, 0, 1 and, of 500 and 501, 1; under ten have no null.
    assert (forth.unequal_blocks[0], back.unequal_blocks[0]) == (4, 4)
    assert math.isnan(forth.lead_statistic[0])


def test_an_allowance_moves_what_counts_as_a_lead() -> None:
    # Above one second: 2 to 6; below it: -4 to 0.
    seconds = [100, 200, 300, 400, 500, 600]
    lags = [1, 2, 6, 7, 0, -4]
    forth, back = of_seconds(
        seconds, [one + lag for one, lag in zip(seconds, lags, strict=True)], 1
    )
    assert (forth.lead_pairs[0], forth.lag_pairs[0]) == (2, 2)
    # The other way the lags are -1, -2, -6, -7, 0 and 4.
    assert (back.lead_pairs[0], back.lag_pairs[0]) == (1, 3)


def test_the_hours_ends_have_no_neighbours() -> None:
    forth, _ = of_seconds([3599], [1])
    assert (forth.joint_pairs[0], forth.lead_pairs[0]) == (0, 0)
    assert math.isnan(forth.peak_lag_seconds[0])
    assert math.isnan(forth.peak_correlation[0])


def test_the_peak_is_the_lag_with_the_most_pairs_and_the_shortest_of_equal_ones() -> None:
    # Two at 3, two at -1, one at 0; correlation of 5 and 5 seconds that share two.
    forth, back = of_seconds([100, 200, 300, 400, 500], [103, 203, 299, 399, 500])
    assert (forth.peak_lag_seconds[0], back.peak_lag_seconds[0]) == (-1, 1)
    share = 5 / 3600
    expected = (2 / 3600 - share**2) / (share * (1 - share))
    assert forth.peak_correlation[0] == pytest.approx(expected)
    # One at 1 and one at -1.
    forth, _ = of_seconds([100, 200], [101, 199])
    assert math.isnan(forth.peak_lag_seconds[0])


def test_seconds_that_come_together_do_so_more_often_than_by_chance() -> None:
    # 37 seconds, 97 apart, and one second after and before them in turn: (19 - 18) / root 37. Their
    # remainders of 30 differ, so that few of them meet at the shifts.
    seconds = list(range(20, 3550, 97))
    forth, _ = of_seconds(seconds, [one + (-1) ** n for n, one in enumerate(seconds)])
    assert forth.joint_pairs[0] == len(seconds) == 37
    assert forth.cooccurrence_ratio[0] > 2
    assert forth.cooccurrence_null_share_above[0] == pytest.approx(1 / 118)
    assert forth.lead_statistic[0] == pytest.approx(1 / math.sqrt(37), abs=1e-9)


def rejected(draw, allowance_seconds: int = 0) -> tuple[int, float, float]:
    """How many simulated hours are tested, and the share in which each direction is significant."""
    pair = draw(np.random.default_rng(20261126), HOURS)
    forth, back = found_in(pair, allowance_seconds)
    shares = [is_significant(way)[is_tested(pair, way)].mean() for way in (forth, back)]
    return int(is_tested(pair, forth).sum()), shares[0], shares[1]


@pytest.mark.parametrize(
    "draw",
    [
        partial(independent, rate=0.05),
        independent_clusters,
        partial(bursts, per_hour=5, decay_seconds=60, rate=0.5),
        partial(bursts, per_hour=20, decay_seconds=10, rate=0.7, background=0),
    ],
    ids=["independent", "independent clusters", "common bursts", "silence between bursts"],
)
def test_venues_without_a_lead_have_one_at_most_at_the_nominal_rate(draw) -> None:
    tested, forth, back = rejected(draw)
    assert tested > 400
    # One in twenty, and three binomial standard errors: of 600 hours 2.7 points.
    error = math.sqrt(0.05 * 0.95 / tested)
    assert max(forth, back) < 0.05 + 3 * error
    # It is a test, and no refusal.
    assert min(forth, back) > 0.01


def test_a_lead_of_two_seconds_is_found() -> None:
    _, forth, back = rejected(partial(followed, rate=0.05, share=0.3, lead_seconds=2))
    assert forth > 0.95
    assert back < 0.01


def test_a_rule_of_publication_makes_no_lead_beyond_its_allowance() -> None:
    _, without, _ = rejected(one_per_second)
    assert without > 0.5
    tested, forth, back = rejected(one_per_second, 1)
    assert tested > 400
    assert max(forth, back) < 0.05
    _, forth, back = rejected(partial(one_per_second, lead_seconds=2), 1)
    assert forth > 0.95
    assert back < 0.01


def test_the_simulated_tests_are_those_of_the_mart() -> None:
    from tests.simulations import lead_lag as simulated

    assert (
        variables()["contagion_min_seconds"],
        variables()["contagion_min_blocks"],
        variables()["contagion_max_null_share"],
        variables()["contagion_min_statistic"],
    ) == (
        simulated.MIN_SECONDS,
        lead_lag.MIN_BLOCKS,
        simulated.MAX_NULL_SHARE,
        simulated.MIN_STATISTIC,
    )
