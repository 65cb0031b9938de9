"""Ten questions on years of history, each asked of a mart and, where they suffice, of the facts.

One release file with every fact, opened read-only with two threads and 2 GB, as on a laptop. A
refresh of a week is repeated in the past as in `history`; marts that keep 90 days have 13 weeks.
"""

from __future__ import annotations

import math
import shutil
import statistics
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from tests.benchmarks.history import HOURS_OF_A_WEEK, build_week, repeat_rows
from tests.benchmarks.made_hours import ASSETS, hour_at
from tests.benchmarks.report import Report
from unwind.settings import Home
from unwind.warehouse.promises import COUNTED
from unwind.warehouse.promises import marts as listed

EVENTS_PER_HOUR = 3000
WARM_RUNS = 5
# What an analyst does not notice, and what nobody minds waiting for.
MART_LIMIT_MS, FACTS_LIMIT_MS = 100, 2000
SETTINGS = {"threads": "2", "memory_limit": "2GB"}
COUNT = "select count(*) from marts.fct_liquidations"
# 91 days: at least the 90 that the variable `detail_days` keeps.
WEEKS_OF_DETAIL = 13
# 82 on 2026-11-27; the rest is for the week that is repeated.
BYTES_PER_FACT = 100


@dataclass(frozen=True)
class Question:
    """What is asked, of a mart and of the facts; `of_facts` is empty where facts do not say."""

    asked: str
    of_mart: str
    of_facts: str = ""


# {hour} is the last hour, and {day}, {week}, {days_30}, {days_90} and {year} are the first hours of
# spans that end with it; {counted} is which facts count in totals; {low} and {high} are the price
# buckets 1% below and above a price.
LONG, SHORT = (
    f"coalesce(sum(notional_usd) filter (liquidated_side = '{side}'), 0)"
    for side in ("long", "short")
)
QUESTIONS = (
    Question(
        "longs and shorts of the last hour",
        "select long_usd, short_usd from marts.exchange_breakdown where hour_at = {hour}"
        " and window_hours = 1 and base_asset = 'ALL' and venue = 'ALL'",
        f"select {LONG}, {SHORT} from marts.fct_liquidations"
        " where hour_at = {hour} and {counted}",
    ),
    Question(
        "venues' shares of an hour",
        "select venue, share from marts.exchange_breakdown where hour_at = {hour}"
        " and window_hours = 1 and base_asset = 'ALL' and venue <> 'ALL' and total_usd > 0"
        " order by venue",
        "select venue, round((sum(notional_usd) / sum(sum(notional_usd)) over ())::double, 6)"
        " from marts.fct_liquidations where hour_at = {hour} and {counted}"
        " group by venue order by venue",
    ),
    Question(
        "a day's largest liquidations of BTC, one a minute and venue",
        "select minute_at, venue, largest_usd from marts.liquidations_minutely"
        " where hour_at between {day} and {hour} and base_asset = 'BTC'"
        " order by largest_usd desc, minute_at, venue limit 10",
        "select date_trunc('minute', event_at) as minute_at, venue,"
        " max(notional_usd) as largest_usd from marts.fct_liquidations"
        " where hour_at between {day} and {hour} and base_asset = 'BTC' and {counted}"
        " group by all order by largest_usd desc, minute_at, venue limit 10",
    ),
    Question(
        "hourly longs of ETH over 30 days",
        "select hour_at, sum(long_usd) from marts.liquidations_hourly"
        " where hour_at between {days_30} and {hour} and base_asset = 'ETH'"
        " group by hour_at order by hour_at",
        f"select hour_at, {LONG} from marts.fct_liquidations"
        " where hour_at between {days_30} and {hour} and base_asset = 'ETH' and {counted}"
        " group by hour_at order by hour_at",
    ),
    Question(
        "a year's ten worst hours by longs",
        "select hour_at, sum(long_usd) as long_usd from marts.liquidations_hourly"
        " where hour_at between {year} and {hour}"
        " group by hour_at order by long_usd desc, hour_at limit 10",
        f"select hour_at, {LONG} as long_usd from marts.fct_liquidations"
        " where hour_at between {year} and {hour} and {counted}"
        " group by hour_at order by long_usd desc, hour_at limit 10",
    ),
    Question(
        "daily totals of a year",
        "select hour_at::date as day, sum(long_usd), sum(short_usd), sum(events)"
        " from marts.liquidations_hourly where hour_at between {year} and {hour}"
        " group by day order by day",
        f"select hour_at::date as day, {LONG}, {SHORT}, count(*) from marts.fct_liquidations"
        " where hour_at between {year} and {hour} and {counted} group by day order by day",
    ),
    Question(
        "24-hour clusters of BTC within 1% of a price",
        "select price_kind, price_bucket, long_24h_usd, short_24h_usd"
        " from marts.liquidation_clusters where hour_at = {hour} and base_asset = 'BTC'"
        " and price_bucket between {low} and {high} and long_24h_usd + short_24h_usd > 0"
        " order by all",
        "select price_kind, floor(ln(price_usd::double) / ln(1.0025))::integer as price_bucket,"
        f" {LONG}, {SHORT} from marts.fct_liquidations"
        " where hour_at between {day} and {hour} and base_asset = 'BTC' and {counted}"
        " and price_usd > 0 and price_bucket between {low} and {high} group by all order by all",
    ),
    Question(
        "coverage of a venue over a week",
        "select hour_at, covered_share, is_complete, lower_bound_reason, events, events_mid"
        " from marts.venue_coverage_hourly"
        " where hour_at between {week} and {hour} and venue = 'binance' order by hour_at",
    ),
    Question(
        "stress score of BTC over 90 days",
        "select hour_at, score, regime from marts.stress_hourly"
        " where hour_at between {days_90} and {hour} and base_asset = 'BTC' order by hour_at",
    ),
    Question(
        "imbalance of every asset in an hour",
        "select base_asset, imbalance_1h from marts.liquidation_imbalance_hourly"
        " where hour_at = {hour} and imbalance_1h is not null order by base_asset",
        "select coalesce(base_asset, 'ALL') as asset,"
        f" round((({LONG} - {SHORT}) / ({LONG} + {SHORT}))::double, 6)"
        " from marts.fct_liquidations where hour_at = {hour} and {counted}"
        " group by grouping sets ((base_asset), ()) order by asset",
    ),
)


