"""The 90% intervals cover the truth of synthetic tapes; weak spots are named in the docs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from unwind.estimates import channels, tapes
from unwind.estimates.calibration import Measure, measures

HOURS = 200
MEASURED = Path(__file__).parents[2] / "dbt_project" / "seeds" / "interval_measures.csv"
# 85 to 96%, plus or minus the binomial error of this many hours; at the upper end two errors (0.6%
# each) of the run behind docs/coverage.md: with few hidden events only the upper end can miss.
MIN_HELD, MAX_HELD = 0.82, 0.98
MIN_MEASURED, MAX_MEASURED = 0.85, 0.972
# A share of fewer than fifty hours is meaningless.
MIN_FEW = 50
MAX_BIAS = dict.fromkeys((channels.LATEST, *channels.FROM_ORDER), 0.03) | dict.fromkeys(
    (channels.LARGEST, channels.LARGEST_PER_SIDE), 0.05
)
CLASSES = [made.name for made in tapes.CLASSES]
# docs/coverage.md names the weak spots with their figures; all others must hold.
STRONG = [
    (made.name, rule)
    for made in tapes.CLASSES
    for rule in tapes.RULES
    if rule not in made.weak_under
]


@pytest.fixture(scope="module")
def of_class() -> dict[tuple[str, str, str], Measure]:
    return {
        (one.tape_class, one.publication_rule, one.part): one
        for one in measures(HOURS)
        if not one.is_weak_spot
    }


@pytest.mark.parametrize(("name", "rule"), STRONG)
def test_intervals_hold_the_truth_as_often_as_stated(of_class, name, rule):
    hours = of_class[name, rule, "all"]
    assert MIN_HELD <= hours.usd_hit_share <= MAX_HELD
    assert MIN_HELD <= hours.events_hit_share <= MAX_HELD
    assert abs(hours.usd_bias_share) < MAX_BIAS[rule]


@pytest.mark.parametrize("rule", tapes.RULES)
@pytest.mark.parametrize("part", ["sums", "shares"])
def test_intervals_of_sums_and_of_shares_hold_the_truth(of_class, part, rule):
    """Over all classes together; the common 5% error of sums makes intervals of busy hours wide."""
    of_part = [one for key, one in of_class.items() if key[1:] == (rule, part)]
    figures = sum(one.figures for one in of_part)
    assert figures > 200
    for unit in ("usd_hit_share", "events_hit_share"):
        assert sum(getattr(one, unit) * one.figures for one in of_part) / figures >= 0.85


@pytest.mark.parametrize(("name", "rule"), STRONG)
def test_intervals_are_at_most_twice_as_wide_as_an_oracles(of_class, name, rule):
    hours = of_class[name, rule, "more hidden"]
    # Hours with 86 to 90% of seconds occupied are close to the limit.
    assert hours.usd_width_over_oracle < (2.15 if name == "nearly saturated" else 2)


def test_documented_figures_hold_or_are_named_as_weak_spots():
    with MEASURED.open() as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == "all"]
    assert {row["tape_class"] for row in rows} == set(CLASSES)
    for row in rows:
        hits = float(row["usd_hit_share"]), float(row["events_hit_share"])
        holds = all(MIN_MEASURED <= share <= MAX_MEASURED for share in hits)
        is_unbiased = abs(float(row["usd_bias_share"])) <= MAX_BIAS[row["publication_rule"]]
        assert (holds and is_unbiased) or row["is_weak_spot"] == "true", row
        assert int(row["figures"]) >= 1000, row


def test_hours_with_few_hidden_events_hold_or_are_named_as_weak_spots():
    with MEASURED.open() as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == "few hidden"]
    of_enough = [row for row in rows if int(row["figures"]) >= MIN_FEW]
    assert len(of_enough) > len(CLASSES)
    for row in of_enough:
        holds = float(row["usd_hit_share"]) >= 0.85 and float(row["events_hit_share"]) >= 0.85
        assert holds or row["is_weak_spot"] == "true", row


def test_a_tape_thinned_by_each_rule():
    """Three events in second 7, the last the smallest; the largest is long, two are short."""
    grid = np.ones((1, 3600))
    tape = tapes.Tape(
        np.zeros(4, dtype=np.int64),
        np.array([7.1, 7.5, 7.9, 9.0]),
        np.array([50.0, 90.0, 20.0, 10.0]),
        np.array([False, True, False, True]),
        grid,
        grid,
    )
    assert tapes.thinned(tape, tapes.LATEST).tolist() == [2, 3]
    assert tapes.thinned(tape, tapes.LARGEST).tolist() == [1, 3]
    assert tapes.thinned(tape, tapes.LARGEST_PER_SIDE).tolist() == [0, 1, 3]


def test_a_tape_thinned_by_windows():
    """10.2 opens a window until 11.2, 11.3 the next one until 12.3; 12.4 a third."""
    grid = np.ones((2, 3600))
    tape = tapes.Tape(
        np.array([0, 0, 0, 0, 0, 1]),
        np.array([10.2, 10.9, 11.3, 12.2, 12.4, 10.3]),
        np.array([50.0, 90.0, 20.0, 10.0, 5.0, 7.0]),
        np.zeros(6, dtype=bool),
        grid,
        grid,
    )
    first = tapes.thinned(tape, channels.LATEST_FROM_ORDER)
    assert first.tolist() == [0, 2, 4, 5]
    assert tapes.published_second(tape, channels.LATEST_FROM_ORDER, first) == pytest.approx(
        [10.2, 11.3, 12.4, 10.3]
    )
    largest = tapes.thinned(tape, channels.LARGEST_FROM_ORDER)
    assert largest.tolist() == [1, 2, 4, 5]
    assert tapes.published_second(tape, channels.LARGEST_FROM_ORDER, largest) == pytest.approx(
        [11.2, 12.3, 13.4, 11.3]
    )


@pytest.mark.parametrize("name", CLASSES)
def test_a_tape_has_the_events_of_its_rates(name):
    [made] = [one for one in tapes.CLASSES if one.name == name]
    tape = tapes.made_tape(made, 40, np.random.default_rng(3))
    assert (np.diff(tape.row) >= 0).all()
    assert len(tape.at) == pytest.approx(tape.rate.sum(), rel=0.05)
    per_hour = len(tape.at) / 40
    assert 3600 * made.rates[0] * 0.8 < per_hour < 3600 * made.rates[1] * 1.2
