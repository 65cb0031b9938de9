"""From frames to intervals: estimates for a venue that publishes one event per second."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.warehouse.hand_made import at, binance, bybit, copied, land, marts, query, seal
from unwind.estimates.channels import Published, Uncovered, estimate
from unwind.estimates.intervals import interval_of_usd
from unwind.estimates.moments import LONG, SHORT
from unwind.recorder.segments import event_line
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

LATEST = "one_per_symbol_second_latest_from_order"
# The delay from an order to the push of its frame.
PUSH_SECONDS = 0.005
PRICE = 50_000
# Both ends are within windows of the estimate.
GAP = (1215, 1785)
OF_BTC = "where venue = 'binance' and base_asset = 'BTC'"


def published_in(hour: int) -> list[tuple[float, float, int]]:
    """Second, coins and side of what Binance publishes, in bursts.

    The second after a published order hides all others; the next order opens a new one.
    """
    random = np.random.default_rng(hour)
    rates = random.uniform(0.1, 1.2, 120)
    seconds, at_second = [], 0.0
    while (at_second := at_second + random.exponential(1 / rates[int(at_second) // 30])) < 3599:
        seconds.append(round(at_second, 3))
        at_second = seconds[-1] + 1
    coins = np.round(random.lognormal(-2, 1, len(seconds)), 3) + 0.001
    sides = np.where(random.random(len(seconds)) < 0.8, LONG, SHORT)
    return list(zip(seconds, coins.tolist(), sides.tolist(), strict=True))


def frames_of(hour: int, events: list[tuple[float, float, int]]) -> list[str]:
    return [
        binance(
            "BTCUSDT",
            "SELL" if side == LONG else "BUY",
            f"{coins:.3f}",
            str(PRICE),
            at(hour) + timedelta(seconds=second),
        )
        for second, coins, side in events
    ]


def gap_line(hour: int) -> str:
    from_at, to_at = (at(hour) + timedelta(seconds=second) for second in GAP)
    return event_line(to_at, "gap", {"from_at": from_at, "to_at": to_at}).decode().strip()


def received(hour: int) -> list[tuple[float, float, int]]:
    """Published events without those in the gap of hour 11."""
    return [one for one in published_in(hour) if hour != 11 or not GAP[0] <= one[0] < GAP[1]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Hours 10 and 11 of Binance and Bybit and hour 12 of Bybit alone, each refreshed in turn."""
    home = Home(tmp_path_factory.mktemp("home"))
    for hour in (10, 11, 12):
        if hour < 12:
            lines = frames_of(hour, received(hour))
            land(home, hour, "binance", [*lines, *([gap_line(hour)] if hour == 11 else [])])
        land(home, hour, "bybit", [bybit("ETHUSDT", "Buy", "1", "3000", at(hour, 5))])
        seal(home, hour)
        refresh(home, clock=lambda hour=hour: at(hour + 1, 1))
    return home


def expected(hour: int) -> tuple[float, float, float, float]:
    """Published, low, mid and high, from the estimates in Python."""
    second, coins, side = map(np.array, zip(*received(hour), strict=True))
    gap = GAP if hour == 11 else (0, 0)
    uncovered = Uncovered(np.array([0]), np.array([gap[0]]), np.array([gap[1]]))
    zeros = np.zeros(len(second), dtype=int)
    moments = estimate(
        Published(zeros, second + PUSH_SECONDS, coins * PRICE, side), [LATEST], uncovered
    )
    interval = interval_of_usd(moments)
    ends = (interval.published, interval.low, interval.mid, interval.high)
    return tuple(float(end[0, 0]) for end in ends)  # type: ignore[return-value]


@pytest.mark.parametrize("hour", [10, 11])
def test_an_hours_interval_is_that_of_its_seconds_and_sizes(home: Home, hour: int) -> None:
    [found] = query(
        home,
        "select total_usd, total_usd_low, total_usd_mid, total_usd_high"
        f" from marts.liquidations_hourly {OF_BTC} and hour(hour_at) = {hour}",
    )
    published, low, mid, high = expected(hour)
    assert published < low < mid < high
    assert [float(one) for one in found] == pytest.approx([published, low, mid, high], abs=0.05)


