"""dYdX v4: the indexer's public trades, of type LIQUIDATED where the taker was, and its markets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unwind.clock import iso, parse_instant
from unwind.simulator import kit
from unwind.simulator.contracts import contract
from unwind.simulator.decimals import fixed
from unwind.simulator.exchange import greeting, per_push
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS, epoch_ms, instant
from unwind.simulator.responses import json_object, json_response

THROTTLED = {"errors": [{"msg": "Too many requests"}]}
NO_SUCH_TICKER = {"errors": [{"msg": "ticker must be a valid ticker"}]}
SNAPSHOT_MS = 5 * MINUTE_MS
CONNECTION_MARK = "3f4c0a1e"
LIMIT = kit.Limit(100)


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    yield contract(asset, f"{asset.symbol}-USD", quote="USD", hours=1)


def common(
    kind: str, at_ms: int, trade_id: str, side: str, size: str, price: str
) -> dict[str, str]:
    return {
        "id": trade_id,
        "side": side,
        "size": size,
        "price": price,
        "type": kind,
        "createdAt": iso(instant(at_ms)),
        "createdAtHeight": str(at_ms // 1100),
    }


def trade(one: kit.Liquidation) -> dict[str, str]:
    """The trade that a liquidation was."""
    side, price = one.order_side.upper(), one.price(one.fill_ticks)
    return common("LIQUIDATED", one.at_ms, f"03f{one.row:013x}", side, one.size, price)


def usual_trade(q: kit.Quote) -> dict[str, str]:
    return common("LIMIT", q.at_ms, f"02e{q.at_ms:013x}", "BUY", "1", q.price(q.mark))


def message(kind: str, ticker: str, trades: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "type": kind,
        "connection_id": CONNECTION_MARK,
        "message_id": 1,
        "id": ticker,
        "channel": "v4_trades",
        "version": "2.1.0",
        "contents": {"trades": trades},
    }


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    """One message a market and block."""
    yield message("channel_data", push.contract.symbol, [trade(one) for one in push.rows])


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    """A subscription starts by repeating the market's newest trades."""
    order = json_object(text)
    ticker = str(order.get("id", ""))
    try:
        if order.get("type") != "subscribe" or order.get("channel") != "v4_trades":
            raise kit.NotListedError(ticker)
        contract = now.contract(ticker)
    except kit.NotListedError:
        problem = f"Invalid subscription id for channel: ({order.get('channel')}-{ticker})"
        return [{"type": "error", "message": problem, "message_id": 1}]
    subscriber.symbols.add(ticker)
    recent = [
        trade(one)
        for one in now.liquidations(now.now_ms - SNAPSHOT_MS, now.now_ms, [contract])
        if one.pushed_ms < now.now_ms
    ]
    usual = usual_trade(now.quote(contract, now.now_ms - MINUTE_MS))
    return [message("subscribed", ticker, [*recent[::-1], usual])]


def market(q: kit.Quote) -> dict[str, Any]:
    return {
        "ticker": q.symbol,
        "status": "ACTIVE",
        "oraclePrice": q.price(q.index),
        "openInterest": fixed(q.oi, 4),
        "volume24H": fixed(q.traded_usd, 4),
        "nextFundingRate": fixed(q.rate, 10),
    }


def markets(call: kit.Call) -> dict[str, Any]:
    return {"markets": {one.symbol: market(call.quote(one)) for one in call.contracts()}}


def before_ms(call: kit.Call, name: str) -> int:
    text = call.text(name)
    return min(epoch_ms(parse_instant(text)), call.now_ms) if text else call.now_ms


def trades(call: kit.Call) -> dict[str, Any]:
    """Newest first."""
    contract, before = call.contract(call.text("ticker")), before_ms(call, "createdBeforeOrAt")
    rows = [trade(one) for one in call.liquidations(call.tape.start_ms, before + 1, [contract])]
    rows.append(usual_trade(call.quote(contract, before)))
    rows.sort(key=lambda row: row["createdAt"], reverse=True)
    return {"trades": rows[: LIMIT.of(call)]}


def settled(q: kit.Quote) -> dict[str, str]:
    return {
        "ticker": q.symbol,
        "rate": fixed(q.rate, 10),
        "price": fixed(q.index, 4),
        # A block or so after the hour.
        "effectiveAt": iso(instant(q.at_ms + 219)),
        "effectiveAtHeight": str(q.at_ms // 1100),
    }


def funding(call: kit.Call) -> dict[str, Any]:
    """Hourly, newest first."""
    contract = call.contract(call.text("ticker"))
    last = before_ms(call, "effectiveBeforeOrAt") // HOUR_MS * HOUR_MS
    times = range(last, last - LIMIT.of(call) * HOUR_MS, -HOUR_MS)
    rows = [settled(call.quote(contract, at)) for at in times if at > call.tape.start_ms]
    return {"historicalFunding": rows}


API = kit.Api(
    {
        "/v4/perpetualMarkets": markets,
        "/v4/trades/perpetualMarket/{ticker}": trades,
        "/v4/historicalFunding/{ticker}": funding,
    },
    not_listed=json_response(NO_SUCH_TICKER, 404),
)
GREETING = greeting({"type": "connected", "connection_id": CONNECTION_MARK, "message_id": 0})
RULE = kit.PublicationRule("all")
EXCHANGE = kit.Exchange(
    "dydx",
    {"dydx": API},
    streams=(kit.ExchangeStream("dydx_ws", per_push("dydx", messages), replies, GREETING),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.015, flow_weight=0.015),
    faults={"dydx": {"throttled": json_response(THROTTLED, 429)}},
    written=trade,
)
