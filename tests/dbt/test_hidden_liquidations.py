"""Intervals and shares in SQL (macros/hidden_liquidations.sql) equal those of unwind.estimates."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pytest
from jinja2 import Environment

from unwind.estimates.intervals import interval_of_events, interval_of_usd, share_of_usd
from unwind.estimates.moments import Moments
from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.hidden_liquidations import TYPES

MACROS = "".join(
    (DBT_PROJECT / "macros" / f"{name}.sql").read_text()
    for name in ("natural_log", "hidden_liquidations")
)
INTERVALS = """
select
    {{ interval_columns('usd', 'usd', 'total') }}
    {{ estimated_columns('usd', 'total') }}
    {{ interval_columns('events', 'events', 'total') }}
from moments
order by place
"""
SHARES = """
select
    {% for end in ['low', 'mid', 'high'] -%}
    {{ share_of_usd(end, 'part.total', 'whole.total', 'part.usd', 'whole.usd') }},
    {% endfor %}
from moments as part
inner join moments as whole on part.place + 1 = whole.place
where part.place % 2 = 0
order by part.place
"""
UNESTIMATED = [
    f"{reason}_channel_hours" for reason in ("saturated", "uncovered", "too_even", "unknown_rule")
]
# A channel-hour without hidden liquidations: every moment by name.
MOMENTS = {
    **{"published_events": 10.0, "unestimated_events": 0.0},
    **{"hidden_events": 0.0, "hidden_events_variance": 0.0},
    **{"published_usd": 1_000.0, "unestimated_usd": 0.0},
    **{"hidden_usd": 0.0, "hidden_usd_variance": 0.0},
    **{"estimated_channel_hours": 1, "saturated_channel_hours": 0},
    **{"uncovered_channel_hours": 0, "too_even_channel_hours": 0},
    **{"unknown_rule_channel_hours": 0, "unpriced_events": 0},
}


def rows_of(sql: str, *rows: dict[str, float]) -> list[dict[str, float | None]]:
    """The query's columns, one row for each set of moments."""
    text = Environment(extensions=["jinja2.ext.do"]).from_string(MACROS + sql).render()
    with duckdb.connect() as connection:
        columns = ", ".join(f"total_{name} {kind}" for name, kind in TYPES.items())
        connection.execute(f"create table stated (place integer, {columns})")
        connection.executemany(
            f"insert into stated values (?{', ?' * len(TYPES)})",
            [(place, *(row[name] for name in TYPES)) for place, row in enumerate(rows)],
        )
        connection.execute(
            "create view moments as select *, total_published_usd as usd,"
            " total_published_events as events from stated"
        )
        found = connection.execute(text)
        names = [column[0] for column in found.description or ()]
        return [
            {
                name: None if value is None else float(value)
                for name, value in zip(names, row, strict=True)
            }
            for row in found.fetchall()
        ]


def moments(**stated: float) -> dict[str, float]:
    return MOMENTS | stated


def of(rows: list[dict[str, float]]) -> Moments:
    return Moments(
        *(np.array([row[name] for row in rows], dtype=float) for name in Moments._fields)
    )


def drawn(count: int, random: np.random.Generator) -> list[dict[str, float]]:
    """Random moments: nothing hidden, below zero, few, many, without an estimate."""
    rows = []
    for _ in range(count):
        events = round(random.choice([-1, 0, 1, 1, 1]) * random.lognormal(2, 2), 6)
        usd = round(events * random.lognormal(8, 2), 4)
        is_partial = random.random() < 0.2
        rows.append(
            moments(
                published_events=int(random.integers(10, 1000)),
                unestimated_events=int(is_partial) * 7,
                hidden_events=events,
                hidden_events_variance=round(abs(events) * random.lognormal(0, 1), 6),
                published_usd=round(random.lognormal(12, 2), 4),
                unestimated_usd=int(is_partial) * 3.5,
                hidden_usd=usd,
                hidden_usd_variance=round((usd * random.lognormal(-1, 1)) ** 2, 4),
                estimated_channel_hours=int(random.integers(0, 4)),
                **(
                    dict.fromkeys(UNESTIMATED, 0)
                    | ({random.choice(UNESTIMATED): 1} if is_partial else {})
                ),
                unpriced_events=int(random.random() < 0.05),
            )
        )
    return rows


def same(found: list[float | None], expected: np.ndarray, digits: float) -> None:
    numbers = np.array([math.nan if one is None else one for one in found])
    assert (np.isnan(numbers) == np.isnan(expected)).all()
    np.testing.assert_allclose(numbers, expected, rtol=1e-9, atol=digits, equal_nan=True)


