"""Ratios, open interest and marks of Bitget, HTX and Kraken Futures, as time goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from unwind.simulator.episode import PEAK_FROM_AT
from unwind.simulator.exchanges import respond
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS, epoch_ms
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import Request

FIVE_MINUTES_MS = 5 * MINUTE_MS
# In the middle of a bar and of an hour.
NOW_MS = epoch_ms(PEAK_FROM_AT) + 17 * MINUTE_MS + 12_345
Reader = Callable[[Any], dict[int, Any]]


def _fetched(tape: Tape, venue: str, path: str, now_ms: int, params: dict[str, str]) -> Any:
    return json.loads(respond(tape, now_ms, Request(venue, "GET", path, params)).body)


def _by_ts(at: str) -> Reader:
    return lambda body: {int(row["ts"]): row for row in body["data"][at]}


def _ratios(body: Any) -> dict[int, Any]:
    return {int(row["ts"]): row for row in body["data"]}


def _candles(body: Any) -> dict[int, Any]:
    return {int(row[0]): row for row in body["data"]}


def _htx_bars(body: Any) -> dict[int, Any]:
    return {row["id"] * 1000: row for row in body["data"]}


def _kraken_bars(body: Any) -> dict[int, Any]:
    return {row["time"]: row for row in body["candles"]}


def _kraken_steps(body: Any) -> dict[int, Any]:
    result = body["result"]
    pairs = zip(result["timestamp"], result["data"], strict=True)
    return {at_seconds * 1000: step for at_seconds, step in pairs}


SINCE_SECONDS = str((NOW_MS - HOUR_MS) // 1000)
BARS = {"category": "USDT-FUTURES", "symbol": "BTCUSDT", "interval": "5m", "type": "MARK"}
BTCUSDT, BTC_USD = {"symbol": "BTCUSDT", "period": "5m"}, {"contract_code": "BTC-USD"}
MIX, CHARTS = "/api/v2/mix/market", "/api/charts/v1"


@pytest.mark.parametrize(
    ("venue", "path", "params", "read", "step_ms"),
    [
        ("bitget", f"{MIX}/account-long-short", BTCUSDT, _ratios, FIVE_MINUTES_MS),
        ("bitget", f"{MIX}/position-long-short", BTCUSDT, _ratios, FIVE_MINUTES_MS),
        ("bitget", f"{MIX}/taker-buy-sell", BTCUSDT, _ratios, FIVE_MINUTES_MS),
        ("bitget", "/api/v3/market/candles", BARS, _candles, FIVE_MINUTES_MS),
        (
            *("htx", "/swap-api/v1/swap_his_open_interest", BTC_USD | {"size": "5"}),
            *(_by_ts("tick"), HOUR_MS),
        ),
        ("htx", "/swap-api/v1/swap_elite_position_ratio", BTC_USD, _by_ts("list"), 1),
        (
            *("htx", "/index/market/history/swap_mark_price_kline", BTC_USD | {"size": "13"}),
            *(_htx_bars, FIVE_MINUTES_MS),
        ),
        (
            *("kraken_futures", f"{CHARTS}/analytics/PI_XBTUSD/open-interest"),
            *({"since": SINCE_SECONDS, "interval": "300"}, _kraken_steps, FIVE_MINUTES_MS),
        ),
        (
            *("kraken_futures", f"{CHARTS}/mark/PI_XBTUSD/5m", {"from": SINCE_SECONDS}),
            *(_kraken_bars, FIVE_MINUTES_MS),
        ),
    ],
)
def test_the_past_stays_the_same_and_nothing_is_published_before_its_time(
    tape: Tape, venue: str, path: str, params: dict[str, str], read: Reader, step_ms: int
) -> None:
    now = read(_fetched(tape, venue, path, NOW_MS, params))
    later = read(_fetched(tape, venue, path, NOW_MS + FIVE_MINUTES_MS, params))
    assert max(now) <= NOW_MS
    over = {at_ms: value for at_ms, value in now.items() if at_ms + step_ms <= NOW_MS}
    still_listed = {at_ms: value for at_ms, value in over.items() if at_ms in later}
    assert len(still_listed) >= 4
    assert still_listed == {at_ms: later[at_ms] for at_ms in still_listed}


def test_a_page_of_bitget_candles_is_the_newest_hundred_of_the_range(tape: Tape) -> None:
    params = BARS | {
        "startTime": str(NOW_MS - 20 * HOUR_MS),
        "endTime": str(NOW_MS),
        "limit": "1000",
    }
    starts = [
        int(row[0])
        for row in _fetched(tape, "bitget", "/api/v3/market/candles", NOW_MS, params)["data"]
    ]
    newest = NOW_MS // FIVE_MINUTES_MS * FIVE_MINUTES_MS
    assert starts == list(range(newest - 99 * FIVE_MINUTES_MS, newest + 1, FIVE_MINUTES_MS))


def test_htx_hours_are_newest_first_and_as_many_as_fetched(tape: Tape) -> None:
    body = _fetched(
        *(tape, "htx", "/linear-swap-api/v1/swap_his_open_interest", NOW_MS),
        {"contract_code": "BTC-USDT", "size": "3"},
    )
    hour_ms = NOW_MS // HOUR_MS * HOUR_MS
    assert [row["ts"] for row in body["data"]["tick"]] == [
        hour_ms,
        hour_ms - HOUR_MS,
        hour_ms - 2 * HOUR_MS,
    ]
