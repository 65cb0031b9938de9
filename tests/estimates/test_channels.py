"""From published events to moments by rule, with what may be odd about them."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from unwind.estimates.channels import Published, Uncovered, estimate
from unwind.estimates.moments import ALL, LONG, SHORT, Moments
from unwind.estimates.tables import estimate_table

LATEST = "one_per_symbol_second_latest"
LARGEST = "one_per_symbol_second_largest"
PER_SIDE = "one_per_symbol_side_second_largest"


def published(*events: tuple[int, int, float, int]) -> Published:
    """Events of (row, second, USD, side)."""
    row, second, usd, side = zip(*events, strict=True) if events else ((), (), (), ())
    return Published(
        np.array(row, dtype=np.int64),
        np.array(second, dtype=np.int64),
        np.array(usd, dtype=np.float64),
        np.array(side, dtype=np.int64),
    )


def busy(rule: str, seed: int = 5, rate: float = 0.5) -> Published:
    """An hour of a channel, or of two; at a rate of 0.5, 0.107 events a second are hidden."""
    rng = np.random.default_rng(seed)
    sides = (LONG, SHORT) if rule == PER_SIDE else (ALL,)
    parts = []
    for side in sides:
        second = np.flatnonzero(rng.random(3600) < 1 - np.exp(-rate))
        drawn = np.where(rng.random(len(second)) < 0.7, LONG, SHORT)
        usd = np.exp(8 + rng.standard_normal(len(second)))
        row = np.zeros(len(second), dtype=np.int64)
        parts.append(Published(row, second, usd, drawn if side == ALL else np.full(len(row), side)))
    return Published(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def figures(moments: Moments, side: int = ALL) -> tuple[float, ...]:
    """Published, unestimated and hidden events; published, unestimated and hidden USD."""
    columns = moments[:3] + moments[4:7]
    return tuple(float(column[0, side]) for column in columns)


@pytest.mark.parametrize("rule", [LATEST, LARGEST, PER_SIDE, "full"])
def test_an_hour_without_events_is_zero(rule):
    assert all((column == 0).all() for column in estimate(published(), [rule]))


def test_no_hours_at_all():
    assert estimate(published(), []).published_usd.shape == (0, 3)


@pytest.mark.parametrize("rule", [LATEST, LARGEST, PER_SIDE])
def test_one_event_hides_nothing(rule):
    moments = estimate(published((0, 100, 5_000, LONG)), [rule])
    assert figures(moments) == pytest.approx((1, 0, 0, 5_000, 0, 0), abs=1e-3)
    assert figures(moments, LONG) == pytest.approx((1, 0, 0, 5_000, 0, 0), abs=1e-3)
    assert figures(moments, SHORT) == pytest.approx((0, 0, 0, 0, 0, 0), abs=1e-3)
    assert moments.hidden_usd_variance[0, ALL] > 0


def test_full_publication_hides_nothing():
    events = published((0, 100, 5_000, LONG), (0, 100, 7_000, SHORT), (0, 101, 1_000, LONG))
    moments = estimate(events, ["full"])
    assert figures(moments) == (3, 0, 0, 13_000, 0, 0)
    assert figures(moments, SHORT) == (1, 0, 0, 7_000, 0, 0)
    assert moments.hidden_usd_variance.sum() == 0


def test_an_unknown_rule_gives_no_estimate():
    moments = estimate(published((0, 100, 5_000, LONG)), ["unknown"])
    assert figures(moments) == (1, 1, 0, 5_000, 5_000, 0)
    assert moments.unknown_rule_channel_hours.tolist() == [[1, 1, 1]]
    assert moments.estimated_channel_hours.sum() == 0


@pytest.mark.parametrize("rule", [LATEST, LARGEST])
def test_an_hour_with_every_second_occupied_is_saturated(rule):
    events = published(*((0, second, 10.0, LONG) for second in range(3600)))
    moments = estimate(events, [rule])
    assert figures(moments) == (3_600, 3_600, 0, 36_000, 36_000, 0)
    assert moments.saturated_channel_hours.tolist() == [[1, 1, 1]]


def test_a_saturated_side_leaves_the_other_its_estimate():
    longs = [(0, second, 10.0, LONG) for second in range(3600)]
    moments = estimate(published(*longs, (0, 100, 70.0, SHORT)), [PER_SIDE])
    assert moments.saturated_channel_hours.tolist() == [[1, 1, 0]]
    assert moments.estimated_channel_hours.tolist() == [[1, 0, 1]]
    assert figures(moments) == pytest.approx((3_601, 3_600, 0, 36_070, 36_000, 0), abs=1e-6)


def test_both_sides_of_a_second_are_channels_of_their_own():
    moments = estimate(busy(PER_SIDE), [PER_SIDE])
    for column in moments:
        assert column[0, ALL] == pytest.approx(column[0, LONG] + column[0, SHORT])


@pytest.mark.parametrize("rule", [LATEST, LARGEST])
def test_sides_share_what_is_hidden(rule):
    moments = estimate(busy(rule), [rule])
    assert moments.hidden_events[0, ALL] == pytest.approx(3600 * 0.107, rel=0.2)
    for column in (moments.hidden_events, moments.hidden_usd):
        assert column[0, ALL] == pytest.approx(column[0, LONG] + column[0, SHORT])
        assert column[0, LONG] > column[0, SHORT] > 0


def test_under_latest_a_second_hides_its_own_size():
    """All sizes alike: hidden dollars are hidden events times the size."""
    events = busy(LATEST)._replace(usd=np.full(len(busy(LATEST).row), 250.0))
    moments = estimate(events, [LATEST])
    assert moments.hidden_usd[0, ALL] == pytest.approx(250 * moments.hidden_events[0, ALL])


def test_less_is_hidden_in_dollars_under_largest():
    latest, largest = (estimate(busy(LATEST), [rule]) for rule in (LATEST, LARGEST))
    assert largest.hidden_events[0, ALL] == latest.hidden_events[0, ALL]
    assert 0 < largest.hidden_usd[0, ALL] < latest.hidden_usd[0, ALL] / 2


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -1.0])
def test_an_event_without_a_size_counts_as_an_event(unknown):
    events = published((0, 100, unknown, LONG), (0, 200, 5_000, LONG))
    for rule in (LATEST, LARGEST):
        moments = estimate(events, [rule])
        assert figures(moments) == pytest.approx((2, 0, 0, 5_000, 0, 0), abs=5)
        assert moments.unpriced_events.tolist() == [[1, 1, 0]]


def test_an_event_while_nothing_was_received_stands_for_none():
    """The busy half alone is estimated; a hundred events in the other are published."""
    half = busy(LATEST)
    half = half.where(half.second >= 1815)
    late = published(*((0, second, 10.0, LONG) for second in range(100)))
    both = Published(*(np.concatenate(columns) for columns in zip(half, late, strict=True)))
    gap = Uncovered(np.array([0]), np.array([0.0]), np.array([1814.5]))
    without, moments = estimate(half, [LATEST], gap), estimate(both, [LATEST], gap)
    assert moments.hidden_usd[0, ALL] == without.hidden_usd[0, ALL] > 0
    assert moments.published_events[0, ALL] == without.published_events[0, ALL] + 100
    # Empty seconds that were not received would have been taken for quiet ones.
    assert estimate(half, [LATEST]).hidden_events[0, ALL] != without.hidden_events[0, ALL]


def test_an_hour_that_was_not_received_is_not_estimated():
    gap = Uncovered(np.array([0]), np.array([0.0]), np.array([3600.0]))
    moments = estimate(published((0, 100, 5_000, LONG)), [LATEST], gap)
    assert figures(moments) == (1, 0, 0, 5_000, 0, 0)


@pytest.mark.parametrize("rule", [LATEST, LARGEST, PER_SIDE])
def test_the_order_of_events_does_not_matter(rule):
    events = busy(rule)
    mixed = events.where(np.random.default_rng(2).permutation(len(events.row)))
    for one, other in zip(estimate(events, [rule]), estimate(mixed, [rule]), strict=True):
        assert (one == other).all()


def test_hours_do_not_depend_on_each_other():
    """More rows than are worked on at a time, of all rules."""
    rules = [LATEST, LARGEST, PER_SIDE] * 400
    parts = [busy(rule, seed, 0.01)._replace(row=np.full(1, 0)) for seed, rule in enumerate(rules)]
    events = [
        part._replace(row=np.full(len(part.second), number)) for number, part in enumerate(parts)
    ]
    together = estimate(
        Published(*(np.concatenate(columns) for columns in zip(*events, strict=True))), rules
    )
    for number in (0, 1, 2, 999, 1000, 1199):
        alone = events[number]._replace(row=np.zeros(len(events[number].second), dtype=np.int64))
        one = estimate(alone, [rules[number]])
        for column, of_all in zip(one, together, strict=True):
            assert column[0].tolist() == of_all[number].tolist()


def test_an_unknown_side_has_no_channel_under_a_rule_by_side():
    moments = estimate(published((0, 100, 5_000, ALL), (0, 100, 70, LONG)), [PER_SIDE])
    assert figures(moments) == pytest.approx((2, 1, 0, 5_070, 5_000, 0), abs=1e-3)
    assert moments.unknown_rule_channel_hours.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize(
    ("event", "rule", "sentence"),
    [
        ((0, 3600, 1.0, LONG), LATEST, "has the second 3600; it must be 0 to 3599"),
        ((1, 0, 1.0, LONG), LATEST, "has the row 1; it must be 0 to 0"),
        ((0, 0, 1.0, LONG), "one_per_minute", "no publication rule is called 'one_per_minute'"),
    ],
)
def test_what_cannot_be_is_refused(event, rule, sentence):
    with pytest.raises(ValueError, match=sentence):
        estimate(published(event), [rule])


def test_columns_of_duckdb_in_and_out():
    rows = """
        select * from (values
            (0, 100, 5000.00::decimal(38, 4), 'long'),
            (0, 200, null, 'short'),
            (1, 7, 70.00, 'unknown')
        ) as events (row, published_second, notional_usd, liquidated_side)
    """
    columns = duckdb.sql(rows).fetchnumpy()
    table = estimate_table(columns, [LATEST, None])
    assert table["row"].tolist() == [0, 0, 0, 1, 1, 1]
    assert table["liquidated_side"].tolist() == ["all", "long", "short"] * 2
    assert table["published_events"].tolist() == [2, 1, 1, 1, 0, 0]
    assert table["published_usd"].tolist() == [5000, 5000, 0, 70, 0, 0]
    assert table["unpriced_events"].tolist() == [1, 0, 1, 0, 0, 0]
    assert table["unknown_rule_channel_hours"].tolist() == [0, 0, 0, 1, 1, 1]
    gaps = {"row": [0], "from_second": [0], "to_second": [50]}
    covered = estimate_table(columns, [LATEST, "full"], gaps)
    assert covered["estimated_channel_hours"].tolist() == [1, 1, 1, 0, 0, 0]
