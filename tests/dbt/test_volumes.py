"""Each venue's meaning of a contract's volume: its response, and the row of fct_volumes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.liquidations.liquidation_imports import Built, at, built, take_in_text

from unwind.settings import Home

RECEIVED_AT = "2026-06-30T12:00:20.000000Z"
RECEIVED = "2026-06-30 12:00:20"
CLOCK_MS = 1782820815000
CLOCK = "2026-06-30 12:00:15"

# venue, url, params, body (or the request's JSON with it), then: instrument, base_asset,
# observed_at, volume_base, volume_usd.
CASES: dict[str, tuple[str, str, dict[str, Any], Any, tuple[Any, ...]]] = {
    "aster says coins and quote": (
        *("aster", "https://fapi.asterdex.com/fapi/v1/ticker/24hr", {}),
        [{"symbol": "BTCUSDT", "volume": "10", "quoteVolume": "600000", "closeTime": CLOCK_MS}],
        ("BTCUSDT", "BTC", CLOCK, 10, 600_000),
    ),
    "binance USD-M says coins and quote": (
        *("binance", "https://fapi.binance.com/fapi/v1/ticker/24hr", {}),
        [
            {
                **{"symbol": "1000PEPEUSDT", "volume": "5000", "quoteVolume": "50"},
                "closeTime": CLOCK_MS,
            }
        ],
        ("1000PEPEUSDT", "PEPE", CLOCK, 5_000_000, 50),
    ),
    "binance COIN-M says contracts of 100 dollars of BTC": (
        *("binance", "https://dapi.binance.com/dapi/v1/ticker/24hr", {}),
        [
            {
                **{"symbol": "BTCUSD_PERP", "pair": "BTCUSD", "volume": "6000"},
                **{"baseVolume": "10", "closeTime": CLOCK_MS},
            }
        ],
        ("BTCUSD_PERP", "BTC", CLOCK, 10, 600_000),
    ),
    "binance COIN-M contracts of others are 10 dollars": (
        *("binance", "https://dapi.binance.com/dapi/v1/ticker/24hr", {}),
        [
            {
                **{"symbol": "ETHUSD_PERP", "pair": "ETHUSD", "volume": "6000"},
                **{"baseVolume": "24", "closeTime": CLOCK_MS},
            }
        ],
        ("ETHUSD_PERP", "ETH", CLOCK, 24, 60_000),
    ),
    "bybit linear turnover is quote": (
        *("bybit", "https://api.bybit.com/v5/market/tickers", {"category": "linear"}),
        {
            "retCode": 0,
            "time": CLOCK_MS,
            "result": {
                "category": "linear",
                "list": [
                    {"symbol": "BTCUSDT", "volume24h": "10", "turnover24h": "600000"},
                    {"symbol": "SOONUSDT", "volume24h": "", "turnover24h": ""},
                ],
            },
        },
        ("BTCUSDT", "BTC", CLOCK, 10, 600_000),
    ),
    "bybit inverse volume is dollars and turnover coins": (
        *("bybit", "https://api.bybit.com/v5/market/tickers", {"category": "inverse"}),
        {
            "retCode": 0,
            "time": CLOCK_MS,
            "result": {
                "category": "inverse",
                "list": [{"symbol": "BTCUSD", "volume24h": "600000", "turnover24h": "10"}],
            },
        },
        ("BTCUSD", "BTC", CLOCK, 10, 600_000),
    ),
    "bitget says both; coin-margined contracts are left out": (
        *("bitget", "https://api.bitget.com/api/v3/market/tickers", {"category": "USDT-FUTURES"}),
        {
            "code": "00000",
            "requestTime": CLOCK_MS,
            "data": [
                {"symbol": "BTCUSDT", "volume24h": "10", "turnover24h": "600000"},
                {"symbol": "BTCUSD", "volume24h": "10", "turnover24h": "600000"},
            ],
        },
        ("BTCUSDT", "BTC", CLOCK, 10, 600_000),
    ),
    "bitmex says notional of either side of the pair; quanto contracts and euros are left out": (
        *("bitmex", "https://www.bitmex.com/api/v1/instrument/active", {}),
        [
            {
                **{"symbol": "XBTUSD", "typ": "FFWCSX", "quoteCurrency": "USD", "isQuanto": False},
                **{"isInverse": True, "homeNotional24h": 10, "foreignNotional24h": 600000},
                "timestamp": "2026-06-30T12:00:15.000Z",
            },
            {
                **{"symbol": "ETHUSD", "typ": "FFWCSX", "quoteCurrency": "USD", "isQuanto": True},
                **{"isInverse": False, "homeNotional24h": 10, "foreignNotional24h": 600000},
                "timestamp": "2026-06-30T12:00:15.000Z",
            },
            {
                **{"symbol": "XBTEUR", "typ": "FFWCSX", "quoteCurrency": "EUR", "isQuanto": False},
                **{"isInverse": True, "homeNotional24h": 10, "foreignNotional24h": 600000},
                "timestamp": "2026-06-30T12:00:15.000Z",
            },
        ],
        ("XBTUSD", "BTC", CLOCK, 10, 600_000),
    ),
    "coinex says both of linear contracts; inverse ones are left out": (
        *("coinex", "https://api.coinex.com/v2/futures/ticker", {}),
        {
            "code": 0,
            "data": [
                {"market": "BTCUSDT", "period": 86400, "volume": "10", "value": "600000"},
                {"market": "BTCUSD", "period": 86400, "volume": "600000", "value": "10"},
            ],
        },
        ("BTCUSDT", "BTC", RECEIVED, 10, 600_000),
    ),
    "deribit says dollars": (
        *("deribit", "https://www.deribit.com/api/v2/public/get_book_summary_by_currency", {}),
        {
            "result": [
                {
                    **{"instrument_name": "BTC-PERPETUAL", "volume": 10, "volume_usd": 600000},
                    "creation_timestamp": CLOCK_MS,
                }
            ]
        },
        ("BTC-PERPETUAL", "BTC", CLOCK, 10, 600_000),
    ),
    "dydx says dollars": (
        *("dydx", "https://indexer.dydx.trade/v4/perpetualMarkets", {}),
        {"markets": {"BTC-USD": {"ticker": "BTC-USD", "volume24H": "600000"}}},
        ("BTC-USD", "BTC", RECEIVED, None, 600_000),
    ),
    "kraken says quote": (
        *("kraken_futures", "https://futures.kraken.com/derivatives/api/v3/tickers", {}),
        {
            "serverTime": "2026-06-30T12:00:15.000Z",
            "tickers": [{"symbol": "PF_XBTUSD", "vol24h": 10, "volumeQuote": 600000}],
        },
        ("PF_XBTUSD", "BTC", CLOCK, 10, 600_000),
    ),
    "kraken's inverse contracts count dollars": (
        *("kraken_futures", "https://futures.kraken.com/derivatives/api/v3/tickers", {}),
        {
            "serverTime": "2026-06-30T12:00:15.000Z",
            "tickers": [{"symbol": "PI_ETHUSD", "vol24h": 600000, "volumeQuote": 600000}],
        },
        ("PI_ETHUSD", "ETH", CLOCK, None, 600_000),
    ),
    "lighter says dollars, of a market that its listing names": (
        *("lighter", "https://mainnet.zklighter.elliot.ai/api/v1/orderBookDetails", {}),
        {
            "code": 200,
            "order_book_details": [
                {
                    **{"market_id": 1, "symbol": "BTC", "status": "active"},
                    **{"daily_base_token_volume": 10, "daily_quote_token_volume": 600000},
                }
            ],
        },
        ("1", "BTC", RECEIVED, 10, 600_000),
    ),
    "hyperliquid says dollars": (
        *("hyperliquid", "https://api.hyperliquid.xyz/info", {"type": "metaAndAssetCtxs"}),
        [{"universe": [{"name": "kPEPE"}]}, [{"dayNtlVlm": "600000", "markPx": "0.01"}]],
        ("kPEPE", "PEPE", RECEIVED, None, 600_000),
    ),
}


def line(url: str, params: dict[str, Any], body: Any) -> str:
    request: dict[str, Any] = {"url": url, "params": params, "status": 200}
    if url.endswith("/info"):
        request |= {"params": {}, "json": params}
    return (
        json.dumps({"received_at": RECEIVED_AT, "request": request, "body": json.dumps(body)})
        + "\n"
    )


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder: Path = tmp_path_factory.mktemp("volumes")
    home = Home(folder / "home")
    by_venue: dict[str, str] = {}
    for venue, url, params, body, _ in CASES.values():
        by_venue[venue] = by_venue.get(venue, "") + line(url, params, body)
    batches = {
        venue: take_in_text(home, folder, venue, "rest", f"{venue}.ndjson", text)
        for venue, text in by_venue.items()
    }
    return built(home, batches, "fct_volumes")


@pytest.mark.parametrize("name", CASES)
def test_a_venues_volume_is_taken_in_its_unit(warehouse: Built, name: str) -> None:
    venue, _, _, _, (instrument, base_asset, observed_at, volume_base, volume_usd) = CASES[name]
    found = warehouse.rows(
        "select base_asset, observed_at, window_hours, volume_base, volume_usd"
        " from marts.fct_volumes where venue = ? and instrument = ?",
        venue,
        instrument,
    )
    assert found == [
        {
            **{"base_asset": base_asset, "observed_at": at(observed_at), "window_hours": 24},
            **{"volume_base": volume_base, "volume_usd": volume_usd},
        }
    ]


def test_nothing_else_is_a_volume(warehouse: Built) -> None:
    found = warehouse.rows("select venue, instrument from marts.fct_volumes")
    expected = {(venue, row[0]) for venue, _, _, _, row in CASES.values()}
    assert {(one["venue"], one["instrument"]) for one in found} == expected
