"""Deribit: `direction` is the taker's; the mark says who was liquidated, taker, maker or both."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://docs.deribit.com/#trades-instrument_name-interval"
API = "https://www.deribit.com/api/v2/public"
RECORDED = "tardis-node's tests"


def _trade(instrument: str, direction: str, amount: float, price: float, **more: object) -> dict:
    return {
        **{"trade_seq": 40781986, "trade_id": "66460463", "timestamp": 1584058044032},
        **{"tick_direction": 3, "price": price, "instrument_name": instrument},
        **{"index_price": 4805.41, "direction": direction, "amount": amount, **more},
    }


def _frame(*trades: dict) -> dict:
    return {
        "jsonrpc": "2.0",
        "method": "subscription",
        "params": {"channel": "trades.BTC-PERPETUAL.raw", "data": list(trades)},
    }


AT = "2020-03-13 00:07:24.032"
PERPETUAL = ("BTC-PERPETUAL", "BTC")
CASES = VenueCases(
    venue="deribit",
    long=Message(
        "the recorded taker that sold was a long of 1,120 USD",
        RECORDED,
        _frame(_trade("BTC-PERPETUAL", "sell", 1120, 4469.5, liquidation="T")),
        (Liquidation(*PERPETUAL, "long", "0.250587314017", "4469.5", "1120", AT, "fill_avg"),),
    ),
    short=Message(
        "a taker that bought was a short; linear amounts are coins",
        DOCS,
        _frame(_trade("SOL_USDC-PERPETUAL", "buy", 10, 150, liquidation="T", trade_id="7")),
        (Liquidation("SOL_USDC-PERPETUAL", "SOL", "short", "10", "150", "1500", AT, "fill_avg"),),
    ),
    non_events=(
        Message("a trade like any other", DOCS, _frame(_trade("BTC-PERPETUAL", "buy", 10, 4400))),
        Message(
            "heartbeat", DOCS, {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test"}}
        ),
        Message("acknowledgement", DOCS, {"jsonrpc": "2.0", "id": 2, "result": ["trades.x"]}),
        Message(
            "an answer without trades",
            DOCS,
            {"jsonrpc": "2.0", "result": {"trades": [], "has_more": False}},
            url=f"{API}/get_last_trades_by_currency_and_time",
        ),
    ),
    row_at=("params", "data", 0),
    required=("instrument_name", "direction", "amount", "price", "timestamp", "trade_id"),
    others=(
        Message(
            "M: the maker was liquidated, against a taker that bought: a long",
            RECORDED,
            _frame(
                _trade(
                    *("BTC-PERPETUAL", "buy", 2500, 4458.5),
                    **{"liquidation": "M", "trade_id": "66460626", "timestamp": 1584058067675},
                )
            ),
            (
                Liquidation(
                    *(*PERPETUAL, "long", "0.560726701806", "4458.5", "2500"),
                    *("2020-03-13 00:07:47.675", "fill_avg"),
                ),
            ),
        ),
        Message(
            "MT: both were liquidated, two rows",
            DOCS,
            {
                "jsonrpc": "2.0",
                "result": {
                    "trades": [
                        _trade("ETH-27MAR26", "sell", 200, 100, liquidation="MT", trade_id="ETH-9")
                    ],
                    "has_more": False,
                },
            },
            (
                Liquidation("ETH-27MAR26", "ETH", "long", "2", "100", "200", AT, "fill_avg"),
                Liquidation("ETH-27MAR26", "ETH", "short", "2", "100", "200", AT, "fill_avg"),
            ),
            url=f"{API}/get_last_trades_by_currency_and_time",
        ),
    ),
    context=(
        Observation(
            "inverse open interest is dollars",
            "https://docs.deribit.com/#public-get_book_summary_by_currency",
            f"{API}/get_book_summary_by_currency",
            {
                "jsonrpc": "2.0",
                "result": [
                    {
                        **{"instrument_name": "BTC-PERPETUAL", "quote_currency": "USD"},
                        **{"open_interest": 636000000, "mark_price": 60000.5, "funding_8h": 0.0002},
                        **{"estimated_delivery_price": 60001, "creation_timestamp": 1782820800000},
                    }
                ],
            },
            "fct_open_interest",
            {
                **{"instrument": "BTC-PERPETUAL", "observed_at": "2026-06-30 12:00:00"},
                **{"oi_usd": 636000000, "oi_contracts": None},
            },
        ),
        Observation(
            "the hour's interest",
            "https://docs.deribit.com/#public-get_funding_rate_history",
            f"{API}/get_funding_rate_history",
            {
                "jsonrpc": "2.0",
                "result": [
                    {"timestamp": 1782820800000, "interest_1h": 0.00001, "interest_8h": 0.00008}
                ],
            },
            "fct_funding",
            {"is_settled": True, "funding_rate": 0.00001, "interval_hours": 1},
            {"instrument_name": "BTC-PERPETUAL"},
        ),
        Observation(
            "a linear instrument",
            "https://docs.deribit.com/#public-get_instruments",
            f"{API}/get_instruments",
            {
                "jsonrpc": "2.0",
                "result": [
                    {
                        **{"instrument_name": "SOL_USDC-PERPETUAL", "kind": "future"},
                        **{"instrument_type": "linear", "base_currency": "SOL"},
                        **{"quote_currency": "USDC", "contract_size": 0.1, "is_active": True},
                        "creation_timestamp": 1647425100000,
                    }
                ],
            },
            "dim_instruments",
            {"instrument": "SOL_USDC-PERPETUAL", "contract_type": "linear", "contract_size": 0.1},
        ),
    ),
)
