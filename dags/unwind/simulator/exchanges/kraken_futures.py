"""Kraken Futures: public trades, of which some are of type liquidation, and its tickers.

`side` is the taker's, which of a liquidation is its order. PI contracts are a dollar, PF a coin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from unwind.clock import iso, parse_instant
from unwind.simulator import kit
from unwind.simulator.contracts import contract
from unwind.simulator.decimals import fixed
from unwind.simulator.endpoints import grid, mark_bars
from unwind.simulator.exchange import greeting, per_push, rate_limited
from unwind.simulator.market.steady import DAY_MS, MINUTE_MS, epoch_ms, instant
from unwind.simulator.responses import json_object, json_response

INVERSE = ("BTC", "ETH", "XRP", "LTC")
INVERSE_SHARE = 0.15
PAGE_ROWS = 100
RETENTION_MS = 7 * DAY_MS
FIVE_MINUTES_MS = 5 * MINUTE_MS
CANDLES, ANALYTICS = kit.Window("from", "to", 1000), kit.Window("since", "to", 1000)
THROTTLED = {"result": "error", "error": "apiLimitExceeded"}
NOT_FOUND = json_response({"result": "error", "error": "contractNotFound"}, 404)


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A flexible (linear) perpetual, and an inverse one of some coins."""
    name = "XBT" if asset.symbol == "BTC" else asset.symbol
    coin = INVERSE_SHARE if asset.symbol in INVERSE else 0.0
    common: dict[str, Any] = {"base": name, "quote": "USD", "hours": 1}
    yield contract(asset, f"PF_{name}USD", 1 - coin, **common)
    if coin:
        yield contract(asset, f"PI_{name}USD", coin, inverse=True, decimals=0, **common)


def trade(one: kit.Liquidation) -> dict[str, Any]:
    """The frame of one liquidation."""
    return {
        "feed": "trade",
        "product_id": one.contract.symbol,
        "uid": f"{one.row:08x}-1111-4111-8111-111111111111",
        "side": one.order_side,
        "type": "liquidation",
        "seq": one.row,
        "time": one.at_ms,
        "qty": one.quantity,
        "price": one.fill_ticks / one.price_scale,
    }


def fill(q: kit.Quote) -> dict[str, Any]:
    """A trade like any other."""
    return {
        "feed": "trade",
        "product_id": q.symbol,
        "uid": f"{q.at_ms:012x}-{q.symbol}",
        "side": "buy",
        "type": "fill",
        "seq": 1,
        "time": q.at_ms,
        "qty": 1,
        "price": q.rounded(q.mark),
    }


def messages(push: kit.Push) -> list[dict[str, Any]]:
    """One frame a trade: a fill, then the liquidations of the push."""
    return [fill(push.quote_before()), *map(trade, push.rows)]


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> Iterator[Any]:
    """Each contract is acknowledged, and its newest trades come as a snapshot."""
    order = json_object(text)
    if order.get("event") != "subscribe" or order.get("feed") != "trade":
        yield {"event": "error", "message": "Invalid feed"}
        return
    for symbol in order.get("product_ids", []):
        try:
            contract = now.contract(symbol.upper())
        except kit.NotListedError:
            yield {"event": "error", "message": "Invalid product id"}
            continue
        subscriber.symbols.add(contract.symbol)
        trades = [fill(now.quote(contract, now.now_ms - MINUTE_MS))]
        yield {"event": "subscribed", "feed": "trade", "product_ids": [symbol]}
        yield {"feed": "trade_snapshot", "product_id": contract.symbol, "trades": trades}


# -- REST ------------------------------------------------------------------------------------------


def ticker(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.symbol,
        "tag": "perpetual",
        "markPrice": q.rounded(q.mark),
        "indexPrice": q.rounded(q.index),
        "openInterest": round(q.oi, 4),
        "vol24h": round(q.traded_usd if q.contract.inverse else q.traded_usd / q.mark, 4),
        "volumeQuote": round(q.traded_usd, 2),
        # Dollars a contract and hour.
        "fundingRate": q.rate * q.mark,
    }


def listing(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.symbol,
        "type": "futures_inverse" if q.contract.inverse else "flexible_futures",
        "underlying": f"rr_{q.contract.base_asset.lower()}usd",
        "contractSize": 1,
        "tradeable": True,
        "openingDate": "2022-03-22T15:39:00.000Z",
    }


