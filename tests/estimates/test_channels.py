"""From published events to moments under each rule, edge cases included."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from unwind.estimates.channels import Published, Uncovered, estimate
from unwind.estimates.intervals import interval_of_usd
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
    """An hour of one channel, or of two; at a rate of 0.5, 0.107 events a second are hidden."""
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


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf, -1.0, 1e200])
def test_an_event_without_a_size_counts_as_an_event(unknown):
    events = published((0, 100, unknown, LONG), (0, 200, 5_000, LONG))
    for rule in (LATEST, LARGEST):
        moments = estimate(events, [rule])
        assert figures(moments) == pytest.approx((2, 0, 0, 5_000, 0, 0), abs=5)
        assert moments.unpriced_events.tolist() == [[1, 1, 0]]


def test_an_event_in_a_gap_stands_for_no_other():
    """Only the busy half is estimated; a hundred events in the gap still count as published."""
    half = busy(LATEST)
    half = half.where(half.second >= 1815)
    late = published(*((0, second, 10.0, LONG) for second in range(100)))
    both = Published(*(np.concatenate(columns) for columns in zip(half, late, strict=True)))
    gap = Uncovered(np.array([0]), np.array([0.0]), np.array([1814.5]))
    without, moments = estimate(half, [LATEST], gap), estimate(both, [LATEST], gap)
    assert moments.hidden_usd[0, ALL] == without.hidden_usd[0, ALL] > 0
    assert moments.published_events[0, ALL] == without.published_events[0, ALL] + 100
    # Otherwise unreceived seconds would be taken for quiet ones.
    assert estimate(half, [LATEST]).hidden_events[0, ALL] != without.hidden_events[0, ALL]


def test_an_hour_that_was_not_received_is_not_estimated():
    gap = Uncovered(np.array([0]), np.array([0.0]), np.array([3600.0]))
    for rule in (LATEST, LARGEST, PER_SIDE):
        moments = estimate(published((0, 100, 5_000, LONG)), [rule], gap)
        assert figures(moments) == (1, 1, 0, 5_000, 5_000, 0)
        assert moments.uncovered_channel_hours.tolist() == [[1, 1, 0 if rule == PER_SIDE else 1]]
        assert moments.estimated_channel_hours.sum() == moments.saturated_channel_hours.sum() == 0
        assert interval_of_usd(moments).has_unestimated_part[0, ALL]
        assert np.isnan(interval_of_usd(moments).high[0, ALL])


@pytest.mark.parametrize("rule", [LATEST, LARGEST, PER_SIDE])
def test_the_order_of_events_does_not_matter(rule):
    events = busy(rule)
    mixed = events.where(np.random.default_rng(2).permutation(len(events.row)))
    for one, other in zip(estimate(events, [rule]), estimate(mixed, [rule]), strict=True):
        assert (one == other).all()


def test_hours_do_not_depend_on_each_other():
    """More rows than one chunk holds, of all rules."""
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
        ((0, 12.9, 1.0, LONG), LATEST, "has the second 12.9; it must be 0 to 3599"),
        ((0, np.nan, 1.0, LONG), LATEST, "has the second nan; it must be 0 to 3599"),
        ((-1, 0, 1.0, LONG), LATEST, "has the row -1; it must be 0 to 0"),
        ((0, 0, 1.0, LONG), "one_per_minute", "no publication rule is called 'one_per_minute'"),
    ],
)
def test_invalid_events_and_rules_are_refused(event, rule, sentence):
    row, second, usd, side = (np.array([value]) for value in event)
    with pytest.raises(ValueError, match=sentence):
        estimate(Published(row, second, usd, side), [rule])


@pytest.mark.parametrize("rule", [LARGEST, PER_SIDE])
def test_a_batch_without_a_priced_event_has_no_hidden_dollars(rule):
    moments = estimate(published((0, 5, np.nan, LONG)), [rule])
    assert figures(moments) == pytest.approx((1, 0, 0, 0, 0, 0), abs=1e-6)
    lone_in_a_gap = published((0, 5, 9.0, LONG), (0, 700, 9.0, SHORT), (0, 900, 9.0, LONG))
    gap = Uncovered(np.array([0]), np.array([690.0]), np.array([710.0]))
    assert figures(estimate(lone_in_a_gap, [rule], gap))[3] == 27


@pytest.mark.parametrize("rule", [LATEST, LARGEST, PER_SIDE])
def test_an_engine_that_acts_every_third_second_is_not_estimated(rule):
    events = published(*((0, second, 10.0, LONG) for second in range(0, 3600, 3)))
    moments = estimate(events, [rule])
    assert figures(moments) == (1_200, 1_200, 0, 12_000, 12_000, 0)
    assert moments.too_even_channel_hours[0, ALL] == 1
    assert interval_of_usd(moments).has_unestimated_part[0, ALL]


@pytest.mark.parametrize(
    ("gap", "sentence"),
    [
        ((0, 20, 10), "a gap is from second 20 to 10; it must not end before it begins"),
        ((0, np.nan, 10), "a gap is from second nan to 10; it must not"),
        ((0, 10, np.nan), "both ends must be known"),
        ((1, 0, 10), "a gap has the row 1; it must be 0 to 0"),
        ((-1, 0, 10), "a gap has the row -1; it must be 0 to 0"),
    ],
)
def test_an_invalid_gap_is_refused(gap, sentence):
    with pytest.raises(ValueError, match=sentence):
        estimate(published(), [LATEST], Uncovered(*(np.array([value]) for value in gap)))


def test_a_gap_without_length_hides_nothing_and_one_beyond_the_hour_is_cut():
    events = busy(LATEST)
    nothing = Uncovered(np.array([0, 0]), np.array([5.5, 3600]), np.array([5.5, np.inf]))
    for one, other in zip(
        estimate(events, [LATEST], nothing), estimate(events, [LATEST]), strict=True
    ):
        assert (one == other).all()


def test_a_side_has_the_spread_of_its_own_sizes():
    """Longs of 10 each, shorts of 1,000: sizes vary overall, but not within a side.

    Hidden longs are 10 dollars each, so the standard deviation of their dollars is ten times that
    of their number.
    """
    events = busy(LATEST)
    events = events._replace(usd=np.where(events.side == LONG, 10.0, 1000.0))
    moments = estimate(events, [LATEST])
    for side, size in ((LONG, 10), (SHORT, 1000)):
        ratio = moments.hidden_usd_variance[0, side] / moments.hidden_events_variance[0, side]
        assert np.sqrt(ratio) == pytest.approx(size, rel=0.05)


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


EVENT = {
    "row": np.array([0, 0]),
    "published_second": np.array([5, 7]),
    "notional_usd": np.array([1.0, 2.0]),
    "liquidated_side": np.array(["long", "short"], dtype=object),
}
MASKED = np.ma.array([0, 0], mask=[False, True])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"row": MASKED}, "an event has the row nan; it must be 0 to 0"),
        ({"published_second": MASKED}, "an event has the second nan"),
        (
            {"liquidated_side": np.array(["Long", "short"])},
            "has the side 'Long'; it must be 'long'",
        ),
        ({"liquidated_side": np.array([b"long", b"short"])}, "has the side b'long'"),
        ({"row": np.array([0])}, "the columns of events must be of one length"),
    ],
)
def test_invalid_columns_are_refused(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        estimate_table({**EVENT, **changed}, [LATEST])


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="events lack the column published_second"):
        estimate_table({"row": np.array([0])}, [LATEST])


@pytest.mark.parametrize(
    ("rules", "sentence"), [([7], "rule 7 is not text"), (LATEST, "rules must be a list")]
)
def test_rules_are_text(rules, sentence):
    with pytest.raises(ValueError, match=sentence):
        estimate_table(EVENT, rules)


def test_null_rules_and_sides_are_unknown():
    rules = np.ma.array(np.array([LATEST, LATEST], dtype=object), mask=[False, True])
    side = np.ma.array(EVENT["liquidated_side"], mask=[True, False])
    table = estimate_table({**EVENT, "liquidated_side": side}, rules)
    assert table["published_events"].tolist() == [2, 0, 1, 0, 0, 0]
    assert table["unknown_rule_channel_hours"].tolist() == [0, 0, 0, 1, 1, 1]
    assert estimate_table(EVENT, [float("nan")])["unknown_rule_channel_hours"].tolist() == [1] * 3
