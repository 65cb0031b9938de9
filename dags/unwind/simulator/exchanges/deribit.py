"""Deribit: public trades with the mark of a liquidation, and its summaries of contracts.

`direction` is the taker's; T marks a liquidated taker, M a liquidated maker.
"""

from __future__ import annotations

from typing import Any

from unwind.simulator.exchanges import Beat, Subscriber, Trading, WireStream, WireVenue, pushes
from unwind.simulator.listings import contract
from unwind.simulator.market import (
    HOUR_MS,
    LONG,
    MINUTE_MS,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
    steady,
)
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    json_answer,
    json_object,
    json_text,
)

INVERSE = ("BTC", "ETH")
LINEAR = ("SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC")
LIQUIDATED_MAKERS = 0.1
THROTTLED = {
    "jsonrpc": "2.0",
    "error": {"code": 10028, "message": "too_many_requests", "data": {"wait": 1}},
}
TEST_REQUEST = json_text(
    {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}
)


def contracts(asset: Asset) -> list[Instrument]:
    """Inverse perpetuals of BTC and ETH, linear ones in USDC of some others."""
    name = asset.symbol
    if name in INVERSE:
        return [
            contract(
                "deribit",
                name,
                asset,
                f"{name}-PERPETUAL",
                quote_asset="USD",
                inverse=True,
                quantity_decimals=0,
            )
        ]
    if name in LINEAR:
        symbol = f"{name}_USDC-PERPETUAL"
        return [contract("deribit", "USDC", asset, symbol, quote_asset="USDC")]
    return []


