"""Metrics are columns of marts, at one row an hour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from unwind.page.figures import figures
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import dictionary
from unwind.warehouse.metrics import MetricError, check_there, metric, metrics, row_of

LONGS = """
metrics:
  - name: longs
    label: Longs
    unit: {unit}
    mart: {mart}
    column: {column}
    at: {at}
"""


@pytest.fixture(scope="module")
def breakdown() -> duckdb.DuckDBPyConnection:
    """Two hours of all venues and one of Binance alone, in windows of 1 and 24 hours.

    The hour that runs has a row too, of which nothing is known yet.
    """
    release = duckdb.connect()
    release.execute("create schema marts")
    release.execute(
        "create table marts.release as select timestamp '2026-01-29 14:00' as last_hour_at"
    )
    release.execute(
        "create table marts.exchange_breakdown as select * from (values"
        " (timestamp '2026-01-29 13:00', 1, 'ALL', 'ALL', 40, 38, 44, true),"
        " (timestamp '2026-01-29 14:00', 1, 'ALL', 'ALL', 232, 231, 260, true),"
        " (timestamp '2026-01-29 14:00', 24, 'ALL', 'ALL', 998, 990, 1100, true),"
        " (timestamp '2026-01-29 14:00', 1, 'ALL', 'binance', 36, 36, 41, false),"
        " (timestamp '2026-01-29 15:00', 1, 'ALL', 'ALL', null, null, null, true)"
        ") as listed(hour_at, window_hours, base_asset, venue, long_usd, long_usd_low,"
        " long_usd_high, is_lower_bound)"
    )
    return release


def test_a_metric_is_one_row_an_hour_with_its_interval(breakdown) -> None:
    longs = metric("long_liquidations_usd")
    hours = breakdown.execute(f"select hour_at::varchar, * exclude hour_at from ({longs.sql()})")
    assert [column[0] for column in hours.description][1:] == [
        *("long_liquidations_usd", "low", "high", "is_lower_bound")
    ]
    assert hours.fetchall() == [
        ("2026-01-29 13:00:00", 40, 38, 44, True),
        ("2026-01-29 14:00:00", 232, 231, 260, True),
    ]


def test_other_rows_and_the_newest_hours_can_be_asked_for(breakdown) -> None:
    longs = metric("long_liquidations_usd")
    asked = row_of(longs.name, ["window_hours=24"])
    assert breakdown.execute(longs.sql(**asked)).fetchone()[1] == 998
    asked = row_of(longs.name, ["venue=binance"])
    assert breakdown.execute(longs.sql(**asked)).fetchone()[1:] == (36, 36, 41, False)
    assert [row[1] for row in breakdown.execute(longs.sql(1)).fetchall()] == [232]
    # Quoted, so that it is a name and nothing else.
    asked = row_of(longs.name, ["venue=x' or true --"])
    assert breakdown.execute(longs.sql(**asked)).fetchall() == []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["venue"], "'venue' names no row; write it as base_asset=ETH"),
        (["window_hours=day"], "window_hours is a whole number, and 'day' is none"),
        (["side=long"], "long_liquidations_usd has no side"),
    ],
)
def test_a_row_that_there_is_not_is_one_sentence(asked: list[str], problem: str) -> None:
    with pytest.raises(MetricError, match=problem):
        metric("long_liquidations_usd").sql(**row_of("long_liquidations_usd", asked))


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["venue=Binance"], "no row of marts.exchange_breakdown has venue 'Binance'; did you mean"),
        (["venue=bin"], "did you mean binance"),
        (["venue=kraken"], "has venue 'kraken'; there are ALL, binance$"),
        (["window_hours=2"], "has window_hours 2; there are 1, 24"),
        (["window_hours=24", "venue=binance"], "together; each of these values has rows with oth"),
    ],
)
def test_a_row_of_which_no_hour_is_there_is_one_sentence(breakdown, asked, problem) -> None:
    one = metric("long_liquidations_usd")
    check_there(breakdown, one, row_of(one.name, ["venue=binance"]))
    with pytest.raises(MetricError, match=problem):
        check_there(breakdown, one, row_of(one.name, asked))


def test_an_unknown_metric_names_those_that_exist() -> None:
    with pytest.raises(MetricError, match=r"no metric 'longs'; there are .*stress_score"):
        metric("longs")


def test_every_metric_can_be_read_from_a_release(empty_tables: Callable[[], Home]) -> None:
    with duckdb.connect(str(empty_tables().warehouse_db), read_only=True) as warehouse:
        for one in metrics().values():
            assert warehouse.execute(one.sql(24)).fetchall() == [], one.name


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ({"mart": "breakdown"}, "longs is of breakdown, which is no mart"),
        ({"unit": "dollars"}, "longs is in 'dollars'; units are usd, share"),
        ({"column": "longs"}, "longs reads longs; stress_hourly has none"),
        ({"at": "{}"}, "longs is at nothing, and a row of stress_hourly is one of hour_at, base"),
    ],
)
def test_a_definition_that_does_not_fit_its_mart_is_refused(
    tmp_path: Path, stated: dict[str, str], problem: str
) -> None:
    right = {"unit": "score", "mart": "stress_hourly", "column": "score", "at": "{base_asset: ALL}"}
    file = tmp_path / "metrics.yml"
    file.write_text(LONGS.format(**right))
    assert metrics(file)["longs"].column == "score"
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(LONGS.format(**right | stated))
    with pytest.raises(MetricError, match=problem):
        metrics(wrong)


def test_committed_reference_pages_are_those_of_the_yml() -> None:
    differing = [
        str(path.relative_to(PROJECT_ROOT))
        for path, text in dictionary.generated().items()
        if not path.exists() or path.read_text() != text
    ]
    assert differing == [], "run `make suites` and commit the changes"


def test_the_page_marks_metrics_that_are_lower_bounds_as_metrics_yml_does() -> None:
    shown = set()
    for figure in figures():
        columns = {column.name for column in figure.columns}
        for one in metrics().values():
            if one.mart in figure.marts and one.column in columns:
                shown.add(one.name)
                assert one.lower_bound is None or one.lower_bound in columns, one.name
    assert shown >= {
        *("long_liquidations_usd", "short_liquidations_usd", "venue_share", "open_interest_usd"),
        *("open_interest_change_24h", "funding_rate_8h", "stress_score", "market_cap_usd"),
        *("red_by_cap_share", "wave_5_percent_usd", "venue_coverage"),
    }
