"""Hidden events from empty seconds; expected values are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unwind.estimates import rates

COVERED = np.ones((1, 3600), dtype=bool)


def occupied(*seconds: int) -> np.ndarray:
    grid = np.zeros((1, 3600), dtype=bool)
    grid[0, list(seconds)] = True
    return grid


@pytest.mark.parametrize(
    ("occupied_seconds", "events"), [(1, 1.0), (2, 2.0345), (20, 31.9806), (28, 74.8496)]
)
def test_the_events_of_a_window_of_thirty_seconds(occupied_seconds, events):
    windows = rates.windows_of(occupied(*range(occupied_seconds)), COVERED)
    assert (30 * windows.rate[0, 0]).round(4) == events


@pytest.mark.parametrize(
    ("dispersion", "excess", "factor"), [(0, 0, 1), (0.1, 0.08707, 1.04921), (1, 0.41504, 1.44270)]
)
def test_clustering_by_its_dispersion(dispersion, excess, factor):
    assert rates.pair_excess(dispersion) == pytest.approx(excess, abs=5e-6)
    assert rates.cluster_factor(dispersion) == pytest.approx(factor, abs=5e-6)


def test_clustering_is_continuous_at_zero():
    near = np.array([-1e-5, -1e-7, 0, 1e-7, 1e-5])
    assert rates.pair_excess(near) == pytest.approx(near, abs=1e-9)
    assert rates.cluster_factor(near) == pytest.approx(1 + near / 2, abs=1e-9)


def test_windows_are_as_short_as_each_has_an_empty_second():
    windows = rates.windows_of(occupied(*range(30)), COVERED)
    assert windows.seconds[0, :11].tolist() == [60] * 10 + [30]
    assert windows.occupied[0, :3].tolist() == [30, 30, 0]
    assert windows.is_first[0, :11].tolist() == [True, False] * 5 + [True]
    assert windows.total(windows.occupied)[0] == 30
    assert not windows.is_saturated[0]


def test_a_segment_with_one_empty_second_is_one_window():
    windows = rates.windows_of(occupied(*range(299)), COVERED)
    assert windows.seconds[0, :10].tolist() == [300] * 10
    assert not windows.is_saturated[0]


def test_a_segment_without_an_empty_second_is_saturated():
    assert rates.windows_of(occupied(*range(300)), COVERED).is_saturated[0]


def test_a_block_with_one_empty_second_is_saturated():
    assert rates.clustering_of(occupied(*range(119)), COVERED).is_saturated[0]
    assert not rates.clustering_of(occupied(*range(118)), COVERED).is_saturated[0]


@pytest.mark.parametrize("second", [0, 59, 119, 120, 3599])
def test_a_lone_event_hides_nothing_wherever_it_falls(second):
    hidden = rates.hidden_events(occupied(second), COVERED)
    assert hidden.dispersion == pytest.approx(0, abs=1e-8)
    assert hidden.hidden == pytest.approx(0, abs=1e-8)


def test_without_events_nothing_is_hidden():
    hidden = rates.hidden_events(occupied(), COVERED)
    assert (hidden.hidden[0], hidden.variance[0], hidden.dispersion[0]) == (0, 0, 0)


def test_two_adjacent_events_are_taken_for_a_cluster():
    """117 of 120 pairs are empty, where 118 x 117 / 119 = 116.0168 are expected by chance.

    0.98319 / (118/120)^2 = 1.01681 = 120 (exp(0.01673669 g) - 1) gives g = 0.50414, which is
    between g(1.6) = 0.49810 and g(1.7) = 0.50833: y = 1.659. Its factor is
    1.659 / ln(2.659) = 1.6964, and 120 x 0.01673669 x 1.6964 = 3.407 events.
    """
    clustering = rates.clustering_of(occupied(50, 51), COVERED)
    assert clustering.dispersion == pytest.approx(1.659, abs=2e-3)
    assert clustering.events == pytest.approx(3.407, abs=2e-3)


def test_two_events_apart_are_a_little_more_even_than_chance():
    """116 empty pairs, 116.0168 by chance: g = -0.008657; y = g + 1.5 g^2 = -0.00854 is kept."""
    clustering = rates.clustering_of(occupied(20, 60), COVERED)
    assert clustering.dispersion == pytest.approx(-0.00854, abs=5e-5)


def test_without_a_root_the_nearer_end_is_taken():
    """Every other second: no empty pair, 29.7 by chance, which is fewer than any y explains.

    ln(0.51) = -0.67334, so that the factor is 0.72771; h(120) - h(60) = 0.688998;
    3600 x 0.688998 x 0.72771 = 1805.0.
    """
    even = rates.clustering_of(occupied(*range(0, 3600, 2)), COVERED)
    assert even.dispersion == pytest.approx(-0.49, abs=1e-6)
    assert even.events == pytest.approx(1805.0, abs=0.1)
    # One half of each block is full: 59 empty pairs, 29.7 by chance, more than any y explains.
    halves = [start + second for start in range(0, 3600, 120) for second in range(60)]
    assert rates.clustering_of(occupied(*halves), COVERED).dispersion == pytest.approx(20, abs=1e-6)


def test_an_hour_of_which_thirty_seconds_are_covered():
    """26 of 30 pairs are empty, where 28 x 27 / 29 = 26.06897 are expected by chance.

    -0.06897 / (28/30)^2 = -0.079173 = 30 (exp(0.0678161 g) - 1) gives g = -0.03897; g(-0.0368) is
    2 - ln(0.9264) / ln(0.9632) = -0.03896: y = -0.0368. The factor is 0.98148, and
    30 x 0.0678161 x 0.98148 = 1.9968 events, of which 2 were published.
    """
    covered = np.zeros((1, 3600), dtype=bool)
    covered[0, 3570:] = True
    hidden = rates.hidden_events(occupied(3575, 3585), covered)
    assert hidden.dispersion == pytest.approx(-0.0368, abs=1e-4)
    assert hidden.hidden == pytest.approx(1.9968 - 2, abs=1e-4)
    assert hidden.windows.seconds[0, -2:].tolist() == [0, 30]


def test_the_variance_of_an_hour_of_windows_with_fifteen_occupied_seconds():
    """Seconds in runs of fifteen, so that y is at its upper end, 20.

    (1 + 20)^2 x 3600 (1 + ln(0.5)) = 487,158 from the seconds alone.
    """
    seconds = [start + second for start in range(0, 3600, 30) for second in range(15)]
    hidden = rates.hidden_events(occupied(*seconds), COVERED)
    by_clustering = hidden.clustering_error * (hidden.occupied + hidden.hidden) / 2
    assert hidden.dispersion == pytest.approx(20, abs=1e-6)
    assert hidden.variance - by_clustering**2 == pytest.approx(487_158, rel=1e-4)


def test_windows_receive_all_hidden_events():
    rng = np.random.default_rng(1)
    busy = rng.random((5, 3600)) < np.array([[0.01], [0.1], [0.5], [0.8], [0.9]])
    hidden = rates.hidden_events(busy, np.ones_like(busy))
    assert hidden.windows.total(hidden.of_slots) == pytest.approx(hidden.hidden, abs=1e-9)


@pytest.mark.parametrize(
    ("second", "gaps"),
    [
        (500, [(501, 502)]),
        (499, [(500, 502)]),
        (1, [(0, 1)]),
        (3598, [(3599, 3600)]),
        (500, [(480, 500), (501, 520)]),
        (500, [(start, start + 1) for start in range(1, 3600, 2)]),
    ],
)
def test_a_lone_event_beside_a_gap_hides_nothing(second, gaps):
    covered = COVERED.copy()
    for begun, over in gaps:
        covered[0, begun:over] = False
    hidden = rates.hidden_events(occupied(second), covered)
    assert hidden.dispersion == pytest.approx(0, abs=1e-8)
    assert hidden.hidden == pytest.approx(0, abs=1e-8)


def test_gaps_of_a_second_leave_estimates_of_quiet_hours_as_they_are():
    """At 0.003 events a second, 1,000 hours hide 5.4 events and publish 10,800."""
    rng = np.random.default_rng(7)
    busy = rng.random((1000, 3600)) < -np.expm1(-0.003)
    every_other = np.tile(np.arange(3600) % 2 == 0, (1000, 1))
    for covered in (every_other, rng.random((1000, 3600)) < 0.9):
        hidden = rates.hidden_events(busy & covered, covered)
        assert abs(hidden.hidden.sum() / hidden.occupied.sum() - 0.0015) < 0.01


def test_a_stub_between_gaps_does_not_saturate_the_hour():
    """Two of a block's three covered seconds are occupied; a block counts from 30 seconds on."""
    covered = COVERED.copy()
    covered[0, 3:120] = False
    full = occupied(0, 1, 500, 900)
    seen = rates.in_long_blocks(covered)
    assert seen.sum() == 3480
    assert not rates.hidden_events(full & seen, seen).is_saturated[0]
    covered[0, 3:30] = True
    seen = rates.in_long_blocks(covered)
    assert seen.sum() == 3510
    assert rates.hidden_events(occupied(*range(29)), seen).is_saturated[0]


def test_a_stub_of_a_segment_does_not_saturate_the_hour():
    """Of the five minutes from 300 s, three seconds were covered, and all three are occupied."""
    covered = COVERED.copy()
    covered[0, 303:600] = False
    assert not rates.windows_of(occupied(300, 301, 302), covered).is_saturated[0]


def test_an_engine_that_acts_every_third_second_is_too_even():
    """1,080 adjacent events by chance, but none occurs: y is at its lower end, -0.49.

    The noise of the blocks, sqrt(3600) 0.3/0.7 / (3600 x 0.3567) = 0.020, is a 24th of that.
    """
    rng = np.random.default_rng(3)
    engine = (rng.random((20, 3600)) < 0.9) & (np.arange(3600) % 3 == 0)
    assert rates.clustering_of(engine, np.ones_like(engine)).is_too_even.all()


def test_independent_events_are_seldom_too_even():
    rng = np.random.default_rng(4)
    busy = rng.random((1000, 3600)) < 0.3
    assert rates.clustering_of(busy, np.ones_like(busy)).is_too_even.mean() < 0.01
