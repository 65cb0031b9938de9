"""False and true positives of range_divergence on simulated hours, from the model itself."""

from __future__ import annotations

import pytest
from tests.simulations.range_divergence import CASES, Verdict, simulated

from unwind.settings import Home

# At a rate of 1%, 1,500 pairs give 15 flags on average, and fewer than 6 in one run of 350.
PAIRS = 1_500


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    verdict = simulated(Home(tmp_path_factory.mktemp("pairs")), CASES, PAIRS)
    return {one.case.name: one for one in verdict}


@pytest.mark.parametrize("phi", [0.5, 0.7])
def test_persistent_hours_without_a_trend_are_hardly_ever_flagged(verdicts, phi: float) -> None:
    verdict = verdicts[f"AR(1) {phi}"]
    assert verdict.flagged * PAIRS < 6
    # One side of a test at 5% is 2.5%, with a standard error of 0.4 points over 1,500 pairs.
    assert verdict.rising < 0.037
    assert verdict.narrowing < 0.037
    # Under the assumption of independence, the same hours get the false flags of the literature.
    assert verdict.uncorrected > {0.5: 0.01, 0.7: 0.03}[phi]


def test_at_an_autocorrelation_of_0_9_under_one_in_a_hundred_is_flagged(verdicts) -> None:
    verdict = verdicts["AR(1) 0.9"]
    assert verdict.flagged < 0.01
    assert verdict.uncorrected > 0.08


@pytest.mark.parametrize(
    "name",
    ["AR(1) 0.7, quiet in 8 of 10 hours", "AR(1) 0.7, log-normal", "AR(1) 0.7 plus noise"],
)
def test_neither_quiet_hours_nor_skew_nor_noise_raise_false_flags_at_0_7(verdicts, name) -> None:
    assert verdicts[name].flagged < 0.01


def test_trends_are_still_found(verdicts) -> None:
    assert verdicts["independent hours, trend of 2"].flagged > 0.75
    assert verdicts["AR(1) 0.5, trend of 4"].flagged > 0.75
    assert verdicts["AR(1) 0.7, trend of 4"].flagged > 0.4
