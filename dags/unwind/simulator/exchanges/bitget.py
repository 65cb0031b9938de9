"""Bitget: liquidations by stream and REST, the largest long and the largest short a contract and
second, tickers, ratios, marks.

`side` names the position, `amount` is its value in quote coin, prices are bankruptcy prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract, usual_funding_hours
from unwind.simulator.decimals import fixed, stepped
from unwind.simulator.endpoints import grid, mark_bars
from unwind.simulator.exchange import per_push, rate_limited
from unwind.simulator.market.steady import DAY_MS, MINUTE_MS
from unwind.simulator.responses import json_object, json_response

USDC_MARGINED = ("BTC", "ETH")
USDC_SHARE = 0.06
RETENTION_MS = 3 * DAY_MS
FIVE_MINUTES_MS = 5 * MINUTE_MS
RATIOS_KEPT = 30
CANDLES, PAGE = kit.Window("startTime", "endTime"), kit.Limit(100, 100)
THROTTLED = {"code": "429", "msg": "Too Many Requests"}
NO_SUCH_PARAMETER = json_response({"code": "40034", "msg": "Parameter does not exist"}, 400)


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A contract in USDT, and one in USDC of some coins."""
    usdc = USDC_SHARE if asset.symbol in USDC_MARGINED else 0.0
    common: dict[str, Any] = {"hours": usual_funding_hours(asset)}
    yield contract(asset, f"{asset.symbol}USDT", 1 - usdc, market="USDT-FUTURES", **common)
    if usdc:
        symbol = f"{asset.symbol}PERP"
        yield contract(asset, symbol, usdc, market="USDC-FUTURES", quote="USDC", **common)


def row(one: kit.Liquidation) -> dict[str, str]:
    """The row of one liquidation."""
    contract = one.contract
    return {
        "symbol": contract.symbol,
        "side": "buy" if one.is_long else "sell",
        "price": one.price(one.bankruptcy_ticks),
        # Exact: size times price.
        "amount": stepped(
            one.quantity_steps * one.bankruptcy_ticks,
            contract.quantity_decimals + contract.price_decimals,
        ),
        "ts": str(one.at_ms),
    }


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    yield {
        "action": "update",
        "arg": {"instType": push.contract.market.lower(), "topic": "liquidation"},
        "data": [row(one) for one in push.rows],
        "ts": push.at_ms,
    }


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> Iterator[Any]:
    if text == "ping":
        yield "pong"
        return
    for argument in json_object(text).get("args", []):
        if argument.get("topic") != "liquidation":
            yield {"event": "error", "arg": argument, "code": "30001"}
            continue
        market = str(argument.get("instType", "")).upper()
        subscriber.symbols |= {one.symbol for one in now.contracts(market)}
        yield {"event": "subscribe", "arg": argument}


def ticker(q: kit.Quote) -> dict[str, str]:
    return {
        "symbol": q.symbol,
        "category": q.contract.market,
        "markPrice": q.price(q.mark),
        "indexPrice": q.price(q.index),
        "fundingRate": fixed(q.rate, 8),
        "openInterest": q.size(q.oi),
        "volume24h": q.size(q.traded_usd / q.mark),
        "turnover24h": fixed(q.traded_usd, 4),
        "ts": str(q.at_ms),
    }


def listing(q: kit.Quote) -> dict[str, str]:
    return {
        "symbol": q.symbol,
        "category": q.contract.market,
        "baseCoin": q.contract.base_asset,
        "quoteCoin": q.contract.quote_asset,
        "fundInterval": str(q.contract.funding_interval_hours),
        "status": "online",
        "launchTime": "1600000000000",
    }


def settled(q: kit.Quote) -> dict[str, str]:
    return {
        "symbol": q.symbol,
        "fundingRate": fixed(q.rate, 8),
        "fundingRateTimestamp": str(q.at_ms),
    }


