"""Lighter: the taker is the liquidated party; markets are numbers."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

RECORDED = "tardis-node's tests"
DOCS = "https://apidocs.lighter.xyz/docs/websocket-reference#trade"
API = "https://mainnet.zklighter.elliot.ai/api/v1"
AT = "2026-04-20 12:20:56.653"


def _trade(
    trade_id: int, is_maker_ask: bool, before: str, kind: str = "liquidation", seconds: int = 0
) -> dict:
    """The recorded trade of AT, or a similar one some seconds later."""
    return {
        **{"trade_id": trade_id, "type": kind, "market_id": 1, "size": "0.01664"},
        **{"price": "75602.8", "usd_amount": "1258.030592", "is_maker_ask": is_maker_ask},
        "timestamp": 1776687656653 + 1000 * seconds,
        "transaction_time": 1776687656681222 + 1_000_000 * seconds,
        **{"taker_position_size_before": before, "taker_position_sign_changed": True},
    }


def _frame(**lists: list) -> dict:
    return {"channel": "trade:1", "type": "update/trade", "nonce": 1, **lists}


CASES = VenueCases(
    venue="lighter",
    long=Message(
        "a taker that sold was a long; the list is apart from other trades",
        DOCS,
        _frame(
            liquidation_trades=[_trade(18237797924, False, "0.01664", seconds=2)],
            trades=[_trade(18237797925, True, "0", "trade")],
        ),
        (
            Liquidation(
                *("1", "BTC", "long", "0.01664", "75602.8", "1258.0306"),
                *("2026-04-20 12:20:58.653", "fill_avg"),
            ),
        ),
    ),
    short=Message(
        "the recorded taker that bought was a short of 1,258.03 USD",
        RECORDED,
        _frame(liquidation_trades=[_trade(18237797923, True, "-0.01664")]),
        (Liquidation("1", "BTC", "short", "0.01664", "75602.8", "1258.0306", AT, "fill_avg"),),
    ),
    non_events=(
        Message("connected", DOCS, {"type": "connected", "session_id": "s"}),
        Message(
            "trades without the list of liquidations",
            DOCS,
            _frame(trades=[_trade(18237797926, True, "0", "trade")]),
        ),
    ),
    row_at=("liquidation_trades", 0),
    required=("trade_id", "market_id", "size", "price", "is_maker_ask", "timestamp"),
    others=(
        Message(
            "an answer's deleveraging",
            DOCS,
            {
                "code": 200,
                "trades": [_trade(18237797927, False, "0.01664", "deleverage", seconds=4)],
            },
            (
                Liquidation(
                    *("1", "BTC", "long", "0.01664", "75602.8", "1258.0306"),
                    *("2026-04-20 12:21:00.653", "fill_avg", "deleveraging"),
                ),
            ),
            url=f"{API}/recentTrades",
        ),
    ),
    context=(
        Observation(
            "which asset a number is",
            "https://apidocs.lighter.xyz/reference/orderbookdetails",
            f"{API}/orderBookDetails",
            {
                "code": 200,
                "order_book_details": [
                    {
                        **{"symbol": "BTC", "market_id": 1, "status": "active"},
                        **{"open_interest": 350.5, "last_trade_price": 60000},
                    }
                ],
            },
            "dim_instruments",
            {"instrument": "1", "base_asset": "BTC", "contract_size": 1},
        ),
        Observation(
            "percent an hour, and shorts that pay",
            "recorded by nautilus_trader",
            f"{API}/fundings",
            {
                "code": 200,
                "resolution": "1h",
                "fundings": [
                    {
                        **{"timestamp": 1778706000, "value": "0.00452778", "rate": "0.0002"},
                        "direction": "short",
                    }
                ],
            },
            "fct_funding",
            {
                **{"instrument": "1", "funding_at": "2026-05-13 21:00:00"},
                **{"is_settled": True, "funding_rate": -0.000002, "interval_hours": 1},
            },
            {"market_id": "1"},
        ),
    ),
)
