"""Aster: perpetuals behind interfaces like Binance's. Liquidations come by WebSocket alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Answer, Connection, Pace, Request, Signals, VenueApi
from unwind.venues import DAILY, DAY, HOUR, Known, Ranked, Settling, Stream, Window, lands

NAME = "aster"
CONNECTIONS = {
    "aster": Connection("https://fapi.asterdex.com"),
    "aster_ws": Connection("wss://fstream.asterdex.com"),
}
# There is no /market route here, and no COIN-M. A connection lives 24 hours.
STREAMS = (Stream("aster_ws", "/ws/!forceOrder@arr", life_seconds=23 * 3600),)
SIGNALS = Signals(
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
PACES = (Pace("/fapi", 2400, 60),)
ALL_SYMBOLS_COST = 40
FUNDING_PAGE_ROWS = 1000


def _volumes(answers: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """There is no open interest of all symbols in one answer: the day's volume stands in."""
    for _, rows in answers:
        for row in rows:
            yield Ranked("", row["symbol"], float(row.get("quoteVolume") or 0))


@lands("tickers", HOUR, DAY, ranking=_volumes, of_now=True)
def tickers(api: VenueApi, window: Window, known: Known) -> None:
    api.ask("aster", "/fapi/v1/ticker/24hr", cost=ALL_SYMBOLS_COST)


@lands("premium_index", HOUR, of_now=True)
def premium_index(api: VenueApi, window: Window, known: Known) -> None:
    """Mark and index price and the running funding rate of everything."""
    api.ask("aster", "/fapi/v1/premiumIndex", cost=10)


@lands("instruments", DAILY, DAY, of_now=True)
def instruments(api: VenueApi, window: Window, known: Known) -> None:
    api.ask("aster", "/fapi/v1/exchangeInfo", rows=("symbols",))


@lands("open_interest", HOUR, DAY, of_now=True)
def open_interest(api: VenueApi, window: Window, known: Known) -> None:
    """What is open now of the largest contracts; there is no history of it."""
    for symbol in known.tracked():
        api.ask("aster", "/fapi/v1/openInterest", {"symbol": symbol}, rows=None)


@lands("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, known: Known) -> None:
    """The settled rates of all contracts, oldest first."""
    span = {"startTime": window.from_ms, "endTime": window.last_ms, "limit": FUNDING_PAGE_ROWS}

    def newer(answer: Answer) -> dict[str, Any] | None:
        if len(answer.rows) < FUNDING_PAGE_ROWS:
            return None
        # Many symbols settle in one instant: the last one is asked for again, unless it is all.
        first_ms, last_ms = (int(answer.rows[at]["fundingTime"]) for at in (0, -1))
        return {"startTime": last_ms + (first_ms == last_ms)}

    for _ in api.pages("aster", "/fapi/v1/fundingRate", span, newer):
        pass
