"""Market capitalisations: CoinGecko, and CoinPaprika where CoinGecko does not answer."""

from __future__ import annotations

from datetime import timedelta

from unwind.file_formats import TIME_ALIASES, Column, CsvFormat, FileFormat
from unwind.http import Connection, Pace, Signals, VenueApi, VenueStoppedError
from unwind.venues import HOUR, Known, Settling, Window, lands

NAME = "market_caps"
CONNECTIONS = {
    "coingecko": Connection("https://api.coingecko.com", limits="coingecko"),
    "coinpaprika": Connection("https://api.coinpaprika.com", limits="coinpaprika"),
}
# CoinPaprika's 402 means that the plan does not allow the request.
SIGNALS = Signals(blocked_statuses=frozenset({402, 403, 418, 451}))
SETTLING = Settling(
    timedelta(seconds=0),
    "2026-11-25",
    "capitalisations of now: there is nothing to wait for",
)
PACES = (Pace("/api/v3", 10, 60), Pace("/v1", 10, 60))
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


@lands("market_caps", HOUR, of_now=True)
def market_caps(api: VenueApi, window: Window, known: Known) -> None:
    """The 500 largest assets now; history is not to be had without a key."""
    if not _coingecko(api):
        answer = api.ask("coinpaprika", "/v1/tickers", {"quotes": "USD"})
        if answer is not None:
            api.answered_otherwise("CoinPaprika answered instead")


def _coingecko(api: VenueApi) -> bool:
    try:
        answers = [
            api.ask(
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
    return all(answer is not None for answer in answers)
