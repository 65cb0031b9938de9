"""CoinGlass: the sums of what the venues publish, by coin and exchange. Times are in ms."""

from __future__ import annotations

from typing import Any

from unwind.simulator import kit
from unwind.simulator.decimals import fixed
from unwind.simulator.market.positions import LONG, SHORT
from unwind.simulator.market.steady import HOUR_MS
from unwind.simulator.responses import json_response

KEY = "simulated-coinglass"
EXCHANGES = {
    "binance": "Binance",
    "bybit": "Bybit",
    "okx": "OKX",
    "hyperliquid": "Hyperliquid",
    "gate": "Gate",
    "bitget": "Bitget",
    "htx": "HTX",
    "deribit": "Deribit",
    "bitmex": "Bitmex",
    "bitfinex": "Bitfinex",
    "kraken_futures": "Kraken",
    "coinex": "CoinEx",
    "dydx": "dYdX",
    "lighter": "Lighter",
    "aster": "Aster",
}
BAR_HOURS = {"1h": 1, "4h": 4, "1d": 24}
LIMIT = kit.Limit(1000)


def problem(code: str, text: str, status: int = 200) -> kit.Response:
    return json_response({"code": code, "msg": text}, status)


def pairs_of(tape: kit.Tape) -> dict[str, list[kit.Instrument]]:
    pairs: dict[str, list[kit.Instrument]] = {}
    for one in tape.instruments:
        if one.venue in EXCHANGES:
            pairs.setdefault(EXCHANGES[one.venue], []).append(one)
    return pairs


def pairs(call: kit.Call) -> dict[str, Any]:
    return {
        exchange: [
            {
                "instrument_id": one.symbol,
                "base_asset": one.asset,
                "quote_asset": one.quote_asset,
            }
            for one in listed
        ]
        for exchange, listed in pairs_of(call.tape).items()
    }


def history(call: kit.Call) -> list[dict[str, Any]]:
    """An asset's sums over some exchanges, bar by bar."""
    listed = pairs_of(call.tape)
    summed = [
        one
        for exchange in call.text("exchange_list").split(",")
        for one in listed.get(exchange, [])
        if one.asset == call.text("symbol")
    ]
    width_ms = BAR_HOURS.get(call.text("interval"), 0) * HOUR_MS
    if not summed or not width_ms:
        raise kit.RefusedError(problem("400", "Invalid parameter"))
    from_ms = -(-call.integer("start_time") // width_ms) * width_ms
    to_ms = min(call.integer("end_time") + 1, call.now_ms)
    bars = call.tape.liquidated_usd(summed, from_ms, to_ms, width_ms)
    return [
        {
            "time": from_ms + place * width_ms,
            "aggregated_long_liquidation_usd": fixed(bar[LONG], 4),
            "aggregated_short_liquidation_usd": fixed(bar[SHORT], 4),
        }
        for place, bar in enumerate(bars[: LIMIT.of(call)])
    ]


API = kit.Api(
    {
        "/api/futures/supported-exchange-pairs": pairs,
        "/api/futures/liquidation/aggregated-history": history,
    },
    lambda call, data: {"code": "0", "msg": "success", "data": data},
    unknown=problem("404", "Endpoint not found", 404),
    key=("cg-api-key", KEY, problem("400", "Invalid API key provided")),
)
EXCHANGE = kit.Exchange(
    "coinglass",
    {"coinglass": API},
    faults={
        "coinglass": {
            "throttled": problem("429", "Too Many Requests"),
            "error_code": problem("401", "Upgrade plan"),
        }
    },
    key=KEY,
)
