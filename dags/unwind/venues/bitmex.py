"""BitMEX: perpetual and dated contracts. Liquidation orders come only by WebSocket.

`GET /api/v1/liquidation` lists the currently open orders, without times and with their remaining
quantity: it adds nothing to the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, Response, VenueApi
from unwind.venues import DAY, HOUR, LandingContext, Ranked, Settling, Stream, Window, dataset

NAME = "bitmex"
CONNECTIONS = {
    "bitmex": Connection("https://www.bitmex.com"),
    "bitmex_ws": Connection("wss://ws.bitmex.com"),
}
ERROR_RULES = ErrorRules(
    blocked_statuses=frozenset({403, 451}),
    remaining_header="x-ratelimit-remaining",
    reset_at_header="x-ratelimit-reset",
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "context alone; instruments and funding as they stand",
)
RATE_LIMITS = (RateLimit("/api/v1", 30, 60),)
STREAMS = (
    Stream("bitmex_ws", "/realtime?subscribe=liquidation", ping="ping", refusals=('"error":',)),
)
FUNDING_PAGE_ROWS = 500


def _open_values(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """Open value is in the smallest unit of what a contract settles in."""
    for _, rows in responses:
        for row in rows:
            market = row.get("settlCurrency") or ""
            yield Ranked(market, row["symbol"], float(row.get("openValue") or 0))


@dataset("instruments", HOUR, DAY, ranking=_open_values, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every open contract's specification, open interest, mark and index price, and funding."""
    api.get("bitmex", "/api/v1/instrument/active")


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The settled rates of all contracts, oldest first."""
    params = {
        "startTime": f"{window.from_at:%Y-%m-%dT%H:%M:%SZ}",
        "endTime": f"{window.to_at:%Y-%m-%dT%H:%M:%SZ}",
        "count": FUNDING_PAGE_ROWS,
        "start": 0,
    }
    start = 0

    def newer(response: Response) -> dict[str, Any] | None:
        nonlocal start
        start += len(response.rows)
        return {"start": start} if len(response.rows) == FUNDING_PAGE_ROWS else None

    for _ in api.paginate("bitmex", "/api/v1/funding", params, newer):
        pass
