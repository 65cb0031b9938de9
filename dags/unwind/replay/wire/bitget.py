"""Bitget: liquidations by stream and REST, one a contract and second, and its tickers.

`side` names the position, `amount` is its value in quote coin, prices are bankruptcy prices.
"""

from __future__ import annotations

from typing import Any

from unwind.replay.listings import contract, usual_funding_hours
from unwind.replay.market import LONG, Asset, Instrument, Liquidation, PublicationRule, Tape
from unwind.replay.wire import Subscriber, Trading, WireStream, WireVenue, pushes
from unwind.replay.wire.answer import (
    NO_SUCH_PATH,
    Answer,
    Request,
    fixed,
    json_answer,
    json_object,
    json_text,
    stepped,
)

USDC_MARGINED = ("BTC", "ETH")
USDC_SHARE = 0.06
RETENTION_MS = 3 * 86_400_000
THROTTLED = {"code": "429", "msg": "Too Many Requests"}


def contracts(asset: Asset) -> list[Instrument]:
    """A contract in USDT, and one in USDC of some coins."""
    usdc = USDC_SHARE if asset.symbol in USDC_MARGINED else 0.0
    hours = usual_funding_hours(asset)
    found = [
        contract(
            *("bitget", "USDT-FUTURES", asset, f"{asset.symbol}USDT", 1 - usdc),
            funding_interval_hours=hours,
        )
    ]
    if usdc:
        found.append(
            contract(
                *("bitget", "USDC-FUTURES", asset, f"{asset.symbol}PERP", usdc),
                quote_asset="USDC",
                funding_interval_hours=hours,
            )
        )
    return found


def row(tape: Tape, one: Liquidation) -> dict[str, str]:
    """The row of one liquidation."""
    instrument = tape.instruments[one.instrument]
    return {
        "symbol": instrument.symbol,
        "side": "buy" if one.side == LONG else "sell",
        "price": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        # Exact: size times price.
        "amount": stepped(
            one.quantity_steps * one.bankruptcy_ticks,
            instrument.quantity_decimals + instrument.price_decimals,
        ),
        "ts": str(one.at_ms),
    }


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One message a contract and push."""
    return [
        (
            pushed_ms,
            json_text(
                {
                    "action": "update",
                    "arg": {"instType": instrument.market.lower(), "topic": "liquidation"},
                    "data": [row(tape, one) for one in rows],
                    "ts": pushed_ms,
                }
            ),
        )
        for pushed_ms, instrument, rows in pushes(tape, "bitget", from_ms, to_ms, symbols)
    ]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    if text == "ping":
        return ["pong"]
    said = []
    for argument in json_object(text).get("args", []):
        if argument.get("topic") != "liquidation":
            said.append(json_text({"event": "error", "arg": argument, "code": "30001"}))
            continue
        market = str(argument.get("instType", "")).upper()
        subscriber.symbols |= {one.symbol for one in tape.instruments_of("bitget", market)}
        said.append(json_text({"event": "subscribe", "arg": argument}))
    return said


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of /api/v3/market/* at an instant."""
    listed = tape.instruments_of("bitget", request.params.get("category", ""))
    match request.path.removeprefix("/api/v3/market/"):
        case "tickers":
            return _told(now_ms, [_ticker(tape, now_ms, one) for one in listed])
        case "instruments":
            return _told(now_ms, [_instrument(one) for one in listed])
        case "liquidations":
            return _told(now_ms, _liquidations(tape, now_ms, request, listed))
        case "history-fund-rate":
            named = [one for one in listed if one.symbol == request.params.get("symbol")]
            if not named:
                return json_answer({"code": "40034", "msg": "Parameter does not exist"}, 400)
            return _told(now_ms, {"resultList": _settled(tape, now_ms, request, named[0])})
    return NO_SUCH_PATH


def _told(now_ms: int, told: Any) -> Answer:
    return json_answer({"code": "00000", "msg": "success", "requestTime": now_ms, "data": told})


def _ticker(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, str]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    return {
        "symbol": instrument.symbol,
        "category": instrument.market,
        "markPrice": fixed(tape.mark_price(instrument, minute), decimals),
        "indexPrice": fixed(tape.index_price(instrument, minute), decimals),
        "fundingRate": fixed(tape.funding_rate(instrument, now_ms), 8),
        "openInterest": fixed(tape.oi_contracts(instrument, minute), instrument.quantity_decimals),
        "ts": str(now_ms),
    }


def _instrument(instrument: Instrument) -> dict[str, str]:
    return {
        "symbol": instrument.symbol,
        "category": instrument.market,
        "baseCoin": instrument.base_asset,
        "quoteCoin": instrument.quote_asset,
        "fundInterval": str(instrument.funding_interval_hours),
        "status": "online",
        "launchTime": "1600000000000",
    }


def _liquidations(
    tape: Tape, now_ms: int, request: Request, listed: list[Instrument]
) -> dict[str, Any]:
    """Newest first; the cursor is how many were given."""
    names = {one.symbol for one in listed}
    rows = [
        row(tape, one)
        for one in tape.records(tape.rows("bitget", now_ms - RETENTION_MS, now_ms))
        if tape.instruments[one.instrument].symbol in names
    ][::-1]
    start = request.integer("cursor", 0) or 0
    end = start + min(request.integer("limit", 100) or 100, 100)
    return {"list": rows[start:end], "cursor": str(end) if end < len(rows) else ""}


def _settled(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, str]]:
    times = tape.funding_times_ms(instrument, tape.start_ms, now_ms)[::-1]
    return [
        {
            "symbol": instrument.symbol,
            "fundingRate": fixed(tape.funding_rate(instrument, at_ms), 8),
            "fundingRateTimestamp": str(at_ms),
        }
        for at_ms in times[: request.integer("limit", 20) or 20]
    ]


VENUE = WireVenue(
    "bitget",
    answers={"bitget": answer},
    streams=(WireStream("bitget_ws", frames, replies),),
    trading=Trading(
        contracts,
        oi_weight=0.09,
        flow_weight=0.09,
        rule=PublicationRule("latest", price="bankruptcy"),
        size_scale=1.3,
    ),
    faults={
        ("bitget", "throttled"): json_answer(THROTTLED, 429),
        ("bitget", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(row(tape, one)),
)