def queries(report: Report, folder: Path, facts: int) -> None:
    """Notes milliseconds of each question, of a mart beside the facts, and those that are slow.

    Raises RuntimeError where both answer and the answers differ, or where the disk is too small.
    """
    if shutil.disk_usage(folder).free < facts * BYTES_PER_FACT:
        raise RuntimeError(f"{facts:,} facts need {facts * BYTES_PER_FACT / 1e9:.0f} GB of disk")
    home = Home(folder / "home")
    build_week(home, EVENTS_PER_HOUR)
    release = folder / "release.duckdb"
    shutil.copyfile(home.current / "warehouse.duckdb", release)
    grow(release, facts)
    note_answers(report, release)


def grow(release: Path, facts: int) -> None:
    """Repeats the rows that the questions read in the past, until there are this many facts."""
    with duckdb.connect(str(release), config=SETTINGS) as connection:
        [(of_a_week,)] = connection.execute(COUNT).fetchall()
        weeks = math.ceil(facts / of_a_week) - 1
        for name in sorted(read_tables(QUESTIONS)):
            kept = WEEKS_OF_DETAIL - 1 if listed()[name].keeps_as_of_hours else weeks
            repeat_rows(connection, f"marts.{name}", min(weeks, kept))
        connection.execute("checkpoint")


def note_answers(report: Report, release: Path) -> None:
    """Asks every question of a release and notes how long that takes.

    Raises RuntimeError where a mart and the facts answer differently.
    """
    with duckdb.connect(str(release), read_only=True, config=SETTINGS) as connection:
        [(facts,)] = connection.execute(COUNT).fetchall()
    report.note("release", facts=facts, gigabytes=release.stat().st_size / 1e9, **SETTINGS)
    slow = []
    for question in QUESTIONS:
        in_mart, of_mart = _asked(release, filled(question.of_mart))
        report.note(f"{question.asked}, of a mart", **_speeds(in_mart))
        if statistics.median(in_mart[1:]) > MART_LIMIT_MS:
            slow.append(f"{question.asked}, of a mart")
        if question.of_facts:
            in_facts, of_facts = _asked(release, filled(question.of_facts))
            report.note(f"{question.asked}, of the facts", **_speeds(in_facts))
            if statistics.median(in_facts[1:]) > FACTS_LIMIT_MS:
                slow.append(f"{question.asked}, of the facts")
            if not same(of_mart, of_facts):
                raise RuntimeError(
                    f"{question.asked}: {of_mart[:3]} of a mart, {of_facts[:3]} of the facts"
                )
    limits = f"{MART_LIMIT_MS} ms of a mart or {FACTS_LIMIT_MS:,} ms of the facts"
    report.note(f"over {limits}", questions="; ".join(slow) or "none")


def read_tables(questions: tuple[Question, ...]) -> set[str]:
    """The names of the marts that questions read."""
    words = " ".join(f"{one.of_mart} {one.of_facts}" for one in questions).split()
    return {word.removeprefix("marts.") for word in words if word.startswith("marts.")}


def filled(sql: str, last: datetime | None = None) -> str:
    """A question's SQL, asked after the last hour of the week."""
    last = last or hour_at(HOURS_OF_A_WEEK - 1)
    spans = {"hour": 1, "day": 24, "week": 168, "days_30": 720, "days_90": 2160, "year": 8760}
    starts = {
        name: f"timestamp '{last - timedelta(hours=hours - 1):%Y-%m-%d %H:%M}'"
        for name, hours in spans.items()
    }
    low, high = (f"floor(ln({ASSETS['BTC'] * part}) / ln(1.0025))" for part in (0.99, 1.01))
    return sql.format(counted=COUNTED, low=low, high=high, **starts)


def same(rows: list[tuple], others: list[tuple]) -> bool:
    """Whether two answers agree: numbers to a millionth of a share or a cent, all else exactly."""
    return len(rows) == len(others) and all(
        len(row) == len(other) and all(map(_agree, row, other))
        for row, other in zip(rows, others, strict=True)
    )


def _agree(value: object, other: object) -> bool:
    if isinstance(value, float) and isinstance(other, float):
        # Both are rounded to six digits.
        return abs(value - other) < 1.5e-6
    if isinstance(value, Decimal) and isinstance(other, Decimal):
        return abs(value - other) < Decimal("0.01")
    return value == other


def _asked(release: Path, sql: str) -> tuple[list[float], list[tuple]]:
    """Milliseconds of the first and the warm runs in a new connection, and the answer."""
    taken, rows = [], []
    with duckdb.connect(str(release), read_only=True, config=SETTINGS) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for _ in range(1 + WARM_RUNS):
            started = time.perf_counter()
            rows = connection.execute(sql).fetchall()
            taken.append(1000 * (time.perf_counter() - started))
    if not rows:
        raise RuntimeError(f"no answer to {sql}")
    return taken, rows


def _speeds(taken: list[float]) -> dict[str, float]:
    return {"warm_median_ms": statistics.median(taken[1:]), "first_ms": taken[0]}