def history(call: kit.Call) -> list[dict[str, Any]]:
    """The hundred newest trades before an instant."""
    try:
        contract = call.contract(call.text("symbol"))
    except kit.NotListedError:
        return []
    before_ms = min(epoch_ms(parse_instant(call.params["lastTime"])), call.now_ms)
    first_ms = max(call.tape.start_ms, call.now_ms - RETENTION_MS)
    rows = [trade(one) for one in call.liquidations(first_ms, before_ms, [contract])]
    rows.append(fill(call.quote(contract, before_ms - 1)))
    rows.sort(key=lambda row: row["time"], reverse=True)
    return [
        {
            "time": iso(instant(row["time"])),
            "trade_id": place,
            "price": row["price"],
            "size": row["qty"],
            "side": row["side"],
            "type": row["type"],
            "uid": row["uid"],
        }
        for place, row in enumerate(rows[:PAGE_ROWS], start=1)
    ]


def result(
    name: str, rows: Callable[[kit.Call], list[Any]]
) -> Callable[[kit.Call], dict[str, Any]]:
    """Rows under their name, after the time of the response."""
    return lambda call: {
        "result": "success",
        "serverTime": iso(instant(call.now_ms)),
        name: rows(call),
    }


def analytics(
    data: Callable[[list[kit.Quote], int, int], Any], unit_ms: int = 1000
) -> Callable[[kit.Call], dict[str, Any]]:
    """Lists beside their times, which are in `unit_ms`; `data` takes the step and now as well."""

    def endpoint(call: kit.Call) -> dict[str, Any]:
        contract = call.contract(call.text("symbol"))
        step = call.integer("interval", 3600) * 1000
        quotes = [call.quote(contract, at) for at in grid(step, *ANALYTICS.of(call))]
        times = [q.at_ms // unit_ms for q in quotes]
        rows = data(quotes, step, call.now_ms)
        return {"result": {"timestamp": times, "data": rows, "more": False}, "errors": []}

    return endpoint


def rates(quotes: list[kit.Quote], step_ms: int, now_ms: int) -> dict[str, Any]:
    rates = [round(q.rate, 10) for q in quotes]
    return {"rate": rates, "relativeRate": rates}


def ratios(quotes: list[kit.Quote], step_ms: int, now_ms: int) -> list[float]:
    return [round(q.ratio("accounts"), 4) for q in quotes]


def open_interest(quotes: list[kit.Quote], step_ms: int, now_ms: int) -> list[list[str]]:
    """Open, high, low and close of each step, as far as it has come."""
    rows = []
    for q in quotes:
        until = q.tape.minute_of(min(q.at_ms + step_ms, now_ms))
        sizes = [q.tape.oi_contracts(q.contract, one) for one in range(q.minute, until + 1)]
        rows.append([fixed(one, 4) for one in (sizes[0], max(sizes), min(sizes), sizes[-1])])
    return rows


def candles(call: kit.Call) -> dict[str, Any]:
    """Mark bars of five minutes that start in the range, the running one included."""
    contract, tape = call.contract(call.text("symbol")), call.tape
    start, end = CANDLES.of(call)
    end = min(end, tape.end_ms - MINUTE_MS, call.now_ms - MINUTE_MS)
    starts = grid(FIVE_MINUTES_MS, max(start, tape.start_ms), end)
    names = ("open", "high", "low", "close")
    rows = [
        {"time": at_ms, **dict(zip(names, prices, strict=True)), "volume": 0}
        for at_ms, prices in mark_bars(tape, contract, starts, call.now_ms)
    ]
    return {"candles": rows, "more_candles": False}


def tickers(call: kit.Call) -> list[dict[str, Any]]:
    return [*kit.Snapshot(ticker)(call), {"symbol": "in_xbtusd"}]


V3, CHARTS = "/derivatives/api/v3", "/api/charts/v1"
API = kit.Api(
    {
        f"{V3}/tickers": result("tickers", tickers),
        f"{V3}/instruments": result("instruments", kit.Snapshot(listing)),
        f"{V3}/history": result("history", history),
        f"{CHARTS}/mark/{{symbol}}/5m": candles,
        f"{CHARTS}/analytics/{{symbol}}/funding": analytics(rates, unit_ms=1),
        f"{CHARTS}/analytics/{{symbol}}/long-short-ratio": analytics(ratios),
        f"{CHARTS}/analytics/{{symbol}}/open-interest": analytics(open_interest),
    },
    not_listed=NOT_FOUND,
)
GREETING = greeting({"event": "info", "version": 1})
FRAMES = per_push("kraken_futures", messages)
RULE = kit.PublicationRule("all")
EXCHANGE = kit.Exchange(
    "kraken_futures",
    {"kraken_futures": API},
    streams=(
        kit.ExchangeStream(
            "kraken_futures_ws", per_push("kraken_futures", messages), replies, GREETING
        ),
    ),
    trading=kit.Trading(contracts, RULE, oi_weight=0.02, flow_weight=0.02),
    faults={"kraken_futures": rate_limited(THROTTLED)},
    written=trade,
)
