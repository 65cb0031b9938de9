"""Gate: liq_orders by REST, public_liquidates by stream, and its lists of contracts.

REST signs the position and counts seconds; frames sign the order and count ms since 2026-08-20.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract, inverse, usual_funding_hours
from unwind.simulator.decimals import fixed
from unwind.simulator.endpoints import grid
from unwind.simulator.exchange import per_push, rate_limited
from unwind.simulator.market.positions import LONG, SHORT
from unwind.simulator.market.steady import MINUTE_MS, epoch_ms
from unwind.simulator.responses import json_object, json_response

# Coins in one contract.
MULTIPLIERS = {
    "BTC": 0.0001, "ETH": 0.01, "SOL": 1.0, "XRP": 10.0, "DOGE": 10.0, "BNB": 0.001, "ADA": 10.0,
    "HYPE": 0.1, "LINK": 1.0, "AVAX": 1.0, "SUI": 1.0, "PEPE": 10_000_000.0, "LTC": 0.1,
    "TRX": 100.0,
}  # fmt: skip
BTC_SETTLED_SHARE = 0.05
USD1_SETTLED_SHARE = 0.02
MILLISECONDS_FROM_MS = epoch_ms(datetime(2026, 8, 20, tzinfo=UTC))
INTERVAL_MINUTES = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
WINDOW, LIMIT = kit.Window("from", "to", 1000), kit.Limit(100)
MAX_WINDOW_S = 3600
THROTTLED = {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded"}


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A contract in USDT, and of BTC one that is settled in BTC and one in USD1."""
    btc, usd1 = (BTC_SETTLED_SHARE, USD1_SETTLED_SHARE) if asset.symbol == "BTC" else (0.0, 0.0)
    linear: dict[str, Any] = {"size": MULTIPLIERS[asset.symbol], "decimals": 0}
    hours = usual_funding_hours(asset)
    yield contract(
        asset, f"{asset.symbol}_USDT", 1 - btc - usd1, market="usdt", hours=hours, **linear
    )
    if btc:
        yield inverse(asset, "BTC_USD", btc, market="btc")
        yield contract(asset, "BTC_USD1", usd1, market="usd1", quote="USD1", **linear)


def order(one: kit.Liquidation) -> dict[str, Any]:
    """REST's row of one liquidation."""
    size = one.quantity_steps if one.is_long else -one.quantity_steps
    return {
        "time": one.at_ms // 1000,
        "contract": one.contract.symbol,
        "size": size,
        "order_size": -size,
        "order_price": one.price(one.bankruptcy_ticks),
        "fill_price": one.price(one.fill_ticks),
        "left": 0,
    }


def liquidate(one: kit.Liquidation) -> dict[str, Any]:
    """A frame's row of one liquidation."""
    return {
        "price": one.price(one.fill_ticks),
        "size": str(-one.quantity_steps if one.is_long else one.quantity_steps),
        "time": one.at_ms if one.at_ms >= MILLISECONDS_FROM_MS else one.at_ms // 1000,
        "contract": one.contract.symbol,
    }


def message(
    now_ms: int, event: str, result: Any, channel: str = "public_liquidates"
) -> dict[str, Any]:
    return {
        "time": now_ms // 1000,
        "time_ms": now_ms,
        "channel": f"futures.{channel}",
        "event": event,
        "error": None,
        "result": result,
    }


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    """One message a contract and push."""
    yield message(push.at_ms, "update", [liquidate(one) for one in push.rows])


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    """A path is of one settlement currency; `!all` is all of its contracts."""
    request = json_object(text)
    if request.get("channel") == "futures.ping":
        return [message(now.now_ms, "", None, "pong")]
    if request.get("event") == "subscribe" and "!all" in request.get("payload", []):
        market = subscriber.path.rsplit("/", 1)[-1]
        subscriber.symbols |= {one.symbol for one in now.contracts(market)}
        return [message(now.now_ms, "subscribe", {"status": "success"})]
    error = {"code": 2, "message": "unknown channel"}
    return [{"channel": request.get("channel"), "error": error, "result": None}]


