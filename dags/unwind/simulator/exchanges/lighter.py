"""Lighter: trades by numbered market, liquidations in a list of their own, and its markets.

The taker is the liquidated party; `is_maker_ask` says that it bought.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract
from unwind.simulator.decimals import fixed, stepped
from unwind.simulator.exchange import greeting, per_push, rate_limited
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS
from unwind.simulator.responses import json_object, json_response

MARKETS = ("ETH", "BTC", "SOL", "DOGE", "PEPE", "AVAX", "XRP", "LINK", "SUI", "HYPE", "BNB", "LTC")
WINDOW, LIMIT = kit.Window("start_timestamp", "end_timestamp", 1000), kit.Limit(100, 100)
THROTTLED = {"code": 23000, "message": "Too Many Requests!"}


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A market in USDC, named by its number."""
    if asset.symbol in MARKETS:
        yield contract(asset, str(MARKETS.index(asset.symbol)), quote="USDC", hours=1)


def common(contract: kit.Instrument, trade_id: int, at_ms: int, kind: str) -> dict[str, Any]:
    return {
        "trade_id": trade_id,
        "type": kind,
        "market_id": int(contract.symbol),
        "timestamp": at_ms,
        "transaction_time": at_ms * 1000 + 28_569,
    }


def trade(one: kit.Liquidation) -> dict[str, Any]:
    """The trade that a liquidation was."""
    contract = one.contract
    return common(contract, one.row + 18_000_000_000, one.at_ms, "liquidation") | {
        "size": one.size,
        "price": one.price(one.fill_ticks),
        "usd_amount": stepped(
            one.quantity_steps * one.fill_ticks,
            contract.quantity_decimals + contract.price_decimals,
        ),
        "is_maker_ask": not one.is_long,
        "taker_position_size_before": one.size if one.is_long else f"-{one.size}",
    }


def usual_trade(q: kit.Quote) -> dict[str, Any]:
    return common(q.contract, q.at_ms, q.at_ms, "trade") | {
        "size": "1",
        "price": q.price(q.mark),
        "usd_amount": fixed(q.mark, 6),
        "is_maker_ask": True,
        "taker_position_size_before": "0",
    }


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    """One message a market and push, with a trade like any other beside the liquidations."""
    yield {
        "channel": f"trade:{push.contract.symbol}",
        "type": "update/trade",
        "liquidation_trades": [trade(one) for one in push.rows],
        "trades": [usual_trade(push.quote_before())],
    }


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    """A subscription starts with the market's newest trades, without the list of liquidations."""
    order = json_object(text)
    if order.get("type") == "ping":
        return [{"type": "pong"}]
    kind, _, market_id = str(order.get("channel", "")).partition("/")
    try:
        if order.get("type") != "subscribe" or kind != "trade":
            raise kit.NotListedError(market_id)
        usual = usual_trade(now.quote(now.contract(market_id), now.now_ms - MINUTE_MS))
    except kit.NotListedError:
        return [{"error": {"code": 30005, "message": "Invalid Channel"}}]
    subscriber.symbols.add(market_id)
    return [{"channel": f"trade:{market_id}", "type": "subscribed/trade", "trades": [usual]}]


def market(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.contract.base_asset,
        "market_id": int(q.symbol),
        "status": "active",
        "open_interest": round(q.oi, 4),
        "last_trade_price": q.rounded(q.mark),
        "daily_base_token_volume": round(q.traded_usd / q.mark, 4),
        "daily_quote_token_volume": round(q.traded_usd, 4),
    }


def markets(call: kit.Call) -> dict[str, Any]:
    return {"code": 200, "order_book_details": kit.Snapshot(market)(call)}


def recent_trades(call: kit.Call) -> dict[str, Any]:
    """The newest of an hour, newest first."""
    contract, now_ms = call.contract(call.text("market_id")), call.now_ms
    rows = [trade(one) for one in call.liquidations(now_ms - HOUR_MS, now_ms, [contract])]
    rows.append(usual_trade(call.quote(contract, now_ms - 1)))
    return {"code": 200, "trades": rows[::-1][: LIMIT.of(call)]}


def settled(q: kit.Quote) -> dict[str, Any]:
    percent = q.rate * 100
    return {
        "timestamp": q.at_ms // 1000,
        "value": "0",
        "rate": fixed(abs(percent), 8),
        "direction": "long" if percent >= 0 else "short",
    }


def fundings(call: kit.Call) -> dict[str, Any]:
    rows = kit.History(settled, window=WINDOW, symbol="market_id")(call)
    return {"code": 200, "resolution": "1h", "fundings": rows}


API = kit.Api(
    {
        "/api/v1/orderBookDetails": markets,
        "/api/v1/recentTrades": recent_trades,
        "/api/v1/fundings": fundings,
    },
    not_listed=json_response({"code": 21104, "message": "invalid market index"}, 400),
)
GREETING = greeting({"type": "connected", "session_id": "5b1e"})
RULE = kit.PublicationRule("all")
EXCHANGE = kit.Exchange(
    "lighter",
    {"lighter": API},
    streams=(kit.ExchangeStream("lighter_ws", per_push("lighter", messages), replies, GREETING),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.045, flow_weight=0.045),
    faults={"lighter": rate_limited(THROTTLED)},
    written=trade,
)
