"""Kraken Futures. Its public trades flag liquidations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from unwind.clock import parse_instant
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
    split,
)

NAME = "kraken_futures"
CONNECTIONS = {
    "kraken_futures": Connection("https://futures.kraken.com"),
    "kraken_futures_ws": Connection("wss://futures.kraken.com"),
}
# Throttling is a word inside a response, whatever its status.
ERROR_RULES = ErrorRules(
    code_at=("error",),
    ok_codes=frozenset({""}),
    throttled_codes=frozenset({"apiLimitExceeded"}),
    busy_codes=frozenset({"Server Error", "Unavailable"}),
    absent_codes=frozenset({"contractNotFound"}),
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the trade tape is immediate; a minute covers caches",
)
RETENTION = Retention(
    timedelta(days=7),
    "2026-11-25",
    "https://docs.kraken.com/api/docs/futures-api: seven days at most",
)
RATE_LIMITS = (RateLimit("/api/charts", 60, 10), RateLimit("/derivatives/api", 60, 10))
FUTURES = ("PF_", "PI_", "FF_", "FI_")
SUBSCRIBED_AT_ONCE = 100
PAGE_ROWS = 100


def _symbols(body: Any) -> list[str]:
    return [one["symbol"].upper() for one in body if one["symbol"].upper().startswith(FUTURES)]


def _listed(api: VenueApi) -> list[str]:
    response = api.get("kraken_futures", "/derivatives/api/v3/tickers", rows=("tickers",))
    return _symbols(response.rows) if response else []


def _subscribe_to(symbols: Sequence[str]) -> list[tuple[str, ...]]:
    """All on one connection; there is no wildcard."""
    return [
        tuple(
            json.dumps({"event": "subscribe", "feed": "trade", "product_ids": part})
            for part in split(symbols, SUBSCRIBED_AT_ONCE, lambda _: 1)
        )
    ]


STREAMS = (
    Stream(
        "kraken_futures_ws",
        "/ws/v1",
        instruments=_listed,
        subscribe_to=_subscribe_to,
        refusals=('"event":"error"', '"event":"alert"'),
    ),
)


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """PI and FI contracts are a dollar each, PF and FF ones a coin."""
    for _, body in responses:
        for row in body["tickers"]:
            symbol = row["symbol"].upper()
            if symbol.startswith(FUTURES):
                price = 1.0 if symbol.startswith(("PI_", "FI_")) else float(row["markPrice"] or 0)
                yield Ranked("", symbol, float(row.get("openInterest") or 0) * price)


@dataset("tickers", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def tickers(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every contract's open interest, mark and index price."""
    api.get("kraken_futures", "/derivatives/api/v3/tickers", rows=("tickers",))


@dataset("instruments", DAILY, DAY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    api.get("kraken_futures", "/derivatives/api/v3/instruments", rows=("instruments",))


@dataset("liquidations", HOUR)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every contract's trades, newest first; they reach back seven days at most."""
    symbols = {
        symbol for _, body in context.responses("tickers") for symbol in _symbols(body["tickers"])
    }
    for symbol in sorted(symbols):
        params = {"symbol": symbol, "lastTime": _iso(window.to_at)}
        path = "/derivatives/api/v3/history"

        def older(response: Response) -> dict[str, Any] | None:
            oldest = min((one["time"] for one in response.rows), default="")
            full = len(response.rows) >= PAGE_ROWS
            return {"lastTime": oldest} if full and parse_instant(oldest) > window.from_at else None

        for _ in api.paginate("kraken_futures", path, params, older, rows=("history",)):
            pass


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The window's hourly rates of the largest perpetuals."""
    perpetuals = [symbol for symbol in context.tracked() if symbol.startswith(("PF_", "PI_"))]
    _analytics(api, window, perpetuals, "funding", 3600)


@dataset("open_interest", HOUR, DAY)
def open_interest(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The window's open interest of the largest contracts, in steps of five minutes."""
    _analytics(api, window, context.tracked(), "open-interest", 300)


@dataset("long_short_ratio", HOUR, DAY)
def long_short_ratio(api: VenueApi, window: Window, context: LandingContext) -> None:
    _analytics(api, window, context.tracked(), "long-short-ratio", 300)


@dataset("mark_bars", HOUR, DAY)
def mark_bars(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The window's mark prices; a day is 288 bars, and a response holds 2,000."""
    for symbol in context.tracked():
        params = {"from": window.from_ms // 1000, "to": window.last_ms // 1000}
        api.get("kraken_futures", f"/api/charts/v1/mark/{symbol}/5m", params, rows=("candles",))


def _analytics(
    api: VenueApi, window: Window, symbols: Sequence[str], name: str, seconds: int
) -> None:
    for symbol in symbols:
        params = {
            "since": window.from_ms // 1000,
            "to": window.last_ms // 1000,
            "interval": seconds,
        }
        path = f"/api/charts/v1/analytics/{symbol}/{name}"
        api.get("kraken_futures", path, params, rows=("result", "timestamp"))


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
