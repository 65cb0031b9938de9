"""Lighter: perpetuals, numbered. Its trades flag liquidations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, VenueApi
from unwind.venues import DAY, HOUR, LandingContext, Ranked, Settling, Stream, Window, dataset

NAME = "lighter"
CONNECTIONS = {
    "lighter": Connection("https://mainnet.zklighter.elliot.ai"),
    "lighter_ws": Connection("wss://mainnet.zklighter.elliot.ai"),
}
ERROR_RULES = ErrorRules(
    code_at=("code",),
    ok_codes=frozenset({"200"}),
    throttled_codes=frozenset({"23000", "429"}),
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the sequencer's trades are immediate; a minute covers caches",
)
RATE_LIMITS = (RateLimit("/api/v1", 60, 60),)
RECENT_TRADES = 100


def _market_ids(body: Any) -> list[str]:
    return [str(row["market_id"]) for row in body["order_book_details"]]


def _listed(api: VenueApi) -> list[str]:
    response = api.get("lighter", "/api/v1/orderBookDetails", rows=("order_book_details",))
    return _market_ids(response.json) if response else []


def _subscribe_to(market_ids: Sequence[str]) -> list[tuple[str, ...]]:
    """One channel a market, on one connection."""
    return [
        tuple(
            json.dumps({"type": "subscribe", "channel": f"trade/{market_id}"})
            for market_id in market_ids
        )
    ]


# Read-only connections work from places where trading is blocked.
STREAMS = (
    Stream(
        "lighter_ws",
        "/stream?readonly=true",
        instruments=_listed,
        subscribe_to=_subscribe_to,
        ping='{"type":"ping"}',
        control_frames=('"type":"pong"',),
        refusals=('"error":',),
    ),
)


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for _, body in responses:
        for row in body["order_book_details"]:
            size = float(row.get("open_interest") or 0) * float(row.get("last_trade_price") or 0)
            yield Ranked("", str(row["market_id"]), size)


@dataset("markets", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def markets(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every market's number, symbol, open interest and last price."""
    api.get("lighter", "/api/v1/orderBookDetails", rows=("order_book_details",))


@dataset("liquidations", HOUR)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Each market's newest trades, the only ones available without a key; the stream has all."""
    cut = []
    listed = {one for _, body in context.responses("markets") for one in _market_ids(body)}
    for market_id in sorted(listed, key=int):
        params = {"market_id": market_id, "limit": RECENT_TRADES}
        response = api.get("lighter", "/api/v1/recentTrades", params, rows=("trades",))
        if response and not _reach_back(response.rows, window.from_ms):
            cut.append(market_id)
    if cut:
        api.record_lack(
            f"the newest {RECENT_TRADES} trades of {len(cut)} markets of lighter do not reach back "
            "to the start of the time that was asked for"
        )


def _reach_back(trades: Sequence[Any], from_ms: int) -> bool:
    """Whether a response holds every trade since then: it is not full, or its oldest is older."""
    try:
        return len(trades) < RECENT_TRADES or min(int(one["timestamp"]) for one in trades) < from_ms
    except (LookupError, TypeError, ValueError):
        return False


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The largest markets' hourly rates."""
    for market_id in context.tracked():
        params = {
            "market_id": market_id,
            "resolution": "1h",
            "start_timestamp": window.from_ms // 1000,
            "end_timestamp": window.last_ms // 1000,
            "count_back": len(window.hours),
        }
        api.get("lighter", "/api/v1/fundings", params, rows=("fundings",))
