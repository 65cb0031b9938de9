"""Deribit: futures and perpetuals. Its public trades flag liquidations."""

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
    Settling,
    Stream,
    Window,
    dataset,
)

NAME = "deribit"
CONNECTIONS = {
    "deribit": Connection("https://www.deribit.com"),
    "deribit_ws": Connection("wss://www.deribit.com"),
}
ERROR_RULES = ErrorRules(
    code_at=("error", "code"),
    ok_codes=frozenset({"0"}),
    throttled_codes=frozenset({"10028"}),
    busy_codes=frozenset({"10040", "10041", "13028"}),
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the trade tape is immediate; a minute covers caches",
)
# 500 credits a request, from a pool that refills by 10,000 a second.
RATE_LIMITS = (RateLimit("/api/v2/public", 20, 1),)
CURRENCIES = ("BTC", "ETH", "USDC", "USDT")
PAGE_ROWS = 1000
HEARTBEAT_SECONDS = 30


def _order(number: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def _answer_heartbeat(frame: str) -> str | None:
    """The venue sends heartbeats and closes the connection if they are not answered."""
    return _order(3, "public/test") if '"test_request"' in frame else None


# The channels without aggregation, `.raw`, require a login.
STREAMS = (
    Stream(
        "deribit_ws",
        "/ws/api/v2",
        subscribe=(
            _order(1, "public/set_heartbeat", interval=HEARTBEAT_SECONDS),
            _order(
                2,
                "public/subscribe",
                channels=[f"trades.future.{currency}.100ms" for currency in CURRENCIES],
            ),
        ),
        reply=_answer_heartbeat,
        control_frames=('"method":"heartbeat"', '"id":3'),
        refusals=('"error":',),
    ),
)


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """Inverse contracts count in dollars, linear ones in coins."""
    for _, body in responses:
        for row in body["result"]:
            price = 1.0 if row.get("quote_currency") == "USD" else float(row["mark_price"] or 0)
            yield Ranked("", row["instrument_name"], float(row["open_interest"] or 0) * price)


@dataset("tickers", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def tickers(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every future's open interest, mark price and running funding."""
    for currency in CURRENCIES:
        params = {"currency": currency, "kind": "future"}
        path = "/api/v2/public/get_book_summary_by_currency"
        api.get("deribit", path, params, rows=("result",))


@dataset("instruments", DAILY, DAY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    for currency in CURRENCIES:
        params = {"currency": currency, "kind": "future"}
        api.get("deribit", "/api/v2/public/get_instruments", params, rows=("result",))


@dataset("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """All trades of the window, oldest first: liquidations are flagged among them."""

    def newer(response: Response) -> dict[str, Any] | None:
        if not response.json["result"]["has_more"] or not response.rows:
            return None
        # Trades of one millisecond may be split over two pages: the last one is requested again.
        first_ms, last_ms = (response.rows[at]["timestamp"] for at in (0, -1))
        return {"start_timestamp": last_ms + (first_ms == last_ms)}

    for currency in CURRENCIES:
        params = {
            "currency": currency,
            "kind": "future",
            "start_timestamp": window.from_ms,
            "end_timestamp": window.last_ms,
            "count": PAGE_ROWS,
            "sorting": "asc",
        }
        path = "/api/v2/public/get_last_trades_by_currency_and_time"
        for _ in api.paginate("deribit", path, params, newer, rows=("result", "trades")):
            pass


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The hourly rates of the largest perpetuals."""
    for instrument in context.tracked():
        if instrument.endswith("-PERPETUAL"):
            params = {
                "instrument_name": instrument,
                "start_timestamp": window.from_ms,
                "end_timestamp": window.last_ms,
            }
            api.get("deribit", "/api/v2/public/get_funding_rate_history", params, rows=("result",))
