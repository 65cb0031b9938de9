"""Aster: perpetuals behind interfaces like Binance's. Liquidations come only by WebSocket."""

from __future__ import annotations

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

NAME = "aster"
CONNECTIONS = {
    "aster": Connection("https://fapi.asterdex.com"),
    "aster_ws": Connection("wss://fstream.asterdex.com"),
}
# There is no /market route here, and no COIN-M. A connection lives 24 hours.
STREAMS = (Stream("aster_ws", "/ws/!forceOrder@arr", life_seconds=23 * 3600),)
ERROR_RULES = ErrorRules(
    code_at=("code",),
    throttled_codes=frozenset({"-1003"}),
    busy_codes=frozenset({"-1001", "-1008"}),
    absent_codes=frozenset({"-1121"}),
    used_header="X-MBX-USED-WEIGHT-1M",
    used_limit=2400,
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "context alone; bars and open interest of the last minutes",
)
RATE_LIMITS = (RateLimit("/fapi", 2400, 60),)
ALL_SYMBOLS_COST = 40
FUNDING_PAGE_ROWS = 1000


def _volumes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """No response has the open interest of all symbols: the day's volume stands in."""
    for _, rows in responses:
        for row in rows:
            yield Ranked("", row["symbol"], float(row.get("quoteVolume") or 0))


@dataset("tickers", HOUR, DAY, ranking=_volumes, is_snapshot=True)
def tickers(api: VenueApi, window: Window, context: LandingContext) -> None:
    api.get("aster", "/fapi/v1/ticker/24hr", cost=ALL_SYMBOLS_COST)


@dataset("premium_index", HOUR, is_snapshot=True)
def premium_index(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Mark and index prices and the current funding rate of every contract."""
    api.get("aster", "/fapi/v1/premiumIndex", cost=10)


@dataset("instruments", DAILY, DAY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    api.get("aster", "/fapi/v1/exchangeInfo", rows=("symbols",))


@dataset("open_interest", HOUR, DAY, is_snapshot=True)
def open_interest(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The current open interest of the largest contracts; it has no history."""
    for symbol in context.tracked():
        api.get("aster", "/fapi/v1/openInterest", {"symbol": symbol}, rows=None)


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The settled rates of all contracts, oldest first."""
    span = {"startTime": window.from_ms, "endTime": window.last_ms, "limit": FUNDING_PAGE_ROWS}

    def newer(response: Response) -> dict[str, Any] | None:
        if len(response.rows) < FUNDING_PAGE_ROWS:
            return None
        # Many symbols settle in one instant: the last one is requested again, unless it fills
        # the page.
        first_ms, last_ms = (int(response.rows[at]["fundingTime"]) for at in (0, -1))
        return {"startTime": last_ms + (first_ms == last_ms)}

    for _ in api.paginate("aster", "/fapi/v1/fundingRate", span, newer):
        pass
