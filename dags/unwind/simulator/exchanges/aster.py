"""Aster: forceOrder frames and futures endpoints like Binance's, without COIN-M and /market.

`S` is the liquidation order's side; a liquidation is published at once, and then none of its
contract for a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from unwind.simulator import kit
from unwind.simulator.contracts import contract, usual_funding_hours
from unwind.simulator.exchange import per_push, rate_limited
from unwind.simulator.market.steady import DAY_MS
from unwind.simulator.responses import json_object, json_response

NO_SUCH_SYMBOL = json_response({"code": -1121, "msg": "Invalid symbol."}, 400)
THROTTLED = {"code": -1003, "msg": "Too many requests."}
ALL = "!forceOrder@arr"
WINDOW, LIMIT = kit.Window("startTime", "endTime"), kit.Limit(100)


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    yield contract(asset, f"{asset.symbol}USDT", hours=usual_funding_hours(asset))


def force_order(one: kit.Liquidation) -> dict[str, Any]:
    """The frame of one published liquidation."""
    return {
        "e": "forceOrder",
        "E": one.pushed_ms,
        "o": {
            "s": one.contract.symbol,
            "S": one.order_side.upper(),
            "o": "LIMIT",
            "f": "IOC",
            "q": one.size,
            "p": one.price(one.bankruptcy_ticks),
            "ap": one.price(one.fill_ticks),
            "X": "FILLED",
            "l": one.size,
            "z": one.size,
            "T": one.at_ms,
        },
    }


def messages(push: kit.Push) -> list[dict[str, Any]]:
    return [force_order(one) for one in push.rows]


def opened(subscriber: kit.Subscriber, now: kit.Moment, query: str) -> list[Any]:
    """A URL subscribes by itself; a combined stream's frames are wrapped."""
    if subscriber.path == "/stream":
        names = dict(parse_qsl(query)).get("streams", "")
        subscriber.wrap = lambda text: f'{{"stream":"{ALL}","data":{text}}}'
    else:
        names = subscriber.path.removeprefix("/ws/")
    subscriber.everything = ALL in unquote(names).split("/")
    return []


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    order = json_object(text)
    if order.get("method") == "SUBSCRIBE":
        subscriber.everything |= ALL in order.get("params", [])
    return [{"result": None, "id": order.get("id")}]


def ticker(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.symbol,
        "lastPrice": q.price(q.mark),
        "volume": q.size(q.traded_usd / q.mark),
        "quoteVolume": f"{q.traded_usd:.2f}",
        "openTime": q.at_ms - DAY_MS,
        "closeTime": q.at_ms,
    }


def premium(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.symbol,
        "markPrice": q.price(q.mark),
        "indexPrice": q.price(q.index),
        "lastFundingRate": f"{q.rate:.8f}",
        "interestRate": "0.00010000",
        "nextFundingTime": q.settles_ms,
        "time": q.at_ms,
    }


def listing(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.symbol,
        "pair": q.symbol,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": q.contract.base_asset,
        "quoteAsset": q.contract.quote_asset,
        "marginAsset": q.contract.quote_asset,
        "onboardDate": 1700000000000,
    }


def funding(call: kit.Call) -> list[dict[str, Any]]:
    """Of all contracts, oldest first."""
    start, end = WINDOW.of(call)
    rows: list[dict[str, Any]] = [
        {"symbol": one.symbol, "fundingRate": f"{q.rate:.8f}", "fundingTime": q.at_ms + 3}
        for one in call.contracts()
        for at_ms in call.tape.funding_times_ms(one, start, end)
        for q in [call.quote(one, at_ms)]
    ]
    rows.sort(key=lambda row: row["fundingTime"])
    return rows[: LIMIT.of(call)]


API = kit.Api(
    {
        "/fapi/v1/ticker/24hr": kit.Snapshot(ticker),
        "/fapi/v1/premiumIndex": kit.Snapshot(premium),
        "/fapi/v1/exchangeInfo": lambda call: {
            "serverTime": call.now_ms,
            "symbols": kit.Snapshot(listing)(call),
        },
        "/fapi/v1/fundingRate": funding,
        "/fapi/v1/openInterest": kit.Named(
            lambda q: {"openInterest": q.size(q.oi), "symbol": q.symbol, "time": q.at_ms}
        ),
    },
    not_listed=NO_SUCH_SYMBOL,
)
RULE = kit.PublicationRule("first_from_order")
EXCHANGE = kit.Exchange(
    "aster",
    {"aster": API},
    streams=(kit.ExchangeStream("aster_ws", per_push("aster", messages), replies, opened),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.03, flow_weight=0.03),
    faults={"aster": rate_limited(THROTTLED)},
    written=force_order,
)
