"""Market capitalisations: CoinGecko, and CoinPaprika where CoinGecko does not respond."""

from __future__ import annotations

from datetime import timedelta

from unwind.file_formats import TIME_ALIASES, Column, CsvFormat, FileFormat
from unwind.http import Connection, ErrorRules, RateLimit, VenueApi, VenueStoppedError
from unwind.venues import HOUR, LandingContext, Settling, Window, dataset

NAME = "market_caps"
CONNECTIONS = {
    "coingecko": Connection("https://api.coingecko.com", limits="coingecko"),
    "coinpaprika": Connection("https://api.coinpaprika.com", limits="coinpaprika"),
}
# CoinPaprika's 402 means that the plan does not allow the request.
ERROR_RULES = ErrorRules(blocked_statuses=frozenset({402, 403, 418, 451}))
SETTLING = Settling(
    timedelta(seconds=0),
    "2026-11-25",
    "capitalisations of now: there is nothing to wait for",
)
RATE_LIMITS = (RateLimit("/api/v3", 10, 60), RateLimit("/v1", 10, 60))
PAGES_OF_250 = (1, 2)
HAS_MARKETS = False
FORMATS = (
    FileFormat(
        "market-caps-csv",
        "market_caps",
        CsvFormat(
            (
                (
                    *(
                        Column("asset", aliases=("coin", "symbol")),
                        Column("time", "time", aliases=TIME_ALIASES),
                    ),
                    Column("market_cap_usd", "number", aliases=("market_cap",)),
                    Column("source"),
                    Column("price_usd", "number", is_required=False, aliases=("price",)),
                    Column("volume_24h_usd", "number", is_required=False),
                ),
            ),
            is_mapped=True,
            needs_header=True,
        ),
    ),
)


@dataset("market_caps", HOUR, is_snapshot=True)
def market_caps(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The 500 largest assets now; history needs a key."""
    if not _coingecko(api):
        response = api.get("coinpaprika", "/v1/tickers", {"quotes": "USD"})
        if response is not None:
            api.record_fallback("CoinPaprika answered instead")


def _coingecko(api: VenueApi) -> bool:
    try:
        responses = [
            api.get(
                "coingecko",
                "/api/v3/coins/markets",
                {
                    "vs_currency": "usd",
                    "order": "market_cap_desc",
                    "per_page": 250,
                    "page": page,
                },
            )
            for page in PAGES_OF_250
        ]
    except VenueStoppedError:
        return False
    return all(response is not None for response in responses)
