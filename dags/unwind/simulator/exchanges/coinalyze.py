"""Coinalyze: the sums of what the venues publish, by market and hour. Times are in seconds."""

from __future__ import annotations

from typing import Any

from unwind.simulator import kit
from unwind.simulator.market.positions import LONG, SHORT
from unwind.simulator.market.steady import HOUR_MS
from unwind.simulator.responses import json_response

KEY = "simulated-coinalyze"
# Name and code of each exchange that it follows; the code ends the names of its markets.
EXCHANGES = {
    "binance": ("Binance", "A"),
    "bybit": ("Bybit", "6"),
    "okx": ("OKX", "3"),
    "hyperliquid": ("Hyperliquid", "H"),
    "gate": ("Gate.io", "Y"),
    "htx": ("Huobi", "4"),
    "deribit": ("Deribit", "2"),
    "bitmex": ("BitMEX", "0"),
    "bitfinex": ("Bitfinex", "F"),
    "kraken_futures": ("Kraken", "K"),
    "dydx": ("dYdX", "8"),
}
MAX_SYMBOLS = 20


def markets_of(tape: kit.Tape) -> dict[str, kit.Instrument]:
    markets: dict[str, kit.Instrument] = {}
    for one in tape.instruments:
        if one.venue in EXCHANGES:
            pair, code = f"{one.asset}{one.quote_asset}", EXCHANGES[one.venue][1]
            # An exchange may have several contracts of one pair: linear, inverse, dated.
            names = (f"{pair}_{kind}.{code}" for kind in ("PERP", "PERPI", "FUT", "FUTI"))
            markets[next(name for name in names if name not in markets)] = one
    return markets


def exchanges(call: kit.Call) -> list[dict[str, str]]:
    return [{"name": name, "code": code} for name, code in EXCHANGES.values()]


def markets(call: kit.Call) -> list[dict[str, Any]]:
    return [
        {
            "symbol": symbol,
            "exchange": EXCHANGES[one.venue][1],
            "symbol_on_exchange": one.symbol,
            "base_asset": one.asset,
            "quote_asset": one.quote_asset,
            "expire_at": None,
            "has_buy_sell_data": True,
            "is_perpetual": True,
            "margined": "COIN" if one.inverse else "STABLE",
            "oi_lq_vol_denominated_in": "QUOTE_ASSET" if one.inverse else "BASE_ASSET",
            "has_long_short_ratio_data": False,
            "has_ohlcv_data": True,
        }
        for symbol, one in markets_of(call.tape).items()
    ]


def history(call: kit.Call) -> list[dict[str, Any]]:
    """Of each market the hours with a liquidation, in USD of longs and shorts."""
    symbols = call.text("symbols").split(",")
    if len(symbols) > MAX_SYMBOLS or call.text("interval") != "1hour":
        raise kit.RefusedError(json_response({"message": "Invalid parameters"}, 400))
    from_ms = -(-call.integer("from") * 1000 // HOUR_MS) * HOUR_MS
    to_ms = min(call.integer("to") * 1000 + 1, call.now_ms)
    listed = markets_of(call.tape)
    rows = []
    for symbol in symbols:
        if symbol not in listed:
            continue
        sums = call.tape.liquidated_usd([listed[symbol]], from_ms, to_ms, HOUR_MS)
        hours = [
            {
                "t": (from_ms + place * HOUR_MS) // 1000,
                "l": round(float(hour[LONG]), 4),
                "s": round(float(hour[SHORT]), 4),
            }
            for place, hour in enumerate(sums)
            if hour.any()
        ]
        if hours:
            rows.append({"symbol": symbol, "history": hours})
    return rows


API = kit.Api(
    {
        "/v1/exchanges": exchanges,
        "/v1/future-markets": markets,
        "/v1/liquidation-history": history,
    },
    key=("api_key", KEY, json_response({"message": "Invalid/Missing API key"}, 401)),
)
EXCHANGE = kit.Exchange(
    "coinalyze",
    {"coinalyze": API},
    faults={"coinalyze": {"throttled": json_response({"message": "Too Many Requests"}, 429)}},
    key=KEY,
)
