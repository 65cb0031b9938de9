"""BitMEX: perpetual and dated contracts. Liquidation orders come by WebSocket alone.

`GET /api/v1/liquidation` lists the orders that are open at the moment, without times and with what
is left of them: it tells nothing that the stream does not tell better.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Answer, Connection, Pace, Request, Signals, VenueApi
from unwind.venues import DAY, HOUR, Known, Ranked, Settling, Stream, Window, lands

NAME = "bitmex"
CONNECTIONS = {
    "bitmex": Connection("https://www.bitmex.com"),
    "bitmex_ws": Connection("wss://ws.bitmex.com"),
}
SIGNALS = Signals(
    blocked_statuses=frozenset({403, 451}),
    remaining_header="x-ratelimit-remaining",
    reset_at_header="x-ratelimit-reset",
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "context alone; instruments and funding as they stand",
)
PACES = (Pace("/api/v1", 30, 60),)
STREAMS = (
    Stream("bitmex_ws", "/realtime?subscribe=liquidation", ping="ping", refusals=('"error":',)),
)
FUNDING_PAGE_ROWS = 500


def _open_values(answers: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """Open value is in the smallest unit of what a contract settles in."""
    for _, rows in answers:
        for row in rows:
            market = row.get("settlCurrency") or ""
            yield Ranked(market, row["symbol"], float(row.get("openValue") or 0))


@lands("instruments", HOUR, DAY, ranking=_open_values, of_now=True)
def instruments(api: VenueApi, window: Window, known: Known) -> None:
    """Every open contract's specification, open interest, mark and index price, and funding."""
    api.ask("bitmex", "/api/v1/instrument/active")


@lands("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, known: Known) -> None:
    """The settled rates of all contracts, oldest first."""
    params = {
        "startTime": f"{window.from_at:%Y-%m-%dT%H:%M:%SZ}",
        "endTime": f"{window.to_at:%Y-%m-%dT%H:%M:%SZ}",
        "count": FUNDING_PAGE_ROWS,
        "start": 0,
    }
    start = 0

    def newer(answer: Answer) -> dict[str, Any] | None:
        nonlocal start
        start += len(answer.rows)
        return {"start": start} if len(answer.rows) == FUNDING_PAGE_ROWS else None

    for _ in api.pages("bitmex", "/api/v1/funding", params, newer):
        pass
