"""Bitfinex: perpetuals in USDt. All past liquidations come by REST, new ones by WebSocket too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, Response, VenueApi
from unwind.venues import DAY, HOUR, LandingContext, Ranked, Settling, Stream, Window, dataset

NAME = "bitfinex"
CONNECTIONS = {
    "bitfinex": Connection("https://api-pub.bitfinex.com"),
    "bitfinex_ws": Connection("wss://api-pub.bitfinex.com"),
}
# An error is a list: ["error", 11010, "ratelimit: error"].
ERROR_RULES = ErrorRules(
    code_at=(1,), ok_codes=frozenset({""}), throttled_codes=frozenset({"11010"})
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the history is written as positions are closed; a minute covers the gateway",
)
RATE_LIMITS = (RateLimit("/v2/liquidations", 3, 60), RateLimit("/v2", 60, 60))
STREAMS = (
    Stream(
        "bitfinex_ws",
        "/ws/2",
        subscribe=('{"event":"subscribe","channel":"status","key":"liq:global"}',),
        refusals=('"event":"error"',),
    ),
)
PAGE_ROWS = 500


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for _, rows in responses:
        for row in rows:
            yield Ranked("", row[0], float(row[18] or 0) * float(row[15] or 0))


@dataset("status", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def status(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every contract's open interest, mark and spot price, and current funding."""
    api.get("bitfinex", "/v2/status/deriv", {"keys": "ALL"})


@dataset("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """All liquidations, oldest first. Three requests a minute are allowed."""

    def newer(response: Response) -> dict[str, Any] | None:
        if len(response.rows) < PAGE_ROWS:
            return None
        # Rows of one millisecond may be split over two pages: the last one is requested again.
        first_ms, last_ms = (response.rows[at][0][2] for at in (0, -1))
        return {"start": last_ms + (first_ms == last_ms)}

    params = {"start": window.from_ms, "end": window.last_ms, "limit": PAGE_ROWS, "sort": 1}
    for _ in api.paginate("bitfinex", "/v2/liquidations/hist", params, newer):
        pass
