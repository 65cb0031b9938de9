"""Coinalyze: an aggregator's sums of liquidations, to compare with ours. A key is free.

Documented at https://api.coinalyze.net/v1/doc/. Hours are kept for about two months.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from unwind.http import Connection, ErrorRules, RateLimit, VenueApi
from unwind.settings import settings
from unwind.venues import DAY, LandingContext, Settling, Window, dataset, split

NAME = "coinalyze"
CONNECTIONS = {
    "coinalyze": Connection("https://api.coinalyze.net", key_header="api_key"),
}
ERROR_RULES = ErrorRules(blocked_statuses=frozenset({401, 403, 418, 451}))
HAS_MARKETS = False
SETTLING = Settling(
    timedelta(seconds=120),
    "2026-11-25",
    "chosen: sums of an hour are still corrected just after it",
)
# Forty a minute, where each symbol counts: two requests with so many symbols fit our share.
RATE_LIMITS = (RateLimit("/v1", 40, 60),)
SYMBOLS_AT_ONCE = 16


@dataset("markets", DAY, is_snapshot=True)
def markets(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The exchanges, whose codes end the names of markets, and the markets."""
    api.get("coinalyze", "/v1/exchanges")
    api.get("coinalyze", "/v1/future-markets")


@dataset("reported_liquidations", DAY)
def reported_liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The hourly sums in USD of each market of the reconciled assets; times are in seconds."""
    for symbols in split(_symbols(context), SYMBOLS_AT_ONCE, lambda _: 1):
        params = {
            "symbols": ",".join(symbols),
            "interval": "1hour",
            "from": window.from_ms // 1000,
            "to": window.last_ms // 1000,
            "convert_to_usd": "true",
        }
        api.get("coinalyze", "/v1/liquidation-history", params, cost=len(symbols))


def _symbols(context: LandingContext) -> Iterator[str]:
    assets = settings().reconciled_assets
    for request, body in context.responses("markets"):
        if request.where.endswith("/future-markets"):
            yield from sorted(one["symbol"] for one in body if one["base_asset"] in assets)