def liquidations(call: kit.Call) -> dict[str, Any]:
    """Newest first; the cursor is how many were given."""
    listed = call.contracts(call.text("category"))
    found = call.liquidations(call.now_ms - RETENTION_MS, call.now_ms, listed)[::-1]
    start = call.integer("cursor")
    end = start + PAGE.of(call)
    rows = [row(one) for one in found[start:end]]
    return {"list": rows, "cursor": str(end) if end < len(found) else ""}


def in_category(call: kit.Call) -> kit.Instrument:
    return call.contract(call.text("symbol"), call.text("category"))


def candles(call: kit.Call) -> list[list[str]]:
    """Bars of five minutes that start in the range, the newest where a page is too short."""
    start, end = CANDLES.of(call)
    end = min(end, call.tape.end_ms - MINUTE_MS, call.now_ms - MINUTE_MS)
    starts = grid(FIVE_MINUTES_MS, max(start, call.tape.start_ms), end)[-PAGE.of(call) :]
    bars = mark_bars(call.tape, in_category(call), starts, call.now_ms)
    return [[str(at_ms), *prices, "0", "0"] for at_ms, prices in bars]


def ratios(kind: str, sides: Callable[[float], dict[str, str]]) -> Callable[[kit.Call], list[Any]]:
    """Thirty periods of five minutes by their starts, oldest first; they take no times."""

    def rows(call: kit.Call) -> list[dict[str, str]]:
        now = call.quote(call.contract(call.text("symbol"), "USDT-FUTURES"))
        newest = call.now_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS
        oldest = max(newest - (RATIOS_KEPT - 1) * FIVE_MINUTES_MS, call.tape.start_ms)
        # A period's figure is that of its end, and the running one's that of now.
        return [
            sides(now.at(min(at_ms + FIVE_MINUTES_MS, call.now_ms)).ratio(kind))
            | {"ts": str(at_ms)}
            for at_ms in range(oldest, newest + 1, FIVE_MINUTES_MS)
        ]

    return rows


def held(holder: str) -> Callable[[float], dict[str, str]]:
    """Shares of long and short, whose quotient comes as hundredths."""
    return lambda ratio: {
        f"long{holder}Ratio": fixed(ratio / (1 + ratio), 4),
        f"short{holder}Ratio": fixed(1 / (1 + ratio), 4),
        f"longShort{holder}Ratio": fixed(ratio / 100, 4),
    }


def taken(ratio: float) -> dict[str, str]:
    """Volumes in coins."""
    return {"sellVolume": "50.00000000", "buyVolume": fixed(50 * ratio, 8)}


def envelope(call: kit.Call, data: Any) -> dict[str, Any]:
    return {"code": "00000", "msg": "success", "requestTime": call.now_ms, "data": data}


MARKET, MIX = "/api/v3/market", "/api/v2/mix/market"
SETTLED = kit.History(settled, limit=kit.Limit(20), newest_first=True, contract=in_category)
API = kit.Api(
    {
        f"{MARKET}/tickers": kit.Snapshot(ticker, market_in="category"),
        f"{MARKET}/instruments": kit.Snapshot(listing, market_in="category"),
        f"{MARKET}/liquidations": liquidations,
        f"{MARKET}/history-fund-rate": lambda call: {"resultList": SETTLED(call)},
        f"{MARKET}/candles": candles,
        "/api/v2/spot/market/support-symbols": lambda call: {
            "spotList": [],
            "futureList": [one.symbol for one in call.contracts("USDT-FUTURES")],
        },
        f"{MIX}/account-long-short": ratios("accounts", held("Account")),
        f"{MIX}/position-long-short": ratios("positions", held("Position")),
        f"{MIX}/taker-buy-sell": ratios("taker_volume", taken),
    },
    envelope,
    not_listed=NO_SUCH_PARAMETER,
)
RULE = kit.PublicationRule("largest_per_side", price="bankruptcy")
EXCHANGE = kit.Exchange(
    "bitget",
    {"bitget": API},
    streams=(kit.ExchangeStream("bitget_ws", per_push("bitget", messages), replies),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.09, flow_weight=0.09, size_scale=1.3),
    faults={"bitget": rate_limited(THROTTLED)},
    written=row,
)
