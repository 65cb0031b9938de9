"""Deribit: public trades with the mark of a liquidation, and its summaries of contracts.

`direction` is the taker's; T marks a liquidated taker, M a liquidated maker.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract, inverse
from unwind.simulator.endpoints import grid
from unwind.simulator.exchange import per_push, rate_limited
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS, steady
from unwind.simulator.responses import json_object, json_text

INVERSE = ("BTC", "ETH")
LINEAR = ("SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC")
LIQUIDATED_MAKERS = 0.1
WINDOW, COUNT = kit.Window("start_timestamp", "end_timestamp"), kit.Limit(10, name="count")
RPC = {"jsonrpc": "2.0"}
TOO_MANY = {"code": 10028, "message": "too_many_requests", "data": {"wait": 1}}
TEST_REQUEST = json_text(RPC | {"method": "heartbeat", "params": {"type": "test_request"}})


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """Inverse perpetuals of BTC and ETH, linear ones in USDC of some others."""
    name = asset.symbol
    if name in INVERSE:
        yield inverse(asset, f"{name}-PERPETUAL", 1.0, market=name)
    if name in LINEAR:
        yield contract(asset, f"{name}_USDC-PERPETUAL", market="USDC", quote="USDC")


def common(contract: kit.Instrument, at_ms: int, trade_id: str, sells: bool) -> dict[str, Any]:
    return {
        "trade_seq": at_ms % 10**9,
        "trade_id": f"ETH-{trade_id}" if contract.asset == "ETH" else trade_id,
        "timestamp": at_ms,
        "tick_direction": 3,
        "instrument_name": contract.symbol,
        "direction": "sell" if sells else "buy",
    }


def trade(one: kit.Liquidation) -> dict[str, Any]:
    """The trade that a liquidation was."""
    maker = steady("maker", one.row) < LIQUIDATED_MAKERS
    sells = one.is_long != maker
    return common(one.contract, one.at_ms, f"{one.row + 400_000_000}", sells) | {
        "price": one.fill_ticks / one.price_scale,
        "amount": one.quantity,
        "liquidation": "M" if maker else "T",
    }


def usual_trade(q: kit.Quote) -> dict[str, Any]:
    """A trade like any other, once a minute and contract."""
    trade_id = f"{q.at_ms // MINUTE_MS}{q.symbol[:3]}"
    row = common(q.contract, q.at_ms, trade_id, False)
    return row | {"price": q.rounded(q.mark), "amount": 10}


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    """Trades by contract and tenth of a second: the liquidations, after one of the others."""
    yield RPC | {
        "method": "subscription",
        "params": {
            "channel": f"trades.future.{push.contract.market}.100ms",
            "data": [usual_trade(push.quote_before()), *map(trade, push.rows)],
        },
    }


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    order = json_object(text)
    method, params = order.get("method", ""), order.get("params", {})
    subscriber.unanswered = 0
    result: Any = "ok"
    if method == "public/set_heartbeat":
        subscriber.beat = kit.Heartbeat(float(params["interval"]), lambda _: TEST_REQUEST, 2)
    elif method == "public/subscribe":
        result = params.get("channels", [])
        for channel in result:
            subscriber.symbols |= {one.symbol for one in now.contracts(channel.split(".")[2])}
    elif method != "public/test":
        error = {"code": -32601, "message": "Method not found"}
        return [RPC | {"id": order.get("id"), "error": error}]
    return [RPC | {"id": order.get("id"), "result": result}]


def summary(q: kit.Quote) -> dict[str, Any]:
    return {
        "instrument_name": q.symbol,
        "base_currency": q.contract.asset,
        "quote_currency": q.contract.quote_asset,
        "open_interest": round(q.oi, 3),
        "mark_price": q.rounded(q.mark),
        "volume": round(q.traded_usd / q.mark, 6),
        "volume_usd": round(q.traded_usd, 2),
        "estimated_delivery_price": q.rounded(q.index),
        "funding_8h": round(q.rate, 8),
        "creation_timestamp": q.at_ms,
    }


def listing(q: kit.Quote) -> dict[str, Any]:
    return {
        "instrument_name": q.symbol,
        "kind": "future",
        "instrument_type": "reversed" if q.contract.inverse else "linear",
        "base_currency": q.contract.asset,
        "quote_currency": q.contract.quote_asset,
        "contract_size": 10.0 if q.contract.inverse else 0.1,
        "is_active": True,
        "creation_timestamp": 1534242287000,
    }


def trades(call: kit.Call) -> dict[str, Any]:
    start, end = WINDOW.of(call)
    listed = call.contracts(call.text("currency"))
    found = [trade(one) for one in call.liquidations(start, end + 1, listed)]
    found += [
        usual_trade(call.quote(one, at_ms))
        for one in listed
        for at_ms in grid(MINUTE_MS, start, end)
    ]
    found.sort(key=lambda one: (one["timestamp"], one["trade_id"]))
    count = COUNT.of(call)
    return {"trades": found[:count], "has_more": len(found) > count}


def interest(q: kit.Quote) -> dict[str, Any]:
    return {
        "timestamp": q.at_ms,
        "interest_8h": round(q.rate, 10),
        "interest_1h": round(q.rate / 8, 10),
    }


PUBLIC = "/api/v2/public"
API = kit.Api(
    {
        f"{PUBLIC}/get_book_summary_by_currency": kit.Snapshot(summary, market_in="currency"),
        f"{PUBLIC}/get_instruments": kit.Snapshot(listing, market_in="currency"),
        f"{PUBLIC}/get_last_trades_by_currency_and_time": trades,
        f"{PUBLIC}/get_funding_rate_history": kit.History(
            interest,
            lambda call, contract, start, end: grid(HOUR_MS, start, end),
            WINDOW,
            symbol="instrument_name",
        ),
    },
    lambda call, result: RPC | {"result": result, "usDiff": 100, "testnet": False},
)
RULE = kit.PublicationRule("all")
EXCHANGE = kit.Exchange(
    "deribit",
    {"deribit": API},
    streams=(kit.ExchangeStream("deribit_ws", per_push("deribit", messages), replies),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.04, flow_weight=0.03),
    faults={"deribit": rate_limited(RPC | {"error": TOO_MANY})},
    written=trade,
)
