"""Aster: `S` names the liquidation order, as at Binance."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://github.com/asterdex/api-docs"
AT, PUSHED_AT = "2019-09-09 07:34:20.893", "2019-09-09 07:34:21.204"


def _frame(symbol: str, side: str, quantity: str, price: str, average: str) -> dict:
    order = {"s": symbol, "S": side, "o": "LIMIT", "f": "IOC", "q": quantity, "p": price}
    order |= {"ap": average, "X": "FILLED", "l": quantity, "z": quantity, "T": 1568014460893}
    # The documented frame repeats one time; here it is pushed 0.311 s after the trade.
    return {"e": "forceOrder", "E": 1568014461204, "o": order}


CASES = VenueCases(
    venue="aster",
    long=Message(
        "the documented SELL is a long",
        DOCS,
        _frame("BTCUSDT", "SELL", "0.014", "9910", "9910"),
        (
            Liquidation(
                *("BTCUSDT", "BTC", "long", "0.014", "9910", "138.74"),
                *(AT, "fill_avg"),
                published_at=PUSHED_AT,
            ),
        ),
    ),
    short=Message(
        "BUY is a short, wrapped by a combined stream",
        DOCS,
        {
            "stream": "!forceOrder@arr",
            "data": _frame("ETHUSDT", "BUY", "2", "190", "200"),
        },
        (
            Liquidation(
                *("ETHUSDT", "ETH", "short", "2", "200", "400"),
                *(AT, "fill_avg"),
                published_at=PUSHED_AT,
            ),
        ),
    ),
    non_events=(
        Message("acknowledgement", DOCS, {"result": None, "id": 1}),
        Message("another event", DOCS, {"e": "markPriceUpdate", "s": "BTCUSDT", "p": "9900"}),
    ),
    row_at=("o",),
    required=("s", "S", "z", "T"),
    context=(
        Observation(
            "open interest in coins",
            DOCS,
            "https://fapi.asterdex.com/fapi/v1/openInterest",
            {"openInterest": "10659.509", "symbol": "BTCUSDT", "time": 1782820800000},
            "fct_open_interest",
            {
                **{"instrument": "BTCUSDT", "observed_at": "2026-06-30 12:00:00"},
                "oi_base": 10659.509,
            },
        ),
    ),
)
