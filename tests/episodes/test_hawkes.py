"""The Hawkes fit, by hand-computed values and on processes whose branching ratio is known."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from tests.simulations.hawkes_intervals import HOUR, SEED, Truth, held, simulated, truths
from unwind.episodes.hawkes import fit, log_likelihood, rescaled
from unwind.episodes.instants import spread_ties

# Base rate 0.5 a second, branching ratio 0.5, decay ln 2: alpha = 0.5 ln 2, and what one event adds
# halves each second.
PROCESS = {"base_rate": 0.5, "branching_ratio": 0.5, "decay_rate": math.log(2)}
ALPHA = 0.5 * math.log(2)


def test_the_likelihood_is_that_of_ozaki() -> None:
    # Events at 1, 2 and 4 in a window of 5. Rates: 0.5; 0.5 + alpha / 2; 0.5 + alpha (1/8 + 1/4).
    # Expected: 0.5 x 5 + 0.5 (1 - 1/16 + 1 - 1/8 + 1 - 1/2) = 2.5 + 1.15625.
    rates = (0.5, 0.5 + ALPHA / 2, 0.5 + ALPHA * 0.375)
    by_hand = sum(math.log(rate) for rate in rates) - 3.65625
    found = log_likelihood(np.array([1.0, 2.0, 4.0]), 5.0, **PROCESS)
    assert found == pytest.approx(by_hand, abs=1e-12)


def test_independent_events_have_the_likelihood_of_poisson() -> None:
    instants = np.linspace(1, 99, 60)
    found = log_likelihood(instants, 100.0, 0.6, 1e-12, 1.0)
    assert found == pytest.approx(60 * math.log(0.6) - 60, abs=1e-9)


def test_rescaled_times_are_the_events_expected_between_events() -> None:
    # To 1: 0.5. From 1 to 2: 0.5 + 0.5 (1 - 1/2). From 2 to 4: 1 + 0.5 (1 + 1/2)(1 - 1/4).
    found = rescaled(np.array([1.0, 2.0, 4.0]), **PROCESS)
    assert found == pytest.approx([0.5, 0.75, 1.5625], abs=1e-12)


def test_long_gaps_and_fast_decays_do_not_overflow() -> None:
    # Two events a millisecond apart, and a day until the next: only the second is excited.
    instants = np.array([1.0, 1.001, 90_000.0])
    found = log_likelihood(instants, 90_001.0, 0.001, 0.5, 10.0)
    rates = (0.001, 0.001 + 5 * math.exp(-0.01), 0.001)
    expected = 0.001 * 90_001 + 0.5 * (3 - math.exp(-10))
    assert found == pytest.approx(sum(map(math.log, rates)) - expected, abs=1e-9)


def test_events_that_share_a_second_are_spread_over_it() -> None:
    # Venue 0 dates to the second: three at 1 s, one at 2 s. Venue 1 to the millisecond: two at
    # 1.5 s, one at 2.001 s.
    venue = np.array([0, 0, 0, 0, 1, 1, 1])
    second, milli = 1_000_000, 1_000
    microseconds = np.array(
        [second, second, second, 2 * second, 1500 * milli, 1500 * milli, 2001 * milli]
    )
    assert spread_ties(venue, microseconds) == pytest.approx(
        [1 + 1 / 6, 1.5, 1.50025, 1.50075, 1 + 5 / 6, 2.0015, 2.5], abs=1e-9
    )


def test_venues_that_date_to_the_same_second_share_it() -> None:
    # Two venues date to the second: an event of each at 1 s, one at 2 s.
    found = spread_ties(np.array([0, 1, 1]), np.array([1, 1, 2]) * 1_000_000)
    assert found == pytest.approx([1.25, 1.75, 2.5], abs=1e-9)


def test_no_two_events_are_at_one_instant() -> None:
    # 16 of one second are at 1/32 of it, 0.03125, and so on; of two in the millisecond after 0.031,
    # one is at 0.03125 as well.
    venue = np.array([0] * 16 + [1] * 3)
    microseconds = np.array([0] * 16 + [31_000, 31_000, 40_001])
    found = spread_ties(venue, microseconds)
    assert np.all(np.diff(found) > 0)
    assert found[:3] == pytest.approx([0.03125, 0.03125, 0.03175], abs=2e-9)


def test_equal_spacing_is_not_self_excitation() -> None:
    found = fit(np.arange(1, 101) * 10.0, 1005.0)
    assert found.branching_ratio_low == 0
    assert found.branching_ratio < 0.01
    assert found.ks_p_value < 0.01


def test_a_clustered_process_differs_from_independent_events() -> None:
    random = np.random.default_rng(SEED)
    found = fit(simulated(random, Truth(0.03, 0.7, 10.0), HOUR), HOUR)
    assert found.branching_ratio_low > 0.4
    assert 1 / found.decay_rate == pytest.approx(10, rel=0.5)
    assert found.base_rate == pytest.approx(0.03, rel=0.5)
    assert found.ks_p_value > 0.05


def test_nine_in_ten_intervals_hold_the_branching_ratio() -> None:
    """300 processes of at least 200 events, of all kinds that `make calibration` tries."""
    random = np.random.default_rng(SEED)
    kinds = truths()
    each = [300 // len(kinds) + (place < 300 % len(kinds)) for place in range(len(kinds))]
    hits = np.concatenate(
        [held(random, kind, count) for kind, count in zip(kinds, each, strict=True)]
    )
    assert len(hits) == 300
    assert 0.85 <= hits.mean() <= 0.95


@pytest.mark.parametrize(
    ("instants", "problem"),
    [
        (np.arange(1.0, 50.0), "49 events"),
        (np.sort(np.repeat(np.arange(1.0, 31.0), 2)), "distinct"),
        (np.arange(1.0, 61.0)[::-1], "in order"),
        (np.arange(60.0, 120.0), "within the window"),
    ],
)
def test_what_cannot_be_fitted_is_refused(instants, problem) -> None:
    with pytest.raises(ValueError, match=problem):
        fit(instants, 100.0)


def test_hours_without_an_episode_import_nothing() -> None:
    code = (
        "import sys, duckdb\n"
        "from unwind.warehouse.episode_fits import episode_fits\n"
        "session = duckdb.connect()\n"
        "none = session.query(\"select timestamp '2026-01-01' as hour_at, 'BTC' as base_asset,"
        " hour_at as started_at, 60 as window_seconds, 'okx' as venue, 1 as event_microseconds"
        ' where false")\n'
        "assert episode_fits(session, none).fetchall() == []\n"
        "print({'numpy', 'scipy'} & sys.modules.keys())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"
