"""Lighter: trades by numbered market, liquidations in a list of their own, and its markets.

The taker is the liquidated party; `is_maker_ask` says that it bought.
"""

from __future__ import annotations

from typing import Any

from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue, pushes
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
)
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    fixed,
    json_answer,
    json_object,
    json_text,
    stepped,
)

MARKET_IDS = {
    name: str(place)
    for place, name in enumerate(
        ("ETH", "BTC", "SOL", "DOGE", "PEPE", "AVAX", "XRP", "LINK", "SUI", "HYPE", "BNB", "LTC")
    )
}
MOST_ROWS = 100
THROTTLED = {"code": 23000, "message": "Too Many Requests!"}


def contracts(asset: Asset) -> list[Instrument]:
    """A market in USDC, named by its number."""
    if asset.symbol not in MARKET_IDS:
        return []
    common: dict[str, Any] = {"quote_asset": "USDC", "funding_interval_hours": 1}
    return [contract("lighter", "", asset, MARKET_IDS[asset.symbol], **common)]


def trade(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """The trade that a liquidation was."""
    instrument = tape.instruments[one.instrument]
    size = stepped(one.quantity_steps, instrument.quantity_decimals)
    return {
        **_common(instrument, one.row + 18_000_000_000, one.at_ms, "liquidation"),
        "size": size,
        "price": stepped(one.fill_ticks, instrument.price_decimals),
        "usd_amount": stepped(
            one.quantity_steps * one.fill_ticks,
            instrument.quantity_decimals + instrument.price_decimals,
        ),
        "is_maker_ask": one.side != LONG,
        "taker_position_size_before": size if one.side == LONG else f"-{size}",
    }


def _common(instrument: Instrument, trade_id: int, at_ms: int, kind: str) -> dict[str, Any]:
    return {
        "trade_id": trade_id,
        "type": kind,
        "market_id": int(instrument.symbol),
        "timestamp": at_ms,
        "transaction_time": at_ms * 1000 + 28_569,
    }


def _usual_trade(tape: Tape, instrument: Instrument, at_ms: int) -> dict[str, Any]:
    price = tape.mark_price(instrument, tape.minute_of(at_ms))
    return {
        **_common(instrument, at_ms, at_ms, "trade"),
        "size": "1",
        "price": fixed(price, instrument.price_decimals),
        "usd_amount": fixed(price, 6),
        "is_maker_ask": True,
        "taker_position_size_before": "0",
    }


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One message a market and push, with a trade like any other beside the liquidations."""
    return [
        (
            pushed_ms,
            json_text(
                {
                    "channel": f"trade:{instrument.symbol}",
                    "type": "update/trade",
                    "liquidation_trades": [trade(tape, one) for one in rows],
                    "trades": [_usual_trade(tape, instrument, pushed_ms - 500)],
                }
            ),
        )
        for pushed_ms, instrument, rows in pushes(tape, "lighter", from_ms, to_ms, symbols)
    ]


def opened(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    return [json_text({"type": "connected", "session_id": "5b1e"})]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """A subscription starts with the market's newest trades, without the list of liquidations."""
    order = json_object(text)
    if order.get("type") == "ping":
        return [json_text({"type": "pong"})]
    kind, _, market_id = str(order.get("channel", "")).partition("/")
    number = tape.instrument_number.get(("lighter", market_id))
    if order.get("type") != "subscribe" or kind != "trade" or number is None:
        return [json_text({"error": {"code": 30005, "message": "Invalid Channel"}})]
    subscriber.symbols.add(market_id)
    usual = _usual_trade(tape, tape.instruments[number], now_ms - MINUTE_MS)
    return [
        json_text({"channel": f"trade:{market_id}", "type": "subscribed/trade", "trades": [usual]})
    ]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of /api/v1/* at an instant."""
    listed = tape.instruments_of("lighter")
    named = [one for one in listed if one.symbol == request.params.get("market_id")]
    match request.path.removeprefix("/api/v1/"):
        case "orderBookDetails":
            rows = [_market(tape, now_ms, one) for one in listed]
            return json_answer({"code": 200, "order_book_details": rows})
        case "recentTrades" | "fundings" if not named:
            return json_answer({"code": 21104, "message": "invalid market index"}, 400)
        case "recentTrades":
            return json_answer({"code": 200, "trades": _trades(tape, now_ms, request, named[0])})
        case "fundings":
            rows = _fundings(tape, now_ms, request, named[0])
            return json_answer({"code": 200, "resolution": "1h", "fundings": rows})
    return NO_SUCH_PATH


def _market(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute = tape.minute_of(now_ms)
    return {
        "symbol": instrument.base_asset,
        "market_id": int(instrument.symbol),
        "status": "active",
        "open_interest": round(tape.oi_contracts(instrument, minute), 4),
        "last_trade_price": round(tape.mark_price(instrument, minute), instrument.price_decimals),
        "daily_base_token_volume": round(
            tape.traded_usd_24h(instrument, minute) / tape.mark_price(instrument, minute), 4
        ),
        "daily_quote_token_volume": round(tape.traded_usd_24h(instrument, minute), 4),
    }


def _trades(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    number = tape.instrument_number["lighter", instrument.symbol]
    rows = [
        trade(tape, one)
        for one in tape.records(tape.rows("lighter", now_ms - HOUR_MS, now_ms))
        if one.instrument == number
    ]
    rows.append(_usual_trade(tape, instrument, now_ms - 1))
    return rows[::-1][: min(request.integer("limit", MOST_ROWS) or MOST_ROWS, MOST_ROWS)]


def _fundings(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    start = (request.integer("start_timestamp", 0) or 0) * 1000
    end = min((request.integer("end_timestamp") or now_ms // 1000) * 1000, now_ms)
    rows = []
    for at_ms in tape.funding_times_ms(instrument, start, end):
        percent = tape.funding_rate(instrument, at_ms) * 100
        rows.append(
            {
                "timestamp": at_ms // 1000,
                "value": "0",
                "rate": fixed(abs(percent), 8),
                "direction": "long" if percent >= 0 else "short",
            }
        )
    return rows


VENUE = WireVenue(
    "lighter",
    answers={"lighter": answer},
    streams=(WireStream("lighter_ws", frames, replies, opened=opened),),
    trading=Trading(contracts, oi_weight=0.045, flow_weight=0.045, rule=PublicationRule("all")),
    faults={
        ("lighter", "throttled"): json_answer(THROTTLED, 429),
        ("lighter", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(trade(tape, one)),
)
