"""BitMEX: the liquidation table by stream, and its list of contracts.

A liquidation order is inserted, and deleted when it is done; `side` is the order's, `price` its
limit, and there is no time. What is open is listed on connecting.
"""

from __future__ import annotations

from typing import Any

from unwind.clock import iso, parse_instant
from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue, pushes
from unwind.simulator.listings import contract
from unwind.simulator.market import (
    LONG,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
    epoch_ms,
    instant,
)
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    json_answer,
    json_object,
    json_text,
)

# Contracts in one coin, of those in USDT.
CONTRACTS_PER_COIN = {"BTC": 1_000_000, "ETH": 100_000, "SOL": 10_000, "XRP": 100, "DOGE": 10}
XBT_INVERSE_SHARE = 0.75
# Part of the inverse ones: a dated contract.
XBT_DATED_SHARE = 0.05
# Contracts in one share, of those on stocks.
CONTRACTS_PER_SHARE = {"TSLA": 1000}
DATED = "XBTH26"
THROTTLED = {
    "error": {"message": "Rate limit exceeded, retry in 1 seconds.", "name": "RateLimitError"}
}


def contracts(asset: Asset) -> list[Instrument]:
    """Linear contracts of a few coins, and XBTUSD and XBTH26, a dollar each."""
    if asset.symbol not in CONTRACTS_PER_COIN:
        return []
    name = "XBT" if asset.symbol == "BTC" else asset.symbol
    inverse = XBT_INVERSE_SHARE if name == "XBT" else 0.0
    found = [
        contract(
            "bitmex",
            "USDt",
            asset,
            f"{name}USDT",
            1 - inverse,
            base_asset=name,
            contract_size=1 / CONTRACTS_PER_COIN[asset.symbol],
            quantity_decimals=0,
        )
    ]
    if inverse:
        found += [
            contract(
                *("bitmex", "XBt", asset, symbol, share),
                base_asset=name,
                quote_asset="USD",
                inverse=True,
                quantity_decimals=0,
            )
            for symbol, share in (("XBTUSD", inverse - XBT_DATED_SHARE), (DATED, XBT_DATED_SHARE))
        ]
    return found


def stocks(asset: Asset) -> list[Instrument]:
    """A perpetual on a share, in USDT."""
    if asset.symbol not in CONTRACTS_PER_SHARE:
        return []
    return [
        contract(
            *("bitmex", "USDt", asset, f"{asset.symbol}USDT"),
            contract_size=1 / CONTRACTS_PER_SHARE[asset.symbol],
            quantity_decimals=0,
        )
    ]


def _typ(instrument: Instrument) -> str:
    """The code of a contract's type: dated, perpetual on a share, perpetual."""
    if instrument.symbol == DATED:
        return "FFCCSX"
    return "FFSCSX" if instrument.asset in CONTRACTS_PER_SHARE else "FFWCSX"


