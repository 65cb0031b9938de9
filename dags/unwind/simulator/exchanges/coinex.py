"""CoinEx: liquidations by REST, contract by contract, and its tickers.

`side` names the position, prices are the mark prices at which positions were liquidated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract, inverse, usual_funding_hours
from unwind.simulator.decimals import fixed
from unwind.simulator.exchange import rate_limited
from unwind.simulator.market.steady import HOUR_MS
from unwind.simulator.responses import json_response, json_text

INVERSE = ("BTC", "ETH")
INVERSE_SHARE = 0.05
WINDOW, PAGE = kit.Window("start_time", "end_time"), kit.Limit(10, 100)
THROTTLED = {"code": 4213, "data": {}, "message": "Rate limit triggered"}


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A linear contract, and an inverse one of BTC and ETH."""
    name, hours = asset.symbol, usual_funding_hours(asset)
    coin = INVERSE_SHARE if name in INVERSE else 0.0
    yield contract(asset, f"{name}USDT", 1 - coin, market="linear", hours=hours)
    if coin:
        yield inverse(asset, f"{name}USD", coin, market="inverse")


def row(one: kit.Liquidation) -> dict[str, Any]:
    """The row of one liquidation."""
    return {
        "market": one.contract.symbol,
        "side": "long" if one.is_long else "short",
        "liq_price": one.price(one.mark_ticks),
        "liq_amount": one.size,
        "bkr_price": one.price(one.bankruptcy_ticks),
        "created_at": one.at_ms,
    }


def reported(tape: kit.Tape, from_ms: int, to_ms: int) -> Iterator[str]:
    """What REST returns of a time, over all contracts and pages."""
    for one in tape.records(tape.rows("coinex", from_ms, to_ms)):
        yield json_text(row(one))


def ticker(q: kit.Quote) -> dict[str, Any]:
    return {
        "market": q.symbol,
        "period": 86400,
        "volume": q.size(q.traded_usd / q.mark),
        "value": fixed(q.traded_usd, 4),
        "mark_price": q.price(q.mark),
        "index_price": q.price(q.index),
        "open_interest_volume": q.size(q.oi),
    }


def listing(q: kit.Quote) -> dict[str, str]:
    return {
        "market": q.symbol,
        "contract_type": q.contract.market,
        "base_ccy": q.contract.base_asset,
        "quote_ccy": q.contract.quote_asset,
        "status": "online",
    }


def running_rate(q: kit.Quote) -> dict[str, Any]:
    latest = q.settles_ms - q.contract.funding_interval_hours * HOUR_MS
    return {
        "market": q.symbol,
        "latest_funding_rate": fixed(q.at(latest).rate, 8),
        "next_funding_rate": fixed(q.rate, 8),
        "latest_funding_time": latest,
        "next_funding_time": q.settles_ms,
    }


def settled(q: kit.Quote) -> dict[str, Any]:
    return {
        "market": q.symbol,
        "funding_time": q.at_ms,
        "theoretical_funding_rate": fixed(q.rate, 8),
        "actual_funding_rate": fixed(q.rate, 8),
    }


def liquidations(call: kit.Call) -> kit.Response:
    """Oldest first, by numbered pages."""
    contract = call.contract(call.text("market"))
    start, end = WINDOW.of(call)
    found = call.liquidations(start, end + 1, [contract])
    limit = PAGE.of(call)
    first = (call.integer("page", 1) - 1) * limit
    rows = [row(one) for one in found[first : first + limit]]
    pagination = {"total": len(found), "has_next": first + limit < len(found)}
    return json_response(envelope(call, rows) | {"pagination": pagination})


def envelope(call: kit.Call, rows: list[Any]) -> dict[str, Any]:
    return {"code": 0, "data": rows, "message": "OK"}


FUTURES = "/v2/futures"
API = kit.Api(
    {
        f"{FUTURES}/ticker": kit.Snapshot(ticker),
        f"{FUTURES}/market": kit.Snapshot(listing),
        f"{FUTURES}/funding-rate": kit.Snapshot(running_rate),
        f"{FUTURES}/liquidation-history": liquidations,
        f"{FUTURES}/funding-rate-history": kit.History(settled, window=WINDOW, symbol="market"),
    },
    envelope,
    not_listed=json_response({"code": 3639, "data": {}, "message": "Invalid Parameter"}),
)
RULE = kit.PublicationRule("all", price="mark")
EXCHANGE = kit.Exchange(
    "coinex",
    {"coinex": API},
    trading=kit.Trading(contracts, RULE, oi_weight=0.02, flow_weight=0.02),
    faults={"coinex": rate_limited(THROTTLED)},
    written=row,
    reported=reported,
)
