"""The stress scorecard's tests, fits and placebos in simulated markets."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.simulations.stress_markets import FIRST_DAY, is_different, market, measured
from unwind.warehouse import stress_scores
from unwind.warehouse.stress_fits import fits_of_day
from unwind.warehouse.stress_scores import rows_of_day
from unwind.warehouse.stress_trail import HORIZONS, LAGGED, SCORE, Trail

# `make calibration` runs 200 of each kind, at all horizons: the table of docs/scorecard.md.
MARKETS = 40


@cache
def measured_markets(kind: str) -> list[dict[str, Any]]:
    """The measures of the score in markets of a kind."""
    return [measured(market(kind, number), 4) for number in range(MARKETS)]


def max_by_chance(markets: int, share: float = 0.05) -> int:
    """How many of so many tests at 5% reject in 999 cases of 1,000, at most (binomial)."""
    chance, total, count = (1 - share) ** markets, 0.0, 0
    while total + chance < 0.999:
        total += chance
        chance *= share / (1 - share) * (markets - count) / (count + 1)
        count += 1
    return count


def test_the_bound_is_the_binomial_quantile() -> None:
    # scipy.stats.binom.ppf(0.999, 200, 0.05) = 21; (0.999, 40, 0.05) = 7.
    assert (max_by_chance(200), max_by_chance(40)) == (21, 7)


def test_without_a_difference_few_markets_have_one() -> None:
    for kind in ("idle", "equal"):
        different = sum(map(is_different, measured_markets(kind)))
        assert different <= max_by_chance(MARKETS), kind


def test_without_skill_few_scores_beat_their_shifts() -> None:
    values = [row["shift_p_value"] for row in measured_markets("idle")]
    assert sum(value <= 0.05 for value in values) <= max_by_chance(MARKETS)
    # And they are spread over all of 0 to 1.
    assert 0.3 < np.mean(values) < 0.7


@pytest.mark.parametrize("horizon", HORIZONS)
def test_skill_is_found(horizon: int) -> None:
    found = measured(market("skilled", 1), horizon)
    assert found["auc_gain_over_lagged_low"] > 0
    assert found["shift_p_value"] <= 0.05
    assert found["auc_gain_over_lagged"] > found["detectable_auc_gain"]


def moved(trail: Trail, hours: int) -> Trail:
    """The market with a score that knows the hours to come."""
    score = np.roll(trail.predictors[SCORE], -hours, axis=0)
    return trail._replace(predictors={**trail.predictors, SCORE: score})


def test_a_score_of_an_hour_later_ranks_better() -> None:
    """The grades would show it if a predictor looked ahead."""
    trail = market("equal", 3)
    aucs = [measured(moved(trail, hours), 1)["auc"] for hours in (0, 1)]
    assert aucs[1] > aucs[0] + 0.001


def fitted_chances(trail: Trail) -> dict[Any, Any]:
    """Chances as the models have them: each day's from the fit of five days before."""
    fits = {}
    for day in range(trail.days()):
        rows = fits_of_day(trail.part(max(0, day - 89), day), FIRST_DAY + day)
        fits |= {(FIRST_DAY + day, row["horizon_hours"], row["predictor"]): row for row in rows}
    return stress_scores._chances(trail, fits)


@pytest.fixture(scope="module")
def graded() -> dict[tuple[str, int, str], dict[str, Any]]:
    """The whole scorecard of a skilled market of two assets."""
    trail = market("skilled", 5, days=120, assets=2)
    rows = rows_of_day(trail, fitted_chances(trail), trail.days() - 1)
    return {(row["base_asset"], row["horizon_hours"], row["predictor"]): row for row in rows}


def test_chances_of_a_skilled_score_beat_the_share_of_events(graded: dict) -> None:
    for horizon in HORIZONS:
        score = graded["ALL", horizon, SCORE]
        assert score["brier_skill"] > graded["ALL", horizon, LAGGED]["brier_skill"]
    assert graded["ALL", 24, SCORE]["brier_skill"] > 0
    # Where nothing was fitted there are none.
    assert np.isnan(graded["ALL", 4, "realised_volatility_24h"]["brier_score"])


def test_placebos_have_what_is_left_to_one_or_nothing(graded: dict) -> None:
    for base_asset in ("ASSET0", "ASSET1", "ALL"):
        score, flipped, shifted = (
            graded[base_asset, 4, name]["auc"]
            for name in (SCORE, "placebo_flipped_score", "placebo_shifted_score")
        )
        assert score + flipped == pytest.approx(1, abs=1e-7)
        assert shifted < score - 0.1
    # Assets have a part of their level in common, but only a part.
    assert graded["ALL", 4, "placebo_other_score"]["auc"] < graded["ALL", 4, SCORE]["auc"] - 0.1


def test_gains_are_differences_over_the_same_hours(graded: dict) -> None:
    for row in graded.values():
        for name in ("lagged", "volatility", "funding"):
            gain = row["auc"] - row[f"{name}_auc"]
            assert row[f"auc_gain_over_{name}"] == pytest.approx(gain, abs=1e-7)
        lower, upper = row["auc_gain_over_lagged_low"], row["auc_gain_over_lagged_high"]
        assert lower <= row["auc_gain_over_lagged"] <= upper
    own = graded["ALL", 4, LAGGED]
    assert (own["auc_gain_over_lagged"], own["detectable_auc_gain"]) == (0, 0)


def test_all_sums_up_the_assets(graded: dict) -> None:
    row = graded["ALL", 4, SCORE]
    by_asset = [graded[f"ASSET{n}", 4, SCORE] for n in (0, 1)]
    for name in ("graded_hours", "event_hours", "episodes"):
        assert row[name] == sum(one[name] for one in by_asset)


def test_episodes_that_assets_share_are_one() -> None:
    """Of two assets with the same hours each episode is one."""
    trail = market("equal", 2, days=200, assets=2)
    twice = trail._replace(
        predictors={name: values[:, [0, 0]] for name, values in trail.predictors.items()},
        events=trail.events[:, :, [0, 0]],
        next_episode=trail.next_episode[:, [0, 0]],
    )
    alone, both = (
        stress_scores.case_of(twice, np.array(columns), 4, np.zeros((4800, len(columns))))
        for columns in ([0], [0, 1])
    )
    assert sum(map(len, both.starts)) == 2 * len(alone.starts[0]) > 10
    assert both.distinct_episodes == alone.distinct_episodes == len(alone.starts[0])


def test_what_comes_later_changes_no_days_record() -> None:
    """Everything after the 90th day turned round: the record of that day is the same."""
    trail = market("skilled", 6, days=100, assets=2)
    later = slice(24 * 90, None)
    changed = trail._replace(
        predictors={name: values.copy() for name, values in trail.predictors.items()},
        events=trail.events.copy(),
    )
    for values in changed.predictors.values():
        values[later] = 100 - values[later]
    changed.events[:, later] = 1 - changed.events[:, later]
    before, after = (rows_of_day(one, fitted_chances(one), 89) for one in (trail, changed))
    assert len(before) > 20
    assert str(before) == str(after)
    whole = [rows_of_day(one, fitted_chances(one), 99) for one in (trail, changed)]
    assert str(whole[0]) != str(whole[1])