def order(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """The inserted row of one liquidation order."""
    instrument = tape.instruments[one.instrument]
    return {
        "orderID": f"{one.row:08x}-0000-4000-8000-000000000000",
        "symbol": instrument.symbol,
        "side": "Sell" if one.side == LONG else "Buy",
        "price": one.bankruptcy_ticks / 10**instrument.price_decimals,
        "leavesQty": one.quantity_steps,
    }


def _table(action: str, rows: list[dict[str, Any]]) -> str:
    return json_text({"table": "liquidation", "action": action, "data": rows})


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """Orders inserted, partly filled, and deleted again in one push."""
    found = []
    for pushed_ms, _, rows in pushes(tape, "bitmex", from_ms, to_ms, symbols):
        orders = [order(tape, one) for one in rows]
        found.append((pushed_ms, _table("insert", orders)))
        found += [
            (
                pushed_ms,
                _table(
                    "update", [{**_key(one), "leavesQty": one["leavesQty"] // 2} for one in orders]
                ),
            ),
            (pushed_ms, _table("delete", [_key(one) for one in orders])),
        ]
    return found


def _key(one: dict[str, Any]) -> dict[str, Any]:
    return {"orderID": one["orderID"], "symbol": one["symbol"]}


def opened(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    """The greeting; the URL may subscribe, and then the table comes as it stands."""
    greeting = json_text(
        {"info": "Welcome to the BitMEX Realtime API.", "version": "2", "heartbeatEnabled": False}
    )
    return [greeting, *_subscribed(subscriber, query.removeprefix("subscribe="))]


def _subscribed(subscriber: Subscriber, topics: str) -> list[str]:
    if "liquidation" not in topics.split(","):
        return []
    subscriber.everything = True
    return [json_text({"success": True, "subscribe": "liquidation"}), _table("partial", [])]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    if text == "ping":
        return ["pong"]
    said = json_object(text)
    if said.get("op") == "subscribe":
        return _subscribed(subscriber, ",".join(said.get("args", [])))
    return [json_text({"status": 400, "error": "Unrecognized request.", "request": said})]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    listed = tape.instruments_of("bitmex")
    match request.path:
        case "/api/v1/instrument/active":
            return json_answer([_instrument(tape, now_ms, one) for one in listed])
        case "/api/v1/funding":
            return json_answer(_funding(tape, now_ms, request, listed))
    return NO_SUCH_PATH


def _instrument(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute = tape.minute_of(now_ms)
    open_contracts = round(tape.oi_contracts(instrument, minute))
    price = round(tape.mark_price(instrument, minute), instrument.price_decimals)
    settled_in_xbt = instrument.market == "XBt"
    return {
        "symbol": instrument.symbol,
        "typ": _typ(instrument),
        "state": "Open",
        "underlying": instrument.base_asset,
        "quoteCurrency": instrument.quote_asset,
        "settlCurrency": instrument.market,
        "isQuanto": False,
        "isInverse": instrument.inverse,
        "multiplier": -100_000_000 if instrument.inverse else 1,
        "underlyingToPositionMultiplier": None
        if instrument.inverse
        else round(1 / instrument.contract_size),
        "listing": "2016-05-13T12:00:00.000Z",
        "openInterest": open_contracts,
        "openValue": round(open_contracts / price * 1e8)
        if settled_in_xbt
        else round(open_contracts * instrument.contract_size * price * 1e6),
        "homeNotional24h": round(tape.traded_usd_24h(instrument, minute) / price, 8),
        "foreignNotional24h": round(tape.traded_usd_24h(instrument, minute), 2),
        "markPrice": price,
        "indicativeSettlePrice": round(
            tape.index_price(instrument, minute), instrument.price_decimals
        ),
        "fundingRate": None
        if instrument.symbol == DATED
        else round(tape.funding_rate(instrument, now_ms), 6),
        "fundingInterval": None if instrument.symbol == DATED else "2000-01-01T08:00:00.000Z",
        "timestamp": iso(instant(now_ms)),
    }


def _funding(
    tape: Tape, now_ms: int, request: Request, listed: list[Instrument]
) -> list[dict[str, Any]]:
    from_ms, to_ms = (
        epoch_ms(parse_instant(request.params[name])) for name in ("startTime", "endTime")
    )
    rows = [
        {
            "timestamp": iso(instant(at_ms)),
            "symbol": instrument.symbol,
            "fundingInterval": "2000-01-01T08:00:00.000Z",
            "fundingRate": round(tape.funding_rate(instrument, at_ms), 6),
        }
        for instrument in listed
        if instrument.symbol != DATED
        for at_ms in tape.funding_times_ms(instrument, from_ms, min(to_ms, now_ms))
    ]
    start = request.integer("start", 0) or 0
    return rows[start : start + (request.integer("count", 100) or 100)]


VENUE = WireVenue(
    "bitmex",
    answers={"bitmex": answer},
    streams=(WireStream("bitmex_ws", frames, replies, opened=opened),),
    trading=Trading(
        contracts,
        stocks=stocks,
        oi_weight=0.03,
        flow_weight=0.035,
        rule=PublicationRule("all", price="bankruptcy"),
    ),
    faults={("bitmex", "throttled"): json_answer(THROTTLED, 429)},
    written=lambda tape, one: json_text(order(tape, one)),
)
