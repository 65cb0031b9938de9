"""dYdX v4, by its indexer. Its public trades flag liquidations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from unwind.clock import parse_instant
from unwind.http import Connection, ErrorRules, RateLimit, Request, Response, VenueApi
from unwind.venues import DAY, HOUR, LandingContext, Ranked, Settling, Stream, Window, dataset

NAME = "dydx"
CONNECTIONS = {
    "dydx": Connection("https://indexer.dydx.trade"),
    "dydx_ws": Connection("wss://indexer.dydx.trade"),
}
ERROR_RULES = ErrorRules()
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the indexer follows the chain within seconds (https://docs.dydx.xyz)",
)
RATE_LIMITS = (RateLimit("/v4", 100, 10),)
PAGE_ROWS = 1000


def _markets(body: Any) -> list[str]:
    return sorted(body["markets"])


def _listed(api: VenueApi) -> list[str]:
    response = api.get("dydx", "/v4/perpetualMarkets", rows=None)
    return _markets(response.json) if response else []


def _subscribe_to(tickers: Sequence[str]) -> list[tuple[str, ...]]:
    """One channel per market on one connection; each starts by repeating recent trades."""
    return [
        tuple(
            json.dumps({"type": "subscribe", "channel": "v4_trades", "id": ticker})
            for ticker in tickers
        )
    ]


STREAMS = (
    Stream(
        "dydx_ws",
        "/v4/ws",
        instruments=_listed,
        subscribe_to=_subscribe_to,
        refusals=('"type":"error"',),
    ),
)


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for _, body in responses:
        for ticker, market in body["markets"].items():
            size = float(market.get("openInterest") or 0) * float(market.get("oraclePrice") or 0)
            yield Ranked("", ticker, size)


@dataset("markets", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def markets(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every market's specification, open interest, oracle price and running funding."""
    api.get("dydx", "/v4/perpetualMarkets", rows=None)


@dataset("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every market's trades, newest first."""

    def older(response: Response) -> dict[str, Any] | None:
        oldest = min((one["createdAt"] for one in response.rows), default="")
        full = len(response.rows) >= PAGE_ROWS
        if not full or parse_instant(oldest) <= window.from_at:
            return None
        return {"createdBeforeOrAt": oldest}

    listed = {ticker for _, body in context.responses("markets") for ticker in _markets(body)}
    for ticker in sorted(listed):
        params = {"limit": PAGE_ROWS, "createdBeforeOrAt": _iso(window.to_at)}
        path = f"/v4/trades/perpetualMarket/{ticker}"
        for _ in api.paginate("dydx", path, params, older, rows=("trades",)):
            pass


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The window's hourly rates of the largest markets."""
    for ticker in context.tracked():
        params = {"limit": len(window.hours) + 1, "effectiveBeforeOrAt": _iso(window.to_at)}
        api.get("dydx", f"/v4/historicalFunding/{ticker}", params, rows=("historicalFunding",))


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
