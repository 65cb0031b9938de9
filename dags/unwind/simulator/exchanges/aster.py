"""Aster: forceOrder frames and futures endpoints like Binance's, without COIN-M and /market.

`S` is the liquidation order's side; the latest liquidation of a contract and second is told.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue
from unwind.simulator.listings import contract, usual_funding_hours
from unwind.simulator.market import (
    DAY_MS,
    LONG,
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

NO_SUCH_SYMBOL = {"code": -1121, "msg": "Invalid symbol."}
THROTTLED = {"code": -1003, "msg": "Too many requests."}


def contracts(asset: Asset) -> list[Instrument]:
    return [
        contract(
            "aster",
            "",
            asset,
            f"{asset.symbol}USDT",
            funding_interval_hours=usual_funding_hours(asset),
        )
    ]


def force_order(tape: Tape, one: Liquidation) -> str:
    """The frame of one published liquidation."""
    instrument = tape.instruments[one.instrument]
    size = stepped(one.quantity_steps, instrument.quantity_decimals)
    order = {
        "s": instrument.symbol,
        "S": "SELL" if one.side == LONG else "BUY",
        "o": "LIMIT",
        "f": "IOC",
        "q": size,
        "p": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        "ap": stepped(one.fill_ticks, instrument.price_decimals),
        "X": "FILLED",
        "l": size,
        "z": size,
        "T": one.at_ms,
    }
    return json_text({"e": "forceOrder", "E": one.pushed_ms, "o": order})


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One frame a published liquidation."""
    return [
        (one.pushed_ms, force_order(tape, one))
        for one in tape.records(tape.pushed_rows("aster", from_ms, to_ms))
        if symbols is None or tape.instruments[one.instrument].symbol in symbols
    ]


def opened(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    """A URL subscribes by itself; a combined stream's frames are wrapped."""
    if subscriber.path == "/stream":
        names = dict(parse_qsl(query)).get("streams", "")
        subscriber.wrap = lambda text: f'{{"stream":"!forceOrder@arr","data":{text}}}'
    else:
        names = subscriber.path.removeprefix("/ws/")
    subscriber.everything = "!forceOrder@arr" in unquote(names).split("/")
    return []


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    order = json_object(text)
    if order.get("method") == "SUBSCRIBE":
        subscriber.everything |= "!forceOrder@arr" in order.get("params", [])
    return [json_text({"result": None, "id": order.get("id")})]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of /fapi/v1/* at an instant."""
    listed = tape.instruments_of("aster")
    minute = tape.minute_of(now_ms)
    match request.path.removeprefix("/fapi/v1/"):
        case "ticker/24hr":
            return json_answer([_ticker(tape, now_ms, one) for one in listed])
        case "premiumIndex":
            return json_answer([_premium(tape, now_ms, one) for one in listed])
        case "exchangeInfo":
            return json_answer({"serverTime": now_ms, "symbols": [_listing(i) for i in listed]})
        case "fundingRate":
            return json_answer(_funding(tape, now_ms, request, listed))
        case "openInterest":
            wanted = [i for i in listed if i.symbol == request.params.get("symbol")]
            if not wanted:
                return json_answer(NO_SUCH_SYMBOL, 400)
            oi = fixed(tape.oi_contracts(wanted[0], minute), wanted[0].quantity_decimals)
            return json_answer({"openInterest": oi, "symbol": wanted[0].symbol, "time": now_ms})
    return NO_SUCH_PATH


def _ticker(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute = tape.minute_of(now_ms)
    price, usd = tape.mark_price(instrument, minute), tape.traded_usd_24h(instrument, minute)
    return {
        "symbol": instrument.symbol,
        "lastPrice": fixed(price, instrument.price_decimals),
        "volume": fixed(usd / price, instrument.quantity_decimals),
        "quoteVolume": fixed(usd, 2),
        "openTime": now_ms - DAY_MS,
        "closeTime": now_ms,
    }


def _premium(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    step = instrument.funding_interval_hours * 3_600_000
    return {
        "symbol": instrument.symbol,
        "markPrice": fixed(tape.mark_price(instrument, minute), decimals),
        "indexPrice": fixed(tape.index_price(instrument, minute), decimals),
        "lastFundingRate": fixed(tape.funding_rate(instrument, now_ms), 8),
        "interestRate": "0.00010000",
        "nextFundingTime": (now_ms // step + 1) * step,
        "time": now_ms,
    }


def _listing(instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "pair": instrument.symbol,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": instrument.base_asset,
        "quoteAsset": instrument.quote_asset,
        "marginAsset": instrument.quote_asset,
        "onboardDate": 1700000000000,
    }


def _funding(
    tape: Tape, now_ms: int, request: Request, listed: list[Instrument]
) -> list[dict[str, Any]]:
    start = request.integer("startTime", 0) or 0
    end = min(request.integer("endTime", now_ms) or now_ms, now_ms)
    rows = [
        {
            "symbol": instrument.symbol,
            "fundingRate": fixed(tape.funding_rate(instrument, at_ms), 8),
            "fundingTime": at_ms + 3,
        }
        for instrument in listed
        for at_ms in tape.funding_times_ms(instrument, start, end)
    ]
    rows.sort(key=lambda row: row["fundingTime"])
    return rows[: request.integer("limit", 100) or 100]


VENUE = WireVenue(
    "aster",
    answers={"aster": answer},
    streams=(WireStream("aster_ws", frames, replies, opened=opened),),
    trading=Trading(contracts, oi_weight=0.03, flow_weight=0.03, rule=PublicationRule("latest")),
    faults={
        ("aster", "throttled"): json_answer(THROTTLED, 429),
        ("aster", "error_code"): json_answer(THROTTLED),
    },
    written=force_order,
)
