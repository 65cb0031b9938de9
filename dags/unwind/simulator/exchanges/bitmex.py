"""BitMEX: the liquidation table by stream, and its list of contracts.

A liquidation order is inserted, and deleted when it is done; `side` is the order's, `price` its
limit, and there is no time. What is open is listed on connecting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unwind.clock import iso, parse_instant
from unwind.simulator import kit
from unwind.simulator.contracts import contract
from unwind.simulator.exchange import per_push
from unwind.simulator.market.steady import epoch_ms, instant
from unwind.simulator.responses import json_object, json_response

# Contracts in one coin, of those in USDT.
CONTRACTS_PER_COIN = {"BTC": 1_000_000, "ETH": 100_000, "SOL": 10_000, "XRP": 100, "DOGE": 10}
# Contracts in one share, of those on stocks.
CONTRACTS_PER_SHARE = {"TSLA": 1000}
XBT_INVERSE_SHARE = 0.75
# Part of the inverse ones: a dated contract.
XBT_DATED_SHARE = 0.05
DATED = "XBTH26"
FUNDING_INTERVAL = "2000-01-01T08:00:00.000Z"
COUNT = kit.Limit(100, name="count")
THROTTLED = {
    "error": {"message": "Rate limit exceeded, retry in 1 seconds.", "name": "RateLimitError"}
}


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """Linear contracts of a few coins, and XBTUSD and XBTH26, a dollar each."""
    if asset.symbol not in CONTRACTS_PER_COIN:
        return
    name = "XBT" if asset.symbol == "BTC" else asset.symbol
    coin = XBT_INVERSE_SHARE if name == "XBT" else 0.0
    common: dict[str, Any] = {"base": name, "decimals": 0}
    size = 1 / CONTRACTS_PER_COIN[asset.symbol]
    yield contract(asset, f"{name}USDT", 1 - coin, market="USDt", size=size, **common)
    if coin:
        common |= {"market": "XBt", "quote": "USD", "inverse": True}
        yield contract(asset, "XBTUSD", coin - XBT_DATED_SHARE, **common)
        yield contract(asset, DATED, XBT_DATED_SHARE, **common)


def stocks(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A perpetual on a share, in USDT."""
    if asset.symbol in CONTRACTS_PER_SHARE:
        size = 1 / CONTRACTS_PER_SHARE[asset.symbol]
        yield contract(asset, f"{asset.symbol}USDT", market="USDt", size=size, decimals=0)


def order(one: kit.Liquidation) -> dict[str, Any]:
    """The inserted row of one liquidation order."""
    return {
        "orderID": f"{one.row:08x}-0000-4000-8000-000000000000",
        "symbol": one.contract.symbol,
        "side": one.order_side.title(),
        "price": one.bankruptcy_ticks / one.price_scale,
        "leavesQty": one.quantity_steps,
    }


def table(action: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"table": "liquidation", "action": action, "data": rows}


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    """Orders inserted, partly filled, and deleted again in one push."""
    orders = [order(one) for one in push.rows]
    keys = [{"orderID": one["orderID"], "symbol": one["symbol"]} for one in orders]
    halves = [one["leavesQty"] // 2 for one in orders]
    yield table("insert", orders)
    yield table("update", [key | {"leavesQty": n} for key, n in zip(keys, halves, strict=True)])
    yield table("delete", keys)


def subscribed(subscriber: kit.Subscriber, topics: list[str]) -> Iterator[Any]:
    if "liquidation" in topics:
        subscriber.everything = True
        yield {"success": True, "subscribe": "liquidation"}
        yield table("partial", [])


def opened(subscriber: kit.Subscriber, now: kit.Moment, query: str) -> Iterator[Any]:
    """The greeting; the URL may subscribe, and then the table comes as it stands."""
    greeting = "Welcome to the BitMEX Realtime API."
    yield {"info": greeting, "version": "2", "heartbeatEnabled": False}
    yield from subscribed(subscriber, query.removeprefix("subscribe=").split(","))


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> Iterator[Any]:
    order = json_object(text)
    if text == "ping":
        yield "pong"
    elif order.get("op") == "subscribe":
        yield from subscribed(subscriber, order.get("args", []))
    else:
        yield {"status": 400, "error": "Unrecognized request.", "request": order}


def listing(q: kit.Quote) -> dict[str, Any]:
    contract, price, open_contracts = q.contract, q.rounded(q.mark), round(q.oi)
    dated = contract.symbol == DATED
    in_xbt = contract.market == "XBt"
    return {
        "symbol": contract.symbol,
        "typ": "FFCCSX"
        if dated
        else "FFSCSX"
        if contract.asset in CONTRACTS_PER_SHARE
        else "FFWCSX",
        "state": "Open",
        "underlying": contract.base_asset,
        "quoteCurrency": contract.quote_asset,
        "settlCurrency": contract.market,
        "isQuanto": False,
        "isInverse": contract.inverse,
        "multiplier": -100_000_000 if contract.inverse else 1,
        "underlyingToPositionMultiplier": None
        if contract.inverse
        else round(1 / contract.contract_size),
        "listing": "2016-05-13T12:00:00.000Z",
        "openInterest": open_contracts,
        "openValue": round(open_contracts / price * 1e8)
        if in_xbt
        else round(open_contracts * contract.contract_size * price * 1e6),
        "homeNotional24h": round(q.traded_usd / price, 8),
        "foreignNotional24h": round(q.traded_usd, 2),
        "markPrice": price,
        "indicativeSettlePrice": q.rounded(q.index),
        "fundingRate": None if dated else round(q.rate, 6),
        "fundingInterval": None if dated else FUNDING_INTERVAL,
        "timestamp": iso(instant(q.at_ms)),
    }


def funding(call: kit.Call) -> list[dict[str, Any]]:
    """Of all perpetuals, contract by contract; `start` skips rows."""
    from_ms, to_ms = (epoch_ms(parse_instant(call.params[n])) for n in ("startTime", "endTime"))
    rows = [
        {
            "timestamp": iso(instant(at_ms)),
            "symbol": one.symbol,
            "fundingInterval": FUNDING_INTERVAL,
            "fundingRate": round(call.quote(one, at_ms).rate, 6),
        }
        for one in call.contracts()
        if one.symbol != DATED
        for at_ms in call.tape.funding_times_ms(one, from_ms, min(to_ms, call.now_ms))
    ]
    start = call.integer("start")
    return rows[start : start + COUNT.of(call)]


API = kit.Api({"/api/v1/instrument/active": kit.Snapshot(listing), "/api/v1/funding": funding})
RULE = kit.PublicationRule("all", price="bankruptcy")
EXCHANGE = kit.Exchange(
    "bitmex",
    {"bitmex": API},
    streams=(kit.ExchangeStream("bitmex_ws", per_push("bitmex", messages), replies, opened),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.03, flow_weight=0.035, stocks=stocks),
    faults={"bitmex": {"throttled": json_response(THROTTLED, 429)}},
    written=order,
)
