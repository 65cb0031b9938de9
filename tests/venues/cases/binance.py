"""Binance: `S` names the liquidation order; `st` names the market in the merged stream."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = (
    "https://developers.binance.com/docs/derivatives/usds-margined-futures/"
    "websocket-market-streams/All-Market-Liquidation-Order-Streams"
)
RECORDED = "tardis-node's tests"


def _frame(symbol: str, side: str, quantity: str, price: str, average: str, **more: object) -> dict:
    order = {"s": symbol, "S": side, "o": "LIMIT", "f": "IOC", "q": quantity, "p": price}
    order |= {"ap": average, "X": "FILLED", "l": quantity, "z": quantity, "T": 1568014460893}
    return {"e": "forceOrder", "E": 1568014460893, "o": order, **more}


AT = "2019-09-09 07:34:20.893"
CASES = VenueCases(
    venue="binance",
    long=Message(
        "the documented SELL is a long",
        DOCS,
        _frame("BTCUSDT", "SELL", "0.014", "9910", "9900", st=1),
        (
            Liquidation(
                *("BTCUSDT", "BTC", "long", "0.014", "9900", "138.6"),
                *(AT, "fill_avg"),
                published_at=AT,
            ),
        ),
    ),
    short=Message(
        "BUY is a short; a thousand PEPE are a thousand",
        DOCS,
        _frame("1000PEPEUSDT", "BUY", "500", "0.011", "0.01", st=1),
        (
            Liquidation(
                *("1000PEPEUSDT", "PEPE", "short", "500000", "0.00001", "5"),
                *(AT, "fill_avg"),
                published_at=AT,
            ),
        ),
    ),
    non_events=(
        Message("acknowledgement", DOCS, {"result": None, "id": 1}),
        Message("another event", DOCS, {"e": "aggTrade", "E": 1568014460893, "s": "BTCUSDT"}),
        Message("an empty list", DOCS, []),
    ),
    row_at=("o",),
    required=("s", "S", "z", "T"),
    others=(
        Message(
            "100 contracts of BTC on COIN-M are 10,000 USD, wrapped by a combined stream",
            DOCS,
            {
                "stream": "!forceOrder@arr",
                "data": _frame("BTCUSD_PERP", "SELL", "100", "9910", "10000", ps="BTCUSD", st=2),
            },
            (
                Liquidation(
                    *("BTCUSD_PERP", "BTC", "long", "1", "10000", "10000"),
                    *(AT, "fill_avg"),
                    published_at=AT,
                ),
            ),
        ),
        Message(
            "without an average price the order's price counts",
            DOCS,
            _frame("ETHUSD_PERP", "BUY", "3", "200", "0", st=2),
            (
                Liquidation(
                    *("ETHUSD_PERP", "ETH", "short", "0.15", "200", "30"),
                    *(AT, "limit_order"),
                    published_at=AT,
                ),
            ),
        ),
        Message(
            "since 2026-04-14 the largest order of a second is pushed at its end",
            "a public client's recording of the stream",
            {
                **{"e": "forceOrder", "E": 1781416603268},
                "o": {
                    **{"s": "BTCUSDT", "S": "BUY", "o": "LIMIT", "f": "IOC", "q": "0.002"},
                    **{"p": "64562.50", "ap": "64310.60", "X": "FILLED", "l": "0.002"},
                    **{"z": "0.002", "T": 1781416602260},
                },
            },
            (
                Liquidation(
                    *("BTCUSDT", "BTC", "short", "0.002", "64310.6", "128.6212"),
                    *("2026-06-14 05:56:42.260", "fill_avg"),
                    published_at="2026-06-14 05:56:43.268",
                ),
            ),
        ),
        Message(
            "the recorded order was pushed 5 ms after it traded",
            RECORDED,
            {
                "stream": "btcusdt@forceOrder",
                "data": {
                    **{"e": "forceOrder", "E": 1584059031426},
                    "o": {
                        **{"s": "BTCUSDT", "S": "BUY", "o": "LIMIT", "f": "IOC", "q": "0.014"},
                        **{"p": "4793.91", "ap": "4706.04", "X": "FILLED", "l": "0.015"},
                        **{"z": "0.014", "T": 1584059031421},
                    },
                },
            },
            (
                Liquidation(
                    *("BTCUSDT", "BTC", "short", "0.014", "4706.04", "65.8846"),
                    *("2020-03-13 00:23:51.421", "fill_avg"),
                    published_at="2020-03-13 00:23:51.426",
                ),
            ),
        ),
    ),
    context=(
        Observation(
            "COIN-M contracts state their size",
            "https://developers.binance.com/docs/derivatives/coin-margined-futures",
            "https://dapi.binance.com/dapi/v1/exchangeInfo",
            {
                "symbols": [
                    {
                        "symbol": "BTCUSD_PERP",
                        "baseAsset": "BTC",
                        "quoteAsset": "USD",
                        "contractSize": 100,
                        "contractStatus": "TRADING",
                        "onboardDate": 1597042800000,
                    }
                ]
            },
            "dim_instruments",
            {"instrument": "BTCUSD_PERP", "contract_type": "inverse", "contract_size": 100},
        ),
    ),
)
