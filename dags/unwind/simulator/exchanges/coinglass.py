"""CoinGlass: the sums of what the venues publish, by coin and exchange. Times are in ms."""

from __future__ import annotations

from unwind.simulator.exchanges import WireVenue
from unwind.simulator.market import HOUR_MS, LONG, SHORT, Instrument, Tape
from unwind.simulator.responses import Answer, Request, fixed, json_answer

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
PLAN_TOO_SMALL = {"code": "401", "msg": "Upgrade plan"}


def _pairs(tape: Tape) -> dict[str, list[Instrument]]:
    pairs: dict[str, list[Instrument]] = {}
    for one in tape.instruments:
        if one.venue in EXCHANGES:
            pairs.setdefault(EXCHANGES[one.venue], []).append(one)
    return pairs


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The pairs, or an asset's sums over some exchanges at an instant."""
    if request.headers.get("cg-api-key") != KEY:
        return json_answer({"code": "400", "msg": "Invalid API key provided"})
    pairs = _pairs(tape)
    match request.path.removeprefix("/api/futures/"):
        case "supported-exchange-pairs":
            listed = {
                exchange: [
                    {
                        "instrument_id": one.symbol,
                        "base_asset": one.asset,
                        "quote_asset": one.quote_asset,
                    }
                    for one in instruments
                ]
                for exchange, instruments in pairs.items()
            }
            return json_answer({"code": "0", "msg": "success", "data": listed})
        case "liquidation/aggregated-history":
            asset = request.params.get("symbol")
            summed = [
                one
                for exchange in request.params.get("exchange_list", "").split(",")
                for one in pairs.get(exchange, [])
                if one.asset == asset
            ]
            width_ms = BAR_HOURS.get(request.params.get("interval", ""), 0) * HOUR_MS
            if not summed or not width_ms:
                return json_answer({"code": "400", "msg": "Invalid parameter"})
            from_ms = -(-(request.integer("start_time") or 0) // width_ms) * width_ms
            to_ms = min((request.integer("end_time") or 0) + 1, now_ms)
            bars = tape.liquidated_usd(summed, from_ms, to_ms, width_ms)
            rows = [
                {
                    "time": from_ms + place * width_ms,
                    "aggregated_long_liquidation_usd": fixed(bar[LONG], 4),
                    "aggregated_short_liquidation_usd": fixed(bar[SHORT], 4),
                }
                for place, bar in enumerate(bars)
            ]
            rows = rows[: request.integer("limit", 1000) or 1000]
            return json_answer({"code": "0", "msg": "success", "data": rows})
    return json_answer({"code": "404", "msg": "Endpoint not found"}, 404)


VENUE = WireVenue(
    "coinglass",
    answers={"coinglass": answer},
    faults={
        ("coinglass", "throttled"): json_answer({"code": "429", "msg": "Too Many Requests"}),
        ("coinglass", "error_code"): json_answer(PLAN_TOO_SMALL),
    },
    key=KEY,
)
