"""Bitfinex: perpetuals in USDt. All past liquidations come by REST, new ones by WebSocket too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Answer, Connection, Pace, Request, Signals, VenueApi
from unwind.venues import DAY, HOUR, Known, Ranked, Settling, Stream, Window, lands

NAME = "bitfinex"
CONNECTIONS = {
    "bitfinex": Connection("https://api-pub.bitfinex.com"),
    "bitfinex_ws": Connection("wss://api-pub.bitfinex.com"),
}
# An error is a list: ["error", 11010, "ratelimit: error"].
SIGNALS = Signals(code_at=(1,), ok_codes=frozenset({""}), throttled_codes=frozenset({"11010"}))
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the history is written as positions are closed; a minute covers the gateway",
)
PACES = (Pace("/v2/liquidations", 3, 60), Pace("/v2", 60, 60))
STREAMS = (
    Stream(
        "bitfinex_ws",
        "/ws/2",
        subscribe=('{"event":"subscribe","channel":"status","key":"liq:global"}',),
        refusals=('"event":"error"',),
    ),
)
PAGE_ROWS = 500


def _usd_sizes(answers: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for _, rows in answers:
        for row in rows:
            yield Ranked("", row[0], float(row[18] or 0) * float(row[15] or 0))


@lands("status", HOUR, DAY, ranking=_usd_sizes, of_now=True)
def status(api: VenueApi, window: Window, known: Known) -> None:
    """Every contract's open interest, mark and spot price, and current funding."""
    api.ask("bitfinex", "/v2/status/deriv", {"keys": "ALL"})


@lands("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, known: Known) -> None:
    """All liquidations, oldest first. Three questions a minute are allowed."""

    def newer(answer: Answer) -> dict[str, Any] | None:
        if len(answer.rows) < PAGE_ROWS:
            return None
        # Rows of one millisecond may stand on two pages: the last one is asked for again.
        first_ms, last_ms = (answer.rows[at][0][2] for at in (0, -1))
        return {"start": last_ms + (first_ms == last_ms)}

    params = {"start": window.from_ms, "end": window.last_ms, "limit": PAGE_ROWS, "sort": 1}
    for _ in api.pages("bitfinex", "/v2/liquidations/hist", params, newer):
        pass
