"""An hour's hidden liquidations, distributed over its minutes."""

from __future__ import annotations

import numpy as np
import pytest

from unwind.estimates.channels import RULES, Published, Uncovered, estimate, estimate_parts
from unwind.estimates.moments import ALL, LONG, SHORT, added

ROWS = len(RULES)


@pytest.fixture
def published() -> Published:
    """Events of instrument-hours, one of each rule, in any order."""
    random = np.random.default_rng(11)
    row, second = np.nonzero(random.random((ROWS, 3600)) < 0.3)
    order = random.permutation(len(row))
    usd = np.where(random.random(len(row)) < 0.01, np.nan, random.lognormal(8, 1, len(row)))
    return Published(row[order], second[order], usd, random.integers(0, 3, len(row)))


def test_parts_add_up_to_the_hour_but_for_variances(published: Published) -> None:
    gaps = Uncovered(np.array([0, 2]), np.array([100.0, 3000.5]), np.array([700.0, 3100.0]))
    row, part, moments = estimate_parts(published, published.second // 60, RULES, gaps)
    assert len(row) == ROWS * 60
    assert sorted(set(part.tolist())) == list(range(60))
    whole, sums = estimate(published, RULES, gaps), added(moments, row, ROWS)
    for name in ("published", "unestimated", "hidden"):
        for unit in ("events", "usd"):
            column = f"{name}_{unit}"
            np.testing.assert_allclose(getattr(sums, column), getattr(whole, column), rtol=1e-9)
    np.testing.assert_array_equal(sums.unpriced_events, whole.unpriced_events)
    hides = whole.hidden_usd[:, ALL] > 0
    assert hides.tolist() == [rule not in ("full", "unknown") for rule in RULES]
    # Errors of minutes are correlated, mostly by their common rate, so variances do not add up.
    for name in ("hidden_events_variance", "hidden_usd_variance"):
        assert (getattr(moments, name) >= 0).all()
        assert (getattr(sums, name)[hides, ALL] > 0).all()


def test_an_hour_in_one_part_is_the_hour(published: Published) -> None:
    row, part, moments = estimate_parts(published, np.full(len(published.row), 7), RULES)
    assert row.tolist() == list(range(ROWS))
    assert set(part.tolist()) == {7}
    for found, expected in zip(moments, estimate(published, RULES), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_equal_events_share_hidden_events_equally() -> None:
    """Twenty seconds of a window, ten in each minute: every event has the same weight."""
    second = np.concatenate([np.arange(30, 50), np.arange(65, 85)])
    side = np.where(np.arange(40) % 2, LONG, SHORT)
    events = Published(np.zeros(40, dtype=int), second, np.full(40, 500.0), side)
    _, part, moments = estimate_parts(events, second // 60, ["one_per_symbol_second_latest"])
    assert part.tolist() == [0, 1]
    first, other = moments.hidden_usd[:, ALL]
    assert first == pytest.approx(other)
    assert moments.hidden_usd[0].tolist() == pytest.approx([first, first / 2, first / 2])
    # Each of 500 dollars.
    assert moments.hidden_events[:, ALL].tolist() == pytest.approx([first / 500, other / 500])
