"""dYdX v4: the trade names the liquidated account's own fill."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://docs.dydx.xyz/indexer-client/websockets"
API = "https://indexer.dydx.trade/v4"
AT = "2026-01-01 00:00:00"


def _trade(trade_id: str, side: str, kind: str, size: str = "0.01", price: str = "60000") -> dict:
    return {
        **{"id": trade_id, "side": side, "size": size, "price": price, "type": kind},
        **{"createdAt": "2026-01-01T00:00:00.000Z", "createdAtHeight": "123"},
    }


def _frame(kind: str, *trades: dict) -> dict:
    return {
        **{"type": kind, "connection_id": "c", "message_id": 3, "id": "BTC-USD"},
        **{"channel": "v4_trades", "version": "2.1.0", "contents": {"trades": list(trades)}},
    }


CASES = VenueCases(
    venue="dydx",
    long=Message(
        "SELL closed a long",
        DOCS,
        _frame("channel_data", _trade("03f1", "SELL", "LIQUIDATED")),
        (Liquidation("BTC-USD", "BTC", "long", "0.01", "60000", "600", AT, "fill_avg"),),
    ),
    short=Message(
        "BUY closed a short, in the snapshot on subscribing",
        DOCS,
        _frame("subscribed", _trade("03f0", "SELL", "LIMIT"), _trade("03f2", "BUY", "LIQUIDATED")),
        (Liquidation("BTC-USD", "BTC", "short", "0.01", "60000", "600", AT, "fill_avg"),),
    ),
    non_events=(
        Message("connected", DOCS, {"type": "connected", "connection_id": "c", "message_id": 0}),
        Message(
            "trades like any others", DOCS, _frame("channel_data", _trade("1", "BUY", "LIMIT"))
        ),
        Message("no trades yet", DOCS, _frame("subscribed")),
    ),
    row_at=("contents", "trades", 0),
    required=("id", "side", "size", "price", "createdAt"),
    others=(
        Message(
            "an under-water account closed against others counts as deleveraging",
            DOCS,
            {"trades": [_trade("03f3", "SELL", "DELEVERAGED", "2", "3000")]},
            (
                Liquidation(
                    *("ETH-USD", "ETH", "long", "2", "3000", "6000", AT, "bankruptcy"),
                    "deleveraging",
                ),
            ),
            url=f"{API}/trades/perpetualMarket/ETH-USD",
        ),
        Message(
            "batched messages",
            DOCS,
            {
                **{"type": "channel_batch_data", "id": "SOL-USD", "channel": "v4_trades"},
                "contents": [
                    {"trades": [_trade("03f4", "BUY", "LIQUIDATED", "10", "150")]},
                    {"trades": [_trade("03f5", "BUY", "LIMIT", "10", "150")]},
                ],
            },
            (Liquidation("SOL-USD", "SOL", "short", "10", "150", "1500", AT, "fill_avg"),),
        ),
    ),
    context=(
        Observation(
            "markets by ticker, open interest in coins",
            "https://docs.dydx.xyz/indexer-client/http#list-perpetual-markets",
            f"{API}/perpetualMarkets",
            {
                "markets": {
                    "BTC-USD": {
                        **{"ticker": "BTC-USD", "status": "ACTIVE", "oraclePrice": "60000"},
                        **{"openInterest": "350.5", "nextFundingRate": "0.00001"},
                    }
                }
            },
            "fct_open_interest",
            {"instrument": "BTC-USD", "oi_base": 350.5, "oi_usd": 21030000},
        ),
        Observation(
            "hourly funding, its instant floored to the minute",
            "recorded by nautilus_trader",
            f"{API}/historicalFunding/BTC-USD",
            {
                "historicalFunding": [
                    {
                        **{"ticker": "BTC-USD", "rate": "0.000002375", "price": "89993.8"},
                        **{"effectiveAt": "2025-12-08T16:00:00.219Z"},
                    }
                ]
            },
            "fct_funding",
            {
                **{"instrument": "BTC-USD", "funding_at": "2025-12-08 16:00:00"},
                **{"is_settled": True, "funding_rate": 0.000002375, "interval_hours": 1},
            },
        ),
    ),
)
