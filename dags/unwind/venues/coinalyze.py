"""Coinalyze: other people's sums of liquidations, to compare ours with. A key is free.

Documented at https://api.coinalyze.net/v1/doc/. Hours are kept for about two months.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from unwind.http import Connection, Pace, Signals, VenueApi
from unwind.settings import settings
from unwind.venues import DAY, Known, Settling, Window, lands, split

NAME = "coinalyze"
CONNECTIONS = {
    "coinalyze": Connection("https://api.coinalyze.net", key_header="api_key"),
}
SIGNALS = Signals(blocked_statuses=frozenset({401, 403, 418, 451}))
HAS_MARKETS = False
SETTLING = Settling(
    timedelta(seconds=120),
    "2026-11-25",
    "chosen: sums of an hour are still corrected just after it",
)
# Forty a minute, of which each symbol is one: two questions of so many symbols fit our share.
PACES = (Pace("/v1", 40, 60),)
SYMBOLS_AT_ONCE = 16


@lands("markets", DAY, of_now=True)
def markets(api: VenueApi, window: Window, known: Known) -> None:
    """The exchanges, whose codes end the names of markets, and the markets."""
    api.ask("coinalyze", "/v1/exchanges")
    api.ask("coinalyze", "/v1/future-markets")


@lands("reported_liquidations", DAY)
def reported_liquidations(api: VenueApi, window: Window, known: Known) -> None:
    """The hourly sums in USD of each market of the reconciled assets; times are in seconds."""
    for symbols in split(_symbols(known), SYMBOLS_AT_ONCE, lambda _: 1):
        params = {
            "symbols": ",".join(symbols),
            "interval": "1hour",
            "from": window.from_ms // 1000,
            "to": window.last_ms // 1000,
            "convert_to_usd": "true",
        }
        api.ask("coinalyze", "/v1/liquidation-history", params, cost=len(symbols))


def _symbols(known: Known) -> Iterator[str]:
    assets = settings().reconciled_assets
    for request, body in known.answers("markets"):
        if request.where.endswith("/future-markets"):
            yield from sorted(one["symbol"] for one in body if one["base_asset"] in assets)
