"""Bybit: `S` names the position."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://bybit-exchange.github.io/docs/v5/websocket/public/all-liquidation"
API = "https://api.bybit.com/v5/market"


def _frame(symbol: str, side: str, quantity: str, price: str, at_ms: int) -> dict:
    row = {"T": at_ms, "s": symbol, "S": side, "v": quantity, "p": price}
    return {
        "topic": f"allLiquidation.{symbol}",
        "type": "snapshot",
        "ts": at_ms + 275,
        "data": [row],
    }


CASES = VenueCases(
    venue="bybit",
    long=Message(
        "Buy is a long",
        DOCS,
        _frame("BTCUSDT", "Buy", "0.5", "60000", 1739502302929),
        (
            Liquidation(
                "BTCUSDT",
                "BTC",
                "long",
                "0.5",
                "60000",
                "30000",
                "2025-02-14 03:05:02.929",
                "bankruptcy",
                published_at="2025-02-14 03:05:03.204",
            ),
        ),
    ),
    short=Message(
        "the documented Sell is a short of 899.80 USD",
        DOCS,
        _frame("ROSEUSDT", "Sell", "20000", "0.04499", 1739502302929),
        (
            Liquidation(
                "ROSEUSDT",
                "ROSE",
                "short",
                "20000",
                "0.04499",
                "899.8",
                "2025-02-14 03:05:02.929",
                "bankruptcy",
                published_at="2025-02-14 03:05:03.204",
            ),
        ),
    ),
    non_events=(
        Message("acknowledgement", DOCS, {"success": True, "ret_msg": "", "op": "subscribe"}),
        Message("pong", DOCS, {"success": True, "ret_msg": "pong", "op": "ping"}),
        Message("another topic", DOCS, {"topic": "tickers.BTCUSDT", "data": {"symbol": "BTCUSDT"}}),
    ),
    row_at=("data", 0),
    required=("T", "s", "S", "v", "p"),
    others=(
        Message(
            "an inverse contract is worth its dollars",
            DOCS,
            _frame("BTCUSD", "Buy", "1000", "50000", 1739502303000),
            (
                Liquidation(
                    "BTCUSD",
                    "BTC",
                    "long",
                    "0.02",
                    "50000",
                    "1000",
                    "2025-02-14 03:05:03",
                    "bankruptcy",
                    published_at="2025-02-14 03:05:03.275",
                ),
            ),
        ),
    ),
    context=(
        Observation(
            "open interest of one side",
            "https://bybit-exchange.github.io/docs/v5/market/open-interest",
            f"{API}/open-interest",
            {
                "retCode": 0,
                "result": {
                    "category": "inverse",
                    "symbol": "BTCUSD",
                    "list": [
                        {
                            "openInterest": "63910691.00000000",
                            "singleOpenInterest": "31955346",
                            "timestamp": "1780963200000",
                        }
                    ],
                },
            },
            "fct_open_interest",
            {"instrument": "BTCUSD", "observed_at": "2026-06-09 00:00:00", "oi_usd": 31955346},
            params={"category": "inverse", "symbol": "BTCUSD"},
        ),
    ),
)
