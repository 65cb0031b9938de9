"""CoinGlass: an aggregator's sums of liquidations, to compare with ours. A key is paid for.

Documented at https://docs.coinglass.com/reference/aggregated-liquidation-history.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from unwind.http import Connection, ErrorRules, RateLimit, VenueApi
from unwind.settings import settings
from unwind.venues import DAY, LandingContext, Settling, Window, dataset

NAME = "coinglass"
CONNECTIONS = {
    "coinglass": Connection("https://open-api-v4.coinglass.com", key_header="CG-API-KEY"),
}
# Errors come inside HTTP 200, with HTTP's codes. 401 is no block: the plan does not cover this
# request (and an invalid key gets 400).
ERROR_RULES = ErrorRules(
    code_at=("code",),
    ok_codes=frozenset({"0"}),
    throttled_codes=frozenset({"429"}),
    busy_codes=frozenset({"408", "500"}),
)
HAS_MARKETS = False
SETTLING = Settling(
    timedelta(seconds=120),
    "2026-11-25",
    "chosen: sums of an hour are still corrected just after it",
)
# The limit of the smallest plan.
RATE_LIMITS = (RateLimit("/api", 30, 60),)
# The smallest plan has no bars shorter than four hours.
INTERVALS = ("1h", "4h")


@dataset("markets", DAY, is_snapshot=True)
def markets(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The pairs of each exchange."""
    api.get("coinglass", "/api/futures/supported-exchange-pairs", rows=None)


@dataset("reported_liquidations", DAY)
def reported_liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The sums in USD of each reconciled asset at each exchange, in the finest bars allowed."""
    allowed: tuple[str, ...] = INTERVALS
    for exchange, asset in _coins(context):
        failures = api.failure_count
        for interval in allowed:
            params = {
                "exchange_list": exchange,
                "symbol": asset,
                "interval": interval,
                "start_time": window.from_ms,
                "end_time": window.last_ms,
                "limit": len(window.hours),
            }
            path = "/api/futures/liquidation/aggregated-history"
            if api.get("coinglass", path, params, rows=("data",)) is not None:
                note = f"bars of {interval} were given instead"
                api.record_fallback(note, since=failures)
                allowed = (interval,)
                break


def _coins(context: LandingContext) -> Iterator[tuple[str, str]]:
    """The exchanges that have pairs of a reconciled asset, each with the asset."""
    assets = settings().reconciled_assets
    for _, body in context.responses("markets"):
        for exchange, pairs in sorted(body["data"].items()):
            traded = {pair["base_asset"] for pair in pairs}
            yield from ((exchange, asset) for asset in assets if asset in traded)
