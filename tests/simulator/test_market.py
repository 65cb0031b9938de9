"""The simulated market, and the hour that it must reproduce."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.simulator.published import totals_usd, windows_from_order

from unwind.simulator.episode import (
    PEAK_FROM_AT,
    PEAK_TO_AT,
    SEED_EPISODE,
    calm_tape,
    default_tape,
)
from unwind.simulator.exchanges import binance_dumps, hyperliquid_fills
from unwind.simulator.market.positions import LONG, SHORT, first_at_or_below, liquidation_price
from unwind.simulator.market.scenario import PublicationRule
from unwind.simulator.market.steady import DAY_MS, HOUR_MS, epoch_ms
from unwind.simulator.market.tape import Tape

PEAK_MS = epoch_ms(PEAK_FROM_AT)


def _sum(totals: dict[str, dict[str, float]], side: str) -> float:
    return sum(sides[side] for sides in totals.values())


@pytest.mark.parametrize(
    ("leverage", "long_price", "short_price"),
    [(10, 90_361.4, 109_561.8), (25, 96_385.5, 103_585.7), (100, 99_397.6, 100_597.6)],
)
def test_liquidation_prices_of_a_100_000_entry(
    leverage: int, long_price: float, short_price: float
) -> None:
    entry, lever = np.array([100_000.0]), np.array([float(leverage)])
    assert liquidation_price(entry, lever, np.array([LONG]))[0] == pytest.approx(
        long_price, abs=0.06
    )
    assert liquidation_price(entry, lever, np.array([SHORT]))[0] == pytest.approx(
        short_price, abs=0.06
    )


def test_a_level_is_touched_at_the_first_step_that_reaches_it() -> None:
    path = np.array([10.0, 9.0, 9.5, 8.0, 7.0, 9.0])
    start = np.array([0, 2, 0, 4, 0])
    stop = np.array([6, 6, 3, 6, 6])
    level = np.array([9.0, 9.0, 8.0, 8.5, 6.0])
    assert first_at_or_below(path, start, stop, level).tolist() == [1, 3, -1, 4, -1]


def test_the_same_seed_gives_the_same_bytes(tape: Tape) -> None:
    def digest(tape: Tape) -> str:
        hashed = hashlib.sha256()
        for values in vars(tape.liquidations).values():
            hashed.update(np.ascontiguousarray(values).tobytes())
        hashed.update(tape.oi_units.tobytes())
        hashed.update(hyperliquid_fills.hourly_file(tape, PEAK_MS - 6 * HOUR_MS))
        key = (
            "data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/"
            "BTCUSD_PERP-liquidationSnapshot-2026-01-28.zip"
        )
        hashed.update(binance_dumps.dump_zip(tape, tape.end_ms, key) or b"")
        return hashed.hexdigest()

    assert digest(tape) == digest(Tape(SEED_EPISODE))
    two_days = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 7, tzinfo=UTC))
    assert digest(calm_tape(*two_days, seed=1)) != digest(calm_tape(*two_days, seed=2))


def test_the_peak_hour_published_over_230_million_of_longs_and_under_5_of_shorts(
    tape: Tape,
) -> None:
    totals = totals_usd(tape, PEAK_MS, PEAK_MS + HOUR_MS)
    assert 230e6 < _sum(totals, "long") < 240e6
    assert 3.3e6 < _sum(totals, "short") < 3.7e6


def test_binance_and_hyperliquid_are_the_largest_long_venues_of_the_peak_hour(tape: Tape) -> None:
    totals = totals_usd(tape, PEAK_MS, PEAK_MS + HOUR_MS)
    ranked = sorted(totals, key=lambda venue: -totals[venue]["long"])
    assert set(ranked[:2]) == {"binance", "hyperliquid"}
    assert 59e6 < totals["hyperliquid"]["long"] < 61e6
    assert 35e6 < totals["binance"]["long"] < 37e6


def test_about_a_billion_of_longs_in_24_hours_in_several_waves(tape: Tape) -> None:
    end = epoch_ms(PEAK_TO_AT)
    hourly = [
        _sum(totals_usd(tape, end - n * HOUR_MS, end - (n - 1) * HOUR_MS), "long")
        for n in range(24, 0, -1)
    ]
    assert 0.95e9 < sum(hourly) < 1.1e9
    assert hourly[-1] / sum(hourly) < 0.25
    assert sum(usd > 60e6 for usd in hourly) >= 5


def test_no_hour_has_a_quarter_of_the_day_s_bitcoin_longs(tape: Tape) -> None:
    rows = tape.liquidations
    bitcoin = np.array([item.asset == "BTC" for item in tape.instruments])[rows.instrument]
    hours_before_the_end = (epoch_ms(PEAK_TO_AT) - 1 - rows.at_ms) // HOUR_MS
    of_the_day = (hours_before_the_end >= 0) & (hours_before_the_end < 24)
    counted = rows.published & bitcoin & (rows.side == LONG) & of_the_day
    hourly = np.bincount(hours_before_the_end[counted], rows.notional_usd[counted])
    assert 0.2 < max(hourly) / sum(hourly) < 0.25


def test_calm_hours_publish_some_hundred_events(tape: Tape) -> None:
    published = tape.liquidations.at_ms[tape.liquidations.published]
    per_hour = np.histogram(
        published, bins=np.arange(tape.start_ms, tape.start_ms + 20 * DAY_MS + 1, HOUR_MS)
    )[0]
    assert 50 <= np.median(per_hour) <= 200
    assert len(tape.liquidations) < 250_000


def test_market_caps_of_the_peak_hour(tape: Tape) -> None:
    minute = tape.minute_of(epoch_ms(PEAK_TO_AT))
    caps = {asset.symbol: tape.market_cap_usd(asset, minute) for asset in tape.assets}
    assert caps["BTC"] == pytest.approx(1.71e12, rel=0.002)
    assert caps["ETH"] == pytest.approx(344e9, rel=0.002)


def test_most_large_caps_are_red_over_24_hours_and_bitcoin_stays_in_a_range(tape: Tape) -> None:
    minute = tape.minute_of(epoch_ms(PEAK_TO_AT))
    change = tape.mark_close[:, minute] / tape.mark_close[:, minute - 1440] - 1
    symbols = [asset.symbol for asset in tape.assets]
    stable = {"USDT", "USDC"}
    moved = [c for symbol, c in zip(symbols, change, strict=True) if symbol not in stable]
    assert sum(c < 0 for c in moved) / len(moved) > 0.75
    day = slice(minute - 1439, minute + 1)
    high, low = tape.mark_high[0, day].max(), tape.mark_low[0, day].min()
    assert high / low - 1 < 0.045


@pytest.mark.parametrize("venue", ["binance", "okx"])
def test_throttled_venues_publish_at_most_one_event_per_symbol_and_second(
    tape: Tape, venue: str
) -> None:
    rows = tape.rows(venue, tape.start_ms, tape.end_ms)
    liquidations = tape.liquidations
    for clock in (liquidations.at_ms, liquidations.pushed_ms):
        keys = liquidations.instrument[rows].astype(np.int64) * 10**11 + clock[rows] // 1000
        assert len(np.unique(keys)) == len(rows)
    everything = tape.rows(venue, tape.start_ms, tape.end_ms, published=False)
    assert len(everything) > len(rows)


@pytest.mark.parametrize("kind", ["largest", "latest"])
def test_a_throttled_venue_publishes_the_largest_or_the_latest_of_a_second(kind: str) -> None:
    rules = SEED_EPISODE.rules | {"binance": PublicationRule(kind)}
    tape = Tape(replace(SEED_EPISODE, from_at=datetime(2026, 1, 28, tzinfo=UTC), rules=rules))
    liquidations = tape.liquidations
    rows = tape.rows("binance", tape.start_ms, tape.end_ms, published=False).tolist()
    seconds: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        key = (int(liquidations.instrument[row]), int(liquidations.at_ms[row]) // 1000)
        seconds.setdefault(key, []).append(row)
    assert len(rows) > 1.2 * len(seconds)
    measure = liquidations.notional_usd if kind == "largest" else liquidations.at_ms
    for together in seconds.values():
        (shown,) = [row for row in together if liquidations.published[row]]
        assert measure[shown] == max(measure[row] for row in together)


@pytest.mark.parametrize("kind", ["first_from_order", "largest_from_order"])
def test_a_second_may_begin_with_an_order(kind: str) -> None:
    """As at Binance: the first is pushed at once, the largest at the end of the second."""
    rules = SEED_EPISODE.rules | {"binance": PublicationRule(kind)}
    tape = Tape(replace(SEED_EPISODE, from_at=datetime(2026, 1, 28, tzinfo=UTC), rules=rules))
    liquidations = tape.liquidations
    windows = windows_from_order(tape, "binance", tape.start_ms, tape.end_ms)
    assert sum(len(window) for window in windows) > 1.2 * len(windows)
    for window in windows:
        (shown,) = [row for row in window if liquidations.published[row]]
        opened_ms = liquidations.at_ms[window[0]]
        if kind == "first_from_order":
            assert liquidations.at_ms[shown] == opened_ms
            assert liquidations.pushed_ms[shown] == opened_ms + 5
        else:
            assert liquidations.notional_usd[shown] == max(liquidations.notional_usd[window])
            assert liquidations.pushed_ms[shown] == opened_ms + 1000


@pytest.mark.parametrize("venue", ["bybit", "hyperliquid"])
def test_full_venues_publish_everything(tape: Tape, venue: str) -> None:
    rows = tape.rows(venue, tape.start_ms, tape.end_ms)
    assert len(rows) == len(tape.rows(venue, tape.start_ms, tape.end_ms, published=False)) > 15_000


def test_truth_is_never_less_than_what_is_published(tape: Tape) -> None:
    published = totals_usd(tape, tape.start_ms, tape.end_ms)
    truth = totals_usd(tape, tape.start_ms, tape.end_ms, published=False)
    for venue, sides in published.items():
        for side, usd in sides.items():
            assert truth[venue][side] >= usd
    assert truth["binance"]["long"] > 1.2 * published["binance"]["long"]


def test_open_interest_falls_two_to_eight_percent_in_each_wave(tape: Tape) -> None:
    bitcoin = [item for item in tape.instruments if item.asset == "BTC"]

    def coins(at: datetime) -> float:
        minute = tape.minute_of(epoch_ms(at))
        return sum(tape.oi_base(item, minute) for item in bitcoin)

    for wave in SEED_EPISODE.waves:
        assert -0.08 < coins(wave.to_at) / coins(wave.from_at) - 1 < -0.02


def test_the_episode_reaches_from_early_january_to_just_after_the_peak_hour() -> None:
    assert SEED_EPISODE.from_at == datetime(2026, 1, 6, tzinfo=UTC)
    assert SEED_EPISODE.to_at == datetime(2026, 1, 29, 15, 10, tzinfo=UTC)
    assert default_tape() is default_tape()
