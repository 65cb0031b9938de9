"""dYdX v4, by its indexer. Its public trades say which of them were liquidations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from unwind.clock import parse_instant
from unwind.http import Answer, Connection, Pace, Request, Signals, VenueApi
from unwind.venues import DAY, HOUR, Known, Ranked, Settling, Stream, Window, lands

NAME = "dydx"
CONNECTIONS = {
    "dydx": Connection("https://indexer.dydx.trade"),
    "dydx_ws": Connection("wss://indexer.dydx.trade"),
}
SIGNALS = Signals()
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the indexer follows the chain within seconds (https://docs.dydx.xyz)",
)
PACES = (Pace("/v4", 100, 10),)
PAGE_ROWS = 1000


def _markets(body: Any) -> list[str]:
    return sorted(body["markets"])


def _listed(api: VenueApi) -> list[str]:
    answer = api.ask("dydx", "/v4/perpetualMarkets", rows=None)
    return _markets(answer.json) if answer else []


def _subscribe_to(tickers: Sequence[str]) -> list[tuple[str, ...]]:
    """One channel a market on one connection; each starts with recent trades over again."""
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


def _usd_sizes(answers: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for _, body in answers:
        for ticker, market in body["markets"].items():
            size = float(market.get("openInterest") or 0) * float(market.get("oraclePrice") or 0)
            yield Ranked("", ticker, size)


@lands("markets", HOUR, DAY, ranking=_usd_sizes, of_now=True)
def markets(api: VenueApi, window: Window, known: Known) -> None:
    """Every market's specification, open interest, oracle price and running funding."""
    api.ask("dydx", "/v4/perpetualMarkets", rows=None)


@lands("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, known: Known) -> None:
    """Every market's trades, newest first."""

    def older(answer: Answer) -> dict[str, Any] | None:
        oldest = min((one["createdAt"] for one in answer.rows), default="")
        full = len(answer.rows) >= PAGE_ROWS
        if not full or parse_instant(oldest) <= window.from_at:
            return None
        return {"createdBeforeOrAt": oldest}

    listed = {ticker for _, body in known.answers("markets") for ticker in _markets(body)}
    for ticker in sorted(listed):
        params = {"limit": PAGE_ROWS, "createdBeforeOrAt": _iso(window.to_at)}
        path = f"/v4/trades/perpetualMarket/{ticker}"
        for _ in api.pages("dydx", path, params, older, rows=("trades",)):
            pass


@lands("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, known: Known) -> None:
    """The window's hourly rates of the largest markets."""
    for ticker in known.tracked():
        params = {"limit": len(window.hours) + 1, "effectiveBeforeOrAt": _iso(window.to_at)}
        api.ask("dydx", f"/v4/historicalFunding/{ticker}", params, rows=("historicalFunding",))


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
