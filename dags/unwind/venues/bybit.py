"""Bybit: linear and inverse contracts. Its liquidations come only by WebSocket (the recorder)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, Response, VenueApi
from unwind.venues import (
    DAILY,
    DAY,
    HOUR,
    LandingContext,
    Ranked,
    Settling,
    Stream,
    Window,
    dataset,
    split,
)

NAME = "bybit"
CONNECTIONS = {
    "bybit": Connection("https://api.bybit.com"),
    "bybit_ws": Connection("wss://stream.bybit.com"),
}
# 403 is 'access too frequent' (stop for ten minutes) and the regional block alike.
ERROR_RULES = ErrorRules(
    code_at=("retCode",),
    ok_codes=frozenset({"0"}),
    throttled_codes=frozenset({"10006", "10018"}),
    busy_codes=frozenset({"10000", "10016"}),
    remaining_header="X-Bapi-Limit-Status",
    reset_at_header="X-Bapi-Limit-Reset-Timestamp",
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "context alone; the last five-minute statistics come within seconds",
)
RATE_LIMITS = (RateLimit("/v5/market", 600, 5),)
CATEGORIES = ("linear", "inverse")
ROWS = ("result", "list")
# A connection takes 21,000 characters of topics; a request with one bad topic is refused whole.
CONNECTION_CHARACTERS, REQUEST_TOPICS = 20_000, 200


def _listed(category: str) -> Callable[[VenueApi], list[str]]:
    def listed(api: VenueApi) -> list[str]:
        response = api.get("bybit", "/v5/market/tickers", {"category": category}, rows=ROWS)
        return [row["symbol"] for row in response.rows] if response else []

    return listed


def _subscribe_to(symbols: Sequence[str]) -> list[tuple[str, ...]]:
    """One topic a symbol: there is no wildcard."""
    topics = [f"allLiquidation.{symbol}" for symbol in symbols]
    return [
        tuple(
            json.dumps({"op": "subscribe", "args": request})
            for request in split(connection, REQUEST_TOPICS, lambda _: 1)
        )
        # Each topic comes with two quotes and a comma.
        for connection in split(topics, CONNECTION_CHARACTERS, lambda topic: len(topic) + 3)
    ]


STREAMS = tuple(
    Stream(
        "bybit_ws",
        f"/v5/public/{category}",
        instruments=_listed(category),
        subscribe_to=_subscribe_to,
        ping='{"op":"ping"}',
        control_frames=('"ret_msg":"pong"', '"op":"pong"'),
        refusals=('"success":false',),
    )
    for category in CATEGORIES
)


def _next_cursor(response: Response) -> dict[str, str] | None:
    cursor = response.json["result"].get("nextPageCursor")
    # The cursor is URL-encoded and is sent back unchanged.
    return {"cursor": cursor} if cursor and response.rows else None


def _sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """Linear value is in USD already; an inverse contract is one USD."""
    for request, body in responses:
        market = request.params["category"]
        field = "openInterestValue" if market == "linear" else "openInterest"
        for row in body["result"]["list"]:
            yield Ranked(market, row["symbol"], float(row.get(field) or 0))


def _each_tracked(
    api: VenueApi, context: LandingContext, path: str, params: dict[str, Any], paged: bool
) -> None:
    for category in CATEGORIES:
        for symbol in context.tracked(category):
            asked = {"category": category, "symbol": symbol, **params}
            if paged:
                for _ in api.paginate("bybit", path, asked, _next_cursor, rows=ROWS):
                    pass
            else:
                api.get("bybit", path, asked, rows=ROWS)


@dataset("tickers", HOUR, DAY, ranking=_sizes, is_snapshot=True)
def tickers(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every instrument's open interest, mark and index price, and current funding."""
    for category in CATEGORIES:
        api.get("bybit", "/v5/market/tickers", {"category": category}, rows=ROWS)


@dataset("instruments", DAILY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    for category in CATEGORIES:
        params = {"category": category, "limit": 1000}
        for _ in api.paginate(
            "bybit", "/v5/market/instruments-info", params, _next_cursor, rows=ROWS
        ):
            pass


@dataset("open_interest", HOUR, DAY)
def open_interest(api: VenueApi, window: Window, context: LandingContext) -> None:
    params = {
        "intervalTime": "5min",
        "startTime": window.from_ms,
        "endTime": window.last_ms,
        "limit": 200,
    }
    _each_tracked(api, context, "/v5/market/open-interest", params, paged=True)


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    params = {"startTime": window.from_ms, "endTime": window.last_ms, "limit": 200}
    _each_tracked(api, context, "/v5/market/funding/history", params, paged=False)


@dataset("long_short_ratio", HOUR, DAY)
def long_short_ratio(api: VenueApi, window: Window, context: LandingContext) -> None:
    params = {
        "period": "5min",
        "startTime": window.from_ms,
        "endTime": window.last_ms,
        "limit": 500,
    }
    _each_tracked(api, context, "/v5/market/account-ratio", params, paged=False)