def trade(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """The trade that a liquidation was."""
    instrument = tape.instruments[one.instrument]
    maker = steady("maker", one.row) < LIQUIDATED_MAKERS
    sells = (one.side == LONG) != maker
    return {
        **_common(instrument, one.at_ms, f"{one.row + 400_000_000}", sells),
        "price": one.fill_ticks / 10**instrument.price_decimals,
        "amount": one.quantity_steps / 10**instrument.quantity_decimals,
        "liquidation": "M" if maker else "T",
    }


def _common(instrument: Instrument, at_ms: int, trade_id: str, sells: bool) -> dict[str, Any]:
    return {
        "trade_seq": at_ms % 10**9,
        "trade_id": f"ETH-{trade_id}" if instrument.asset == "ETH" else trade_id,
        "timestamp": at_ms,
        "tick_direction": 3,
        "instrument_name": instrument.symbol,
        "direction": "sell" if sells else "buy",
    }


def _usual_trade(tape: Tape, instrument: Instrument, at_ms: int) -> dict[str, Any]:
    """A trade like any other, once a minute and contract."""
    price = tape.mark_price(instrument, tape.minute_of(at_ms))
    return {
        **_common(instrument, at_ms, f"{at_ms // MINUTE_MS}{instrument.symbol[:3]}", False),
        "price": round(price, instrument.price_decimals),
        "amount": 10,
    }


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """Trades by contract and tenth of a second: the liquidations, after one of the others."""
    return [
        (
            pushed_ms,
            json_text(
                {
                    "jsonrpc": "2.0",
                    "method": "subscription",
                    "params": {
                        "channel": f"trades.future.{instrument.market}.100ms",
                        "data": [
                            _usual_trade(tape, instrument, pushed_ms - 500),
                            *(trade(tape, one) for one in rows),
                        ],
                    },
                }
            ),
        )
        for pushed_ms, instrument, rows in pushes(tape, "deribit", from_ms, to_ms, symbols)
    ]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    said = json_object(text)
    method, params = said.get("method", ""), said.get("params", {})
    subscriber.unanswered = 0
    result: Any = "ok"
    if method == "public/set_heartbeat":
        subscriber.beat = Beat(float(params["interval"]), lambda _: TEST_REQUEST, unanswered=2)
    elif method == "public/subscribe":
        result = params.get("channels", [])
        for channel in result:
            currency = channel.split(".")[2]
            subscriber.symbols |= {i.symbol for i in tape.instruments_of("deribit", currency)}
    elif method != "public/test":
        error = {"code": -32601, "message": "Method not found"}
        return [json_text({"jsonrpc": "2.0", "id": said.get("id"), "error": error})]
    return [json_text({"jsonrpc": "2.0", "id": said.get("id"), "result": result})]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of /api/v2/public/* at an instant."""
    listed = tape.instruments_of("deribit", request.params.get("currency"))
    match request.path.removeprefix("/api/v2/public/"):
        case "get_book_summary_by_currency":
            return _result([_summary(tape, now_ms, one) for one in listed])
        case "get_instruments":
            return _result([_instrument(one) for one in listed])
        case "get_last_trades_by_currency_and_time":
            return _result(_trades(tape, now_ms, request, listed))
        case "get_funding_rate_history":
            number = tape.instrument_number["deribit", request.params["instrument_name"]]
            return _result(_interest(tape, now_ms, request, tape.instruments[number]))
    return NO_SUCH_PATH


def _result(result: Any) -> Answer:
    return json_answer({"jsonrpc": "2.0", "result": result, "usDiff": 100, "testnet": False})


def _summary(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    return {
        "instrument_name": instrument.symbol,
        "base_currency": instrument.asset,
        "quote_currency": instrument.quote_asset,
        "open_interest": round(tape.oi_contracts(instrument, minute), 3),
        "mark_price": round(tape.mark_price(instrument, minute), decimals),
        "volume": round(
            tape.traded_usd_24h(instrument, minute) / tape.mark_price(instrument, minute), 6
        ),
        "volume_usd": round(tape.traded_usd_24h(instrument, minute), 2),
        "estimated_delivery_price": round(tape.index_price(instrument, minute), decimals),
        "funding_8h": round(tape.funding_rate(instrument, now_ms), 8),
        "creation_timestamp": now_ms,
    }


def _instrument(instrument: Instrument) -> dict[str, Any]:
    return {
        "instrument_name": instrument.symbol,
        "kind": "future",
        "instrument_type": "reversed" if instrument.inverse else "linear",
        "base_currency": instrument.asset,
        "quote_currency": instrument.quote_asset,
        "contract_size": 10.0 if instrument.inverse else 0.1,
        "is_active": True,
        "creation_timestamp": 1534242287000,
    }


def _trades(tape: Tape, now_ms: int, request: Request, listed: list[Instrument]) -> dict[str, Any]:
    start = request.integer("start_timestamp", 0) or 0
    end = min(request.integer("end_timestamp", now_ms) or now_ms, now_ms)
    names = {one.symbol for one in listed}
    found = [
        trade(tape, one)
        for one in tape.records(tape.rows("deribit", start, end + 1))
        if tape.instruments[one.instrument].symbol in names
    ]
    found += [
        _usual_trade(tape, instrument, at_ms)
        for instrument in listed
        for at_ms in range(-(-start // MINUTE_MS) * MINUTE_MS, end + 1, MINUTE_MS)
    ]
    found.sort(key=lambda one: (one["timestamp"], one["trade_id"]))
    count = request.integer("count", 10) or 10
    return {"trades": found[:count], "has_more": len(found) > count}


def _interest(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    start = request.integer("start_timestamp", 0) or 0
    end = min(request.integer("end_timestamp", now_ms) or now_ms, now_ms)
    return [
        {
            "timestamp": at_ms,
            "interest_8h": round(tape.funding_rate(instrument, at_ms), 10),
            "interest_1h": round(tape.funding_rate(instrument, at_ms) / 8, 10),
        }
        for at_ms in range(-(-start // HOUR_MS) * HOUR_MS, end + 1, HOUR_MS)
    ]


VENUE = WireVenue(
    "deribit",
    answers={"deribit": answer},
    streams=(WireStream("deribit_ws", frames, replies),),
    trading=Trading(contracts, oi_weight=0.04, flow_weight=0.03, rule=PublicationRule("all")),
    faults={
        ("deribit", "throttled"): json_answer(THROTTLED, 429),
        ("deribit", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(trade(tape, one)),
)