def test_seconds_in_a_gap_are_not_empty_ones(home: Home) -> None:
    second, coins, side = map(np.array, zip(*received(11), strict=True))
    zeros = np.zeros(len(second), dtype=int)
    as_if_empty = estimate(Published(zeros, second + PUSH_SECONDS, coins * PRICE, side), [LATEST])
    assert abs(interval_of_usd(as_if_empty).mid[0, 0] - expected(11)[2]) > 1_000
    [(is_complete, has_unestimated_part)] = query(
        home,
        "select is_complete, has_unestimated_part from marts.venue_coverage_hourly"
        " where venue = 'binance' and hour(hour_at) = 11",
    )
    assert (is_complete, has_unestimated_part) == (False, False)


def test_a_venue_that_publishes_all_hides_nothing(home: Home) -> None:
    assert query(
        home,
        "select distinct total_usd, total_usd_low, total_usd_mid, total_usd_high,"
        " has_unestimated_part from marts.liquidations_hourly where venue = 'bybit'",
    ) == [(3000, 3000, 3000, 3000, False)]


def test_minutes_share_what_their_hour_hides(home: Home) -> None:
    of_minutes, of_hour = (
        query(
            home,
            f"select sum(total_usd_mid), sum(total_usd_low), sum(total_usd) from marts.{mart}"
            f" {OF_BTC} and hour(hour_at) = 10",
        )[0]
        for mart in ("liquidations_minutely", "liquidations_hourly")
    )
    assert float(of_minutes[0]) == pytest.approx(float(of_hour[0]), abs=0.01)
    assert of_minutes[1] < of_hour[1]
    assert of_minutes[2] == of_hour[2]


def test_a_window_adds_moments_before_it_makes_an_interval(home: Home) -> None:
    [(low, mid, high)] = query(
        home,
        "select total_usd_low, total_usd_mid, total_usd_high from marts.exchange_breakdown"
        f" {OF_BTC} and hour(hour_at) = 11 and window_hours = 4",
    )
    lows, mids, highs = zip(*[expected(hour)[1:] for hour in (10, 11)], strict=True)
    assert float(mid) == pytest.approx(sum(mids), abs=0.1)
    # Two independent errors add up to less than their sum.
    assert sum(lows) < float(low) < float(mid) < float(high) < sum(highs)


def test_increments_equal_a_full_build_and_leave_no_table_behind(
    home: Home, tmp_path: Path
) -> None:
    other = copied(home, tmp_path / "full")
    refresh(other, clock=lambda: at(13, 1))
    built, full = marts(home), marts(other)
    for mart in ("liquidations_hourly", "liquidations_minutely", "venue_coverage_hourly"):
        assert built[mart] == full[mart], mart
    for path in (home.warehouse_db, home.staging_db):
        with duckdb.connect(str(path), read_only=True) as connection:
            assert (
                connection.execute(
                    "select table_name from duckdb_tables() where table_name like '%dbt_tmp%'"
                ).fetchall()
                == []
            )


def printed(code: str) -> str:
    """The output of a new process that estimates `published`."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, duckdb\n"
            "from unwind.warehouse.hidden_liquidations import hidden_hourly\n"
            "session = duckdb.connect()\n"
            "gaps = session.query(\"select timestamp '2026-01-29' as hour_at, '' as venue,"
            ' 0.0 as from_second, 0.0 as to_second limit 0")\n'
            "published = session.query(\"select timestamp '2026-01-29' as hour_at,"
            " 'okx' as venue, 'BTC' as base_asset, 'BTC-USDT-SWAP' as instrument,"
            " 'long' as liquidated_side, 5.0::decimal(38, 4) as notional_usd,"
            " 7 as published_second, 0 as event_minute,"
            f" '{LATEST}' as publication_rule,"
            " timestamp '2026-01-29 01:00:30' as available_at\")\n" + code,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_numpy_is_not_imported_where_nothing_is_hidden() -> None:
    # Three keys, fourteen moments for each of total, long and short, and available_at.
    assert (
        printed(
            "rows = hidden_hourly(session, published.limit(0), gaps)\n"
            "print(len(rows.columns), rows.fetchall(), 'numpy' in sys.modules)"
        )
        == "46 [] False"
    )


def test_estimates_do_without_pandas() -> None:
    # Importing pandas takes longer than everything else.
    assert (
        printed(
            "rows = hidden_hourly(session, published, gaps).project('venue, total_published_usd')\n"
            "print(*rows.fetchone(), 'pandas' in sys.modules)"
        )
        == "okx 5.0000 False"
    )
