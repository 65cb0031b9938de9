"""OKX: swaps and dated futures. Liquidations by REST reach back about a day, with no guarantee."""

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
    Retention,
    Settling,
    Stream,
    Window,
    dataset,
)

NAME = "okx"
CONNECTIONS = {
    "okx": Connection("https://www.okx.com"),
    # Port 8443, which many clients still use, was shut on 2026-10-31.
    "okx_ws": Connection("wss://ws.okx.com"),
}
# Throttling comes as code 50011, inside HTTP 200 as well as with 429.
ERROR_RULES = ErrorRules(
    code_at=("code",),
    ok_codes=frozenset({"0"}),
    throttled_codes=frozenset({"50011", "50061"}),
    busy_codes=frozenset({"50001", "50013", "50026"}),
    absent_codes=frozenset({"51001"}),
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "https://www.okx.com/docs-v5/en: rows come from several sources, not in order; chosen",
)
RETENTION = Retention(
    timedelta(days=1),
    "2026-11-25",
    "https://www.okx.com/docs-v5/en: the last day (older pages: seven)",
)
RATE_LIMITS = (
    RateLimit("/api/v5/rubik", 5, 2),
    RateLimit("/api/v5/public/funding-rate", 10, 2),
    RateLimit("/api/v5", 20, 2),
)
INSTRUMENT_TYPES = ("SWAP", "FUTURES")
SUBSCRIPTION = {
    "op": "subscribe",
    "args": [{"channel": "liquidation-orders", "instType": one} for one in INSTRUMENT_TYPES],
}
STREAMS = (
    Stream(
        "okx_ws",
        "/ws/v5/public",
        subscribe=(json.dumps(SUBSCRIPTION),),
        ping="ping",
        control_frames=("pong",),
        refusals=('"event":"error"',),
    ),
)
INDEX_QUOTES = ("USDT", "USD")
ROWS = ("data",)
PAGE_ROWS = 100


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for request, body in responses:
        if request.where.endswith("/public/open-interest"):
            for row in body["data"]:
                yield Ranked(row["instType"], row["instId"], float(row.get("oiUsd") or 0))


def _each_type(api: VenueApi, path: str) -> None:
    for instrument_type in INSTRUMENT_TYPES:
        api.get("okx", path, {"instType": instrument_type}, rows=ROWS)


@dataset("open_interest", HOUR, DAY, ranking=_usd_sizes)
def open_interest(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The current open interest of every contract, and the window's history of the largest."""
    _each_type(api, "/api/v5/public/open-interest")
    _statistic(api, window, context, "open-interest-history")


@dataset("long_short_ratio", HOUR, DAY)
def long_short_ratio(api: VenueApi, window: Window, context: LandingContext) -> None:
    _statistic(api, window, context, "long-short-account-ratio-contract")


def _statistic(api: VenueApi, window: Window, context: LandingContext, name: str) -> None:
    """A statistic of the largest swaps, newest first.

    The venue keeps two days of five-minute values, too few for a day's batch; hourly ones reach
    back a month.
    """
    period = "5m" if len(window.hours) == 1 else "1H"

    def older(response: Response) -> dict[str, Any] | None:
        oldest_ms = min((int(row[0]) for row in response.rows), default=0)
        full = len(response.rows) >= PAGE_ROWS
        return {"end": oldest_ms} if full and oldest_ms > window.from_ms else None

    for instrument in context.tracked("SWAP"):
        params = {
            "instId": instrument,
            "period": period,
            "begin": window.from_ms,
            "end": window.last_ms,
            "limit": PAGE_ROWS,
        }
        path = f"/api/v5/rubik/stat/contracts/{name}"
        for _ in api.paginate("okx", path, params, older, rows=ROWS):
            pass


@dataset("instruments", DAILY, DAY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    _each_type(api, "/api/v5/public/instruments")


# Not with a day: by the time a day's dumps are published, the day has left these pages.
@dataset("liquidations", HOUR)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every family's orders; the day's instruments list the families."""
    families: dict[str, set[str]] = {}
    for request, body in context.responses("instruments"):
        listed = families.setdefault(request.params["instType"], set())
        listed.update(row["instFamily"] for row in body["data"])
    for instrument_type, listed in families.items():
        for family in sorted(listed):
            _family_liquidations(api, window, instrument_type, family)


def _family_liquidations(api: VenueApi, window: Window, instrument_type: str, family: str) -> None:
    """The newest page, and older ones while they are full and the window is open.

    `after` may be ignored, and pages come in no strict order: the same page again ends the walk.
    """

    def older(response: Response) -> dict[str, Any] | None:
        times_ms = [int(one["ts"]) for row in response.rows for one in row["details"]]
        full = len(times_ms) >= PAGE_ROWS
        return {"after": min(times_ms)} if full and min(times_ms) > window.from_ms else None

    params = {
        "instType": instrument_type,
        "instFamily": family,
        "state": "filled",
        "limit": PAGE_ROWS,
    }
    for _ in api.paginate("okx", "/api/v5/public/liquidation-orders", params, older, rows=ROWS):
        pass


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Settled rates of the window; `after` and `before` both exclude the instant they name."""
    for instrument in context.tracked("SWAP"):
        params = {
            "instId": instrument,
            "before": window.from_ms - 1,
            "after": window.last_ms + 1,
            "limit": PAGE_ROWS,
        }
        api.get("okx", "/api/v5/public/funding-rate-history", params, rows=ROWS)


@dataset("premium_index", HOUR, is_snapshot=True)
def premium_index(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Mark and index prices of every contract, and current funding rates of the largest swaps."""
    _each_type(api, "/api/v5/public/mark-price")
    for quote in INDEX_QUOTES:
        api.get("okx", "/api/v5/market/index-tickers", {"quoteCcy": quote}, rows=ROWS)
    for instrument in context.tracked("SWAP"):
        api.get("okx", "/api/v5/public/funding-rate", {"instId": instrument}, rows=ROWS)
