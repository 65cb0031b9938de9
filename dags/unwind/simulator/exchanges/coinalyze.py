"""Coinalyze: the sums of what the venues publish, by market and hour. Times are in seconds."""

from __future__ import annotations

from typing import Any

from unwind.simulator.exchanges import WireVenue
from unwind.simulator.market import HOUR_MS, LONG, SHORT, Instrument, Tape
from unwind.simulator.responses import NO_SUCH_PATH, Answer, Request, json_answer

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
MOST_SYMBOLS = 20


def _markets(tape: Tape) -> dict[str, Instrument]:
    markets: dict[str, Instrument] = {}
    for one in tape.instruments:
        if one.venue in EXCHANGES:
            pair, code = f"{one.asset}{one.quote_asset}", EXCHANGES[one.venue][1]
            # An exchange may have several contracts of one pair: linear, inverse, dated.
            names = (f"{pair}_{kind}.{code}" for kind in ("PERP", "PERPI", "FUT", "FUTI"))
            markets[next(name for name in names if name not in markets)] = one
    return markets


def _history(tape: Tape, instrument: Instrument, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
    """The hours with a liquidation, in USD of longs and shorts."""
    sums = tape.liquidated_usd([instrument], from_ms, to_ms, HOUR_MS)
    return [
        {
            "t": (from_ms + place * HOUR_MS) // 1000,
            "l": round(float(hour[LONG]), 4),
            "s": round(float(hour[SHORT]), 4),
        }
        for place, hour in enumerate(sums)
        if hour.any()
    ]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The exchanges, the markets, or the hourly sums of some markets at an instant."""
    if request.headers.get("api_key") != KEY:
        return json_answer({"message": "Invalid/Missing API key"}, 401)
    markets = _markets(tape)
    match request.path:
        case "/v1/exchanges":
            named = EXCHANGES.values()
            return json_answer([{"name": name, "code": code} for name, code in named])
        case "/v1/future-markets":
            return json_answer(
                [
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
                    for symbol, one in markets.items()
                ]
            )
        case "/v1/liquidation-history":
            symbols = request.params.get("symbols", "").split(",")
            if len(symbols) > MOST_SYMBOLS or request.params.get("interval") != "1hour":
                return json_answer({"message": "Invalid parameters"}, 400)
            from_ms = -(-(request.integer("from") or 0) * 1000 // HOUR_MS) * HOUR_MS
            to_ms = min((request.integer("to") or 0) * 1000 + 1, now_ms)
            histories = (
                {"symbol": symbol, "history": _history(tape, markets[symbol], from_ms, to_ms)}
                for symbol in symbols
                if symbol in markets
            )
            return json_answer([one for one in histories if one["history"]])
    return NO_SUCH_PATH


VENUE = WireVenue(
    "coinalyze",
    answers={"coinalyze": answer},
    faults={("coinalyze", "throttled"): json_answer({"message": "Too Many Requests"}, 429)},
    key=KEY,
)
