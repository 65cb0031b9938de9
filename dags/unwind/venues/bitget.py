"""Bitget: perpetuals in USDT and USDC. Its liquidations are put together once a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Answer, Connection, Pace, Request, Signals, VenueApi
from unwind.venues import DAILY, DAY, HOUR, Kept, Known, Ranked, Settling, Stream, Window, lands

NAME = "bitget"
CONNECTIONS = {
    "bitget": Connection("https://api.bitget.com"),
    "bitget_ws": Connection("wss://ws.bitget.com"),
}
SIGNALS = Signals(
    code_at=("code",),
    ok_codes=frozenset({"00000"}),
    throttled_codes=frozenset({"429", "30007"}),
    busy_codes=frozenset({"40010", "40015", "40725", "45001"}),
    absent_codes=frozenset({"40034"}),
)
RATIOS = ("account-long-short", "position-long-short", "taker-buy-sell")
SETTLING = Settling(
    timedelta(seconds=120),
    "2026-11-25",
    "https://www.bitget.com/api-doc/uta/public/Liquidation says answers may be delayed; chosen",
)
KEPT = Kept(
    timedelta(days=3),
    "2026-11-25",
    "https://www.bitget.com/api-doc/uta/public/Liquidation: the last three days",
)
PACES = (
    *(Pace(f"/api/v2/mix/market/{ratio}", 1, 1) for ratio in RATIOS),
    Pace("/api/v3/market/liquidations", 5, 1),
    Pace("/api/v3/market", 20, 1),
)
# Coin-margined ones (COIN-FUTURES) are left out: nobody has shown what their amounts count.
CATEGORIES = ("USDT-FUTURES", "USDC-FUTURES")
ROWS = ("data",)
PAGE_ROWS = 100
# Eight hours are 96 bars of five minutes; an answer has 100, and which ones of more is not said.
BARS_SPAN_MS = 8 * 3_600_000
SUBSCRIPTION = {
    "op": "subscribe",
    "args": [{"instType": one.lower(), "topic": "liquidation"} for one in CATEGORIES],
}
STREAMS = (
    Stream(
        "bitget_ws",
        "/v3/ws/public",
        subscribe=(json.dumps(SUBSCRIPTION),),
        ping="ping",
        chatter=("pong",),
        refusals=('"event":"error"',),
    ),
)


def _usd_sizes(answers: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for request, body in answers:
        for row in body["data"]:
            size = float(row.get("openInterest") or 0) * float(row.get("markPrice") or 0)
            yield Ranked(request.params["category"], row["symbol"], size)


@lands("tickers", HOUR, DAY, ranking=_usd_sizes, of_now=True)
def tickers(api: VenueApi, window: Window, known: Known) -> None:
    """Every contract's open interest, mark and index price, and running funding."""
    for category in CATEGORIES:
        api.ask("bitget", "/api/v3/market/tickers", {"category": category}, rows=ROWS)


@lands("instruments", DAILY, DAY, of_now=True)
def instruments(api: VenueApi, window: Window, known: Known) -> None:
    for category in CATEGORIES:
        api.ask("bitget", "/api/v3/market/instruments", {"category": category}, rows=ROWS)


@lands("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, known: Known) -> None:
    """All contracts' liquidations, newest first; three days are kept."""

    def older(answer: Answer) -> dict[str, Any] | None:
        oldest_ms = min((int(row["ts"]) for row in answer.rows), default=0)
        cursor = answer.json["data"].get("cursor")
        full = len(answer.rows) >= PAGE_ROWS
        return {"cursor": cursor} if full and cursor and oldest_ms > window.from_ms else None

    for category in CATEGORIES:
        params = {"category": category, "limit": PAGE_ROWS}
        path = "/api/v3/market/liquidations"
        for _ in api.pages("bitget", path, params, older, rows=("data", "list")):
            pass


@lands("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, known: Known) -> None:
    """The largest contracts' newest settlements."""
    for category in CATEGORIES:
        for symbol in known.tracked(category):
            params = {"category": category, "symbol": symbol, "limit": 30}
            path = "/api/v3/market/history-fund-rate"
            api.ask("bitget", path, params, rows=("data", "resultList"))


@lands("mark_bars", HOUR, DAY)
def mark_bars(api: VenueApi, window: Window, known: Known) -> None:
    """The window's mark prices of the largest contracts; five-minute ones are kept for a month."""
    for category in CATEGORIES:
        for symbol in known.tracked(category):
            for from_ms in range(window.from_ms, window.last_ms, BARS_SPAN_MS):
                params = {
                    "category": category,
                    "symbol": symbol,
                    "interval": "5m",
                    "type": "MARK",
                    "startTime": from_ms,
                    "endTime": min(from_ms + BARS_SPAN_MS - 1, window.last_ms),
                    "limit": PAGE_ROWS,
                }
                api.ask("bitget", "/api/v3/market/candles", params, rows=ROWS)


# Not with a day: no times can be asked for, and the answers reach back two and a half hours.
@lands("long_short_ratio", HOUR)
def long_short_ratio(api: VenueApi, window: Window, known: Known) -> None:
    """The newest ratios of the largest contracts that the venue computes them for."""
    path = "/api/v2/spot/market/support-symbols"
    listed = api.ask("bitget", path, rows=("data", "futureList"))
    computed = set(listed.rows) if listed else set()
    for category in CATEGORIES:
        for symbol in known.tracked(category):
            if symbol in computed:
                for ratio in RATIOS:
                    params = {"symbol": symbol, "period": "5m"}
                    api.ask("bitget", f"/api/v2/mix/market/{ratio}", params, rows=ROWS)