def listing(q: kit.Quote) -> dict[str, Any]:
    inverse = q.contract.inverse
    return {
        "name": q.symbol,
        "type": "inverse" if inverse else "direct",
        "quanto_multiplier": "0" if inverse else fixed(q.contract.contract_size, 4),
        "mark_price": q.price(q.mark),
        "index_price": q.price(q.index),
        "funding_rate": fixed(q.rate, 6),
        "funding_interval": q.contract.funding_interval_hours * 3600,
        "position_size": round(q.oi),
        "in_delisting": False,
        "create_time": 1546905600,
    }


def orders(call: kit.Call) -> list[dict[str, Any]]:
    """Newest first, of all contracts; a window is an hour at most."""
    first, last = call.integer("from"), min(call.integer("to") or 10**12, call.now_ms // 1000)
    if last - first > MAX_WINDOW_S:
        raise invalid("time range is too long")
    listed = call.contracts(call.text("settle"))
    until = min((last + 1) * 1000, call.now_ms)
    found = call.liquidations(first * 1000, until, listed)[::-1]
    return [order(one) for one in found[: LIMIT.of(call)]]


def in_settle(call: kit.Call) -> kit.Instrument:
    return call.contract(call.text("contract"), call.text("settle"))


def invalid(problem: str) -> kit.RefusedError:
    return kit.RefusedError(
        json_response({"label": "INVALID_PARAM_VALUE", "message": problem}, 400)
    )


def step_ms(call: kit.Call) -> int:
    minutes = INTERVAL_MINUTES.get(call.text("interval", "5m"))
    if minutes is None:
        raise invalid("interval is unknown")
    return minutes * MINUTE_MS


def statistics_times(call: kit.Call, contract: kit.Instrument, start_ms: int, end_ms: int) -> range:
    return grid(step_ms(call), max(start_ms, call.tape.start_ms + 1), call.now_ms)


def statistics(call: kit.Call) -> list[dict[str, Any]]:
    """Oldest first; what was liquidated is that of the interval that begins."""
    contract, step = in_settle(call), step_ms(call)

    def row(q: kit.Quote) -> dict[str, Any]:
        until = min(q.at_ms + step, call.now_ms)
        usd = q.tape.liquidated_usd([contract], q.at_ms, until, step).sum(axis=0)
        return {
            "time": q.at_ms // 1000,
            "open_interest": round(q.oi),
            "open_interest_usd": round(q.oi_usd, 2),
            "mark_price": q.rounded(q.mark),
            "lsr_account": round(q.ratio("accounts"), 4),
            "top_lsr_account": round(q.ratio("top_accounts"), 4),
            "top_lsr_size": round(q.ratio("top_positions"), 4),
            "lsr_taker": round(q.ratio("taker_volume"), 4),
            "long_liq_usd": round(usd[LONG], 4),
            "short_liq_usd": round(usd[SHORT], 4),
        }

    start = kit.Window("from", unit_ms=1000)
    return kit.History(row, statistics_times, start, kit.Limit(30), contract=in_settle)(call)


def settled(q: kit.Quote) -> dict[str, Any]:
    return {"t": q.at_ms // 1000, "r": fixed(q.rate, 6)}


FUTURES = "/api/v4/futures/{settle}"
API = kit.Api(
    {
        f"{FUTURES}/contracts": kit.Snapshot(listing, market_in="settle"),
        f"{FUTURES}/liq_orders": orders,
        f"{FUTURES}/contract_stats": statistics,
        f"{FUTURES}/funding_rate": kit.History(
            settled, window=WINDOW, limit=LIMIT, newest_first=True, contract=in_settle
        ),
    },
    not_listed=json_response({"label": "CONTRACT_NOT_FOUND", "message": ""}, 400),
)
RULE = kit.PublicationRule("all")
EXCHANGE = kit.Exchange(
    "gate",
    {"gate": API},
    streams=(kit.ExchangeStream("gate_ws", per_push("gate", messages), replies),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.10, flow_weight=0.10, size_scale=1.25),
    faults={"gate": rate_limited(THROTTLED)},
    written=liquidate,
)