def test_sql_and_python_give_the_same_intervals() -> None:
    rows = drawn(2000, np.random.default_rng(5))
    found = rows_of(INTERVALS, *rows)
    in_usd, in_events = interval_of_usd(of(rows)), interval_of_events(of(rows))
    assert 100 < np.isnan(in_usd.high).sum() < 1900
    for end in ("low", "mid", "high"):
        same([row[f"usd_{end}"] for row in found], getattr(in_usd, end), 1e-4)
        estimated = getattr(in_usd, f"estimated_{end}")
        same([row[f"estimated_usd_{end}"] for row in found], estimated, 1e-4)
        same([row[f"events_{end}"] for row in found], getattr(in_events, end), 1e-2)
    same([row["estimated_usd"] for row in found], in_usd.estimated_published, 1e-4)


def test_sql_and_python_give_the_same_shares() -> None:
    rows = drawn(2000, np.random.default_rng(6))
    for part, whole in zip(rows[::2], rows[1::2], strict=True):
        for name in TYPES:
            whole[name] += part[name]
    found = rows_of(SHARES, *rows)
    # The marts themselves drop an end where a part has no estimate.
    complete = [{**row, **dict.fromkeys([*UNESTIMATED, "unpriced_events"], 0)} for row in rows]
    expected = share_of_usd(of(complete[::2]), of(complete[1::2]))
    for row, low, mid, high in zip(found, *expected, strict=True):
        assert list(row.values()) == pytest.approx([low, mid, high], abs=1e-6)


def test_the_interval_of_a_hidden_lognormal_by_hand() -> None:
    # Hidden 1,000 +- 1,000: the variance of its logarithm is ln 2 = 0.693147, the mean of it
    # ln 1000 - ln 2 / 2; exp(6.561182 -+ 1.6448536 x 0.832555) = 179.78 and 2,781.13.
    (row,) = rows_of(
        INTERVALS,
        moments(hidden_events=100.0, hidden_events_variance=100.0, hidden_usd=1_000.0)
        | {"hidden_usd_variance": 1_000.0**2},
    )
    assert (row["usd_low"], row["usd_mid"], row["usd_high"]) == pytest.approx(
        (1_179.78, 2_000.0, 3_781.13), abs=0.05
    )


def test_published_alone_is_the_lower_end_while_few_events_are_expected_to_be_hidden() -> None:
    few = {"hidden_events_variance": 0.01, "hidden_usd": 500.0, "hidden_usd_variance": 100.0}
    fewer, more = rows_of(
        INTERVALS, moments(hidden_events=2.29, **few), moments(hidden_events=2.31, **few)
    )
    assert fewer["usd_low"] == 1_000
    assert more["usd_low"] == pytest.approx(1_483.7, abs=0.1)


def test_an_estimate_of_zero_has_a_high_end_from_its_deviation() -> None:
    # 1.6448536 x 200.
    (row,) = rows_of(INTERVALS, moments(hidden_usd=-50.0, hidden_usd_variance=40_000.0))
    assert (row["usd_low"], row["usd_mid"]) == (1_000, 1_000)
    assert row["usd_high"] == pytest.approx(1_328.9707)


def test_a_small_uncertain_estimate_has_no_lower_high_end_than_an_estimate_of_zero() -> None:
    # A lognormal of 10 and 200 squared has its 95% point at 28.
    (row,) = rows_of(INTERVALS, moments(hidden_usd=10.0, hidden_usd_variance=40_000.0))
    assert (row["usd_low"], row["usd_mid"]) == (1_000, 1_010)
    assert row["usd_high"] == pytest.approx(1_328.9707)


def test_the_common_error_of_a_sum_enters_once() -> None:
    # 5% of 10,000 is 500, however many channels are summed.
    known = moments(hidden_usd=10_000.0, hidden_events=1_000.0, hidden_events_variance=1.0)
    one, many = rows_of(INTERVALS, known, known | {"estimated_channel_hours": 400})
    assert (one["usd_low"], one["usd_high"]) == (11_000, 11_000)
    # ln(1 + 0.05^2) = 0.00249688; exp(-+1.6448536 x 0.0499688 - 0.00124844) = 0.919946, 1.084309.
    assert many["usd_low"] == pytest.approx(10_199.46, abs=0.1)
    assert many["usd_high"] == pytest.approx(11_843.09, abs=0.1)


def test_a_part_without_an_estimate_takes_the_upper_end_away() -> None:
    (row,) = rows_of(
        INTERVALS,
        moments(unestimated_usd=400.0, saturated_channel_hours=1, hidden_usd_variance=100.0),
    )
    assert (row["usd_low"], row["usd_mid"], row["usd_high"]) == (1_000, 1_000, None)
    assert row["estimated_usd"] == 600
    assert row["estimated_usd_low"] == 600
    assert row["estimated_usd_high"] == pytest.approx(616.4485)
