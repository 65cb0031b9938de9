"""Bitget: perpetuals in USDT and USDC. It aggregates liquidations once a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, Response, VenueApi
from unwind.venues import (
    DAILY,
    DAY,
    HOUR,
    LandingContext,
    Ranked,
    Retention,
    Settling,
    Stream,
    Window,
    dataset,
)

NAME = "bitget"
CONNECTIONS = {
    "bitget": Connection("https://api.bitget.com"),
    "bitget_ws": Connection("wss://ws.bitget.com"),
}
ERROR_RULES = ErrorRules(
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
RETENTION = Retention(
    timedelta(days=3),
    "2026-11-25",
    "https://www.bitget.com/api-doc/uta/public/Liquidation: the last three days",
)
RATE_LIMITS = (
    *(RateLimit(f"/api/v2/mix/market/{ratio}", 1, 1) for ratio in RATIOS),
    RateLimit("/api/v3/market/liquidations", 5, 1),
    RateLimit("/api/v3/market", 20, 1),
)
# Coin-margined ones (COIN-FUTURES) are left out: the unit of their amounts is undocumented.
CATEGORIES = ("USDT-FUTURES", "USDC-FUTURES")
ROWS = ("data",)
PAGE_ROWS = 100
# Eight hours are 96 bars of five minutes; a response has at most 100, and which
# ones if there are more is not documented.
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
        control_frames=("pong",),
        refusals=('"event":"error"',),
    ),
)


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for request, body in responses:
        for row in body["data"]:
            size = float(row.get("openInterest") or 0) * float(row.get("markPrice") or 0)
            yield Ranked(request.params["category"], row["symbol"], size)


@dataset("tickers", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def tickers(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every contract's open interest, mark and index price, and running funding."""
    for category in CATEGORIES:
        api.get("bitget", "/api/v3/market/tickers", {"category": category}, rows=ROWS)


@dataset("instruments", DAILY, DAY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    for category in CATEGORIES:
        api.get("bitget", "/api/v3/market/instruments", {"category": category}, rows=ROWS)


@dataset("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """All contracts' liquidations, newest first; three days are kept."""

    def older(response: Response) -> dict[str, Any] | None:
        oldest_ms = min((int(row["ts"]) for row in response.rows), default=0)
        cursor = response.json["data"].get("cursor")
        full = len(response.rows) >= PAGE_ROWS
        return {"cursor": cursor} if full and cursor and oldest_ms > window.from_ms else None

    for category in CATEGORIES:
        params = {"category": category, "limit": PAGE_ROWS}
        path = "/api/v3/market/liquidations"
        for _ in api.paginate("bitget", path, params, older, rows=("data", "list")):
            pass


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The largest contracts' newest settlements."""
    for category in CATEGORIES:
        for symbol in context.tracked(category):
            params = {"category": category, "symbol": symbol, "limit": 30}
            path = "/api/v3/market/history-fund-rate"
            api.get("bitget", path, params, rows=("data", "resultList"))


@dataset("mark_bars", HOUR, DAY)
def mark_bars(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The window's mark prices of the largest contracts; five-minute ones are kept for a month."""
    for category in CATEGORIES:
        for symbol in context.tracked(category):
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
                api.get("bitget", "/api/v3/market/candles", params, rows=ROWS)


# Not with a day: the request takes no times, and responses reach back two and a half hours.
@dataset("long_short_ratio", HOUR)
def long_short_ratio(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The newest ratios of the largest contracts for which the venue computes them."""
    path = "/api/v2/spot/market/support-symbols"
    listed = api.get("bitget", path, rows=("data", "futureList"))
    computed = set(listed.rows) if listed else set()
    for category in CATEGORIES:
        for symbol in context.tracked(category):
            if symbol in computed:
                for ratio in RATIOS:
                    params = {"symbol": symbol, "period": "5m"}
                    api.get("bitget", f"/api/v2/mix/market/{ratio}", params, rows=ROWS)
