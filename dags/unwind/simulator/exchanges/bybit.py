"""Bybit: allLiquidation frames and the v5 market endpoints.

`S` names the position (`Buy` = a long was liquidated), `p` is the bankruptcy price, and
`openInterest` counts both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from unwind.simulator import kit
from unwind.simulator.contracts import contract, inverse, usual_funding_hours
from unwind.simulator.decimals import fixed
from unwind.simulator.endpoints import grid
from unwind.simulator.exchange import per_push
from unwind.simulator.market.steady import MINUTE_MS
from unwind.simulator.responses import json_object, json_response

PERIODS = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1440}
INVERSE = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC")
INVERSE_SHARE = 0.09
CONNECTION_MARK = "a4d3ae55"
WINDOW = kit.Window("startTime", "endTime")
THROTTLED = {"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "time": 0}


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A linear contract, and an inverse one of some coins."""
    name = asset.symbol
    thousand = name == "PEPE"
    base = f"1000{name}" if thousand else name
    coin = INVERSE_SHARE if name in INVERSE else 0.0
    yield contract(
        *(asset, f"{base}USDT", 1 - coin),
        market="linear",
        base=base,
        multiplier=1000.0 if thousand else 1.0,
        hours=usual_funding_hours(asset),
    )
    if coin:
        yield inverse(asset, f"{name}USD", coin, market="inverse")


# -- frames ----------------------------------------------------------------------------------------


def row(one: kit.Liquidation) -> dict[str, Any]:
    """One row of an allLiquidation message."""
    return {
        "T": one.at_ms,
        "s": one.contract.symbol,
        "S": "Buy" if one.is_long else "Sell",
        "v": one.size,
        "p": one.price(one.bankruptcy_ticks),
    }


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    """One message a symbol and half second, with all its rows."""
    yield {
        "topic": f"allLiquidation.{push.contract.symbol}",
        "type": "snapshot",
        "ts": push.at_ms,
        "data": [row(one) for one in push.rows],
    }


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    """Acknowledge, or refuse everything when one topic is not known on this route."""
    order = json_object(text)
    common = {"success": True, "conn_id": CONNECTION_MARK, "req_id": order.get("req_id", "")}
    operation = order.get("op", "")
    if operation == "ping":
        return [common | {"ret_msg": "pong", "op": "ping"}]
    market = subscriber.path.rsplit("/", 1)[-1]
    known = {f"allLiquidation.{item.symbol}" for item in now.contracts(market)}
    topics = [str(one) for one in order.get("args", [])]
    unknown = [one for one in topics if one not in known]
    if unknown or operation not in ("subscribe", "unsubscribe"):
        problem = f"error:handler not found,topic:{','.join(unknown)}"
        return [common | {"success": False, "ret_msg": problem, "op": operation}]
    names = {one.removeprefix("allLiquidation.") for one in topics}
    if operation == "subscribe":
        subscriber.symbols |= names
    else:
        subscriber.symbols -= names
    return [common | {"ret_msg": "", "op": operation}]


# -- REST ------------------------------------------------------------------------------------------


def bad_parameter(call: kit.Call, problem: str) -> kit.Response:
    body = {"retCode": 10001, "retMsg": f"params error: {problem}", "result": {}}
    return json_response(body | {"retExtInfo": {}, "time": call.now_ms})


def category(call: kit.Call) -> str:
    named = call.text("category")
    if named not in ("linear", "inverse"):
        raise kit.RefusedError(bad_parameter(call, "Category is invalid"))
    return named


def in_category(call: kit.Call) -> kit.Instrument:
    found = call.contract(call.text("symbol"))
    return call.contract(found.symbol, category(call))


def page(rows: Sequence[Any], call: kit.Call, limit: kit.Limit) -> tuple[Sequence[Any], str]:
    """The rows after a page cursor, and the next one; a cursor encoded twice is understood too."""
    text = call.text("cursor")
    while "%" in text and unquote(text) != text:
        text = unquote(text)
    start = int(text.removeprefix("page_token=")) if text else 0
    end = start + limit.of(call)
    return rows[start:end], quote(f"page_token={end}", safe="") if end < len(rows) else ""


def listed(row: Callable[[kit.Quote], dict[str, Any]]) -> Callable[[kit.Call], dict[str, Any]]:
    """All contracts of a category."""
    return lambda call: {
        "category": category(call),
        "list": kit.Snapshot(row, market_in="category")(call),
    }


def instruments_info(call: kit.Call) -> dict[str, Any]:
    found = listed(listing)(call)
    rows, cursor = page(found["list"], call, kit.Limit(500, 1000))
    return found | {"list": rows, "nextPageCursor": cursor}


def listing(q: kit.Quote) -> dict[str, Any]:
    contract, step = q.contract, q.size(10.0**-q.contract.quantity_decimals)
    tick = q.price(10.0**-contract.price_decimals)
    return {
        "symbol": contract.symbol,
        "contractType": "InversePerpetual" if contract.inverse else "LinearPerpetual",
        "status": "Trading",
        "baseCoin": contract.base_asset,
        "quoteCoin": contract.quote_asset,
        "launchTime": "1584230400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(contract.price_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": step,
            "qtyStep": step,
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": contract.funding_interval_hours * 60,
        "settleCoin": contract.base_asset if contract.inverse else "USDT",
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
    }


def ticker(q: kit.Quote) -> dict[str, str]:
    contract, price = q.contract, q.mark
    high, low, _ = q.tape.day_of(contract.asset, q.minute)
    before = q.tape.mark_price(contract, max(0, q.minute - 1439))
    oi = float(q.size(q.oi))
    value = 2 * (oi / price if contract.inverse else oi * price)
    traded = (q.traded_usd, q.traded_usd / price)
    volume, turnover = traded if contract.inverse else traded[::-1]
    return {
        "symbol": contract.symbol,
        "lastPrice": q.price(price),
        "indexPrice": q.price(q.index),
        "markPrice": q.price(price),
        "prevPrice24h": q.price(before),
        "price24hPcnt": fixed(price / before - 1, 6),
        "highPrice24h": q.price(high * contract.multiplier),
        "lowPrice24h": q.price(low * contract.multiplier),
        "prevPrice1h": q.price(q.tape.mark_price(contract, max(0, q.minute - 60))),
        "openInterest": q.size(2 * oi),
        "openInterestValue": fixed(value, 2),
        "singleOpenInterest": q.size(oi),
        "turnover24h": fixed(turnover, 4),
        "volume24h": fixed(volume, 4),
        "fundingRate": fixed(q.rate, 8),
        "nextFundingTime": str(q.settles_ms),
        "fundingIntervalHour": str(contract.funding_interval_hours),
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "ask1Size": "1.2",
        "bid1Price": q.price(price),
        "ask1Price": q.price(price),
        "bid1Size": "1.1",
    }


@dataclass(frozen=True)
class Periods:
    """Figures of a contract on the grid of a period, newest first, paged by cursor.

    The parameter `period` names the period; `named`: the response names category and contract.
    """

    row: Callable[[kit.Quote], dict[str, str]]
    period: str
    limit: kit.Limit
    named: bool = False

    def times(self, call: kit.Call, contract: kit.Instrument, start_ms: int, end_ms: int) -> range:
        minutes = PERIODS.get(call.text(self.period))
        if minutes is None:
            raise kit.RefusedError(bad_parameter(call, f"{self.period} is invalid"))
        step = minutes * MINUTE_MS
        tape = call.tape
        return grid(step, max(start_ms, tape.start_ms + step), min(end_ms, tape.end_ms))

    def __call__(self, call: kit.Call) -> dict[str, Any]:
        contract = in_category(call)
        times, cursor = page(self.times(call, contract, *WINDOW.of(call))[::-1], call, self.limit)
        rows = [self.row(call.quote(contract, at_ms)) for at_ms in times]
        name = {"category": contract.market, "symbol": contract.symbol} if self.named else {}
        return name | {"list": rows, "nextPageCursor": cursor}


def open_interest(q: kit.Quote) -> dict[str, str]:
    """Both sides, and one side under its own name (base for linear, USD for inverse)."""
    single = q.size(q.oi)
    both = fixed(2 * float(single), 8)
    return {"openInterest": both, "singleOpenInterest": single, "timestamp": str(q.at_ms)}


def account_ratio(q: kit.Quote) -> dict[str, str]:
    """Shares of accounts that are long and short."""
    ratio = q.ratio("accounts")
    buy = round(ratio / (1 + ratio), 4)
    shares = {"buyRatio": fixed(buy, 4), "sellRatio": fixed(1 - buy, 4)}
    return {"symbol": q.symbol} | shares | {"timestamp": str(q.at_ms)}


def funding(q: kit.Quote) -> dict[str, str]:
    return {
        "symbol": q.symbol,
        "fundingRate": fixed(q.rate, 8),
        "fundingRateTimestamp": str(q.at_ms),
    }


SETTLED = kit.History(
    funding, window=WINDOW, limit=kit.Limit(200, 200), newest_first=True, contract=in_category
)


def funding_history(call: kit.Call) -> dict[str, Any]:
    """Newest first; a start without an end is refused."""
    contract = in_category(call)
    if call.text("startTime") and not call.text("endTime"):
        problem = "endTime cannot be empty when startTime is given"
        raise kit.RefusedError(bad_parameter(call, problem))
    return {"category": contract.market, "list": SETTLED(call)}


def envelope(call: kit.Call, result: Any) -> dict[str, Any]:
    common = {"retExtInfo": {}, "time": call.now_ms}
    return {"retCode": 0, "retMsg": "OK", "result": result} | common


MARKET = "/v5/market"
API = kit.Api(
    {
        f"{MARKET}/instruments-info": instruments_info,
        f"{MARKET}/tickers": listed(ticker),
        f"{MARKET}/open-interest": Periods(
            open_interest, "intervalTime", kit.Limit(50, 200), named=True
        ),
        f"{MARKET}/account-ratio": Periods(account_ratio, "period", kit.Limit(50, 500)),
        f"{MARKET}/funding/history": funding_history,
    },
    envelope,
    not_listed=lambda call: bad_parameter(call, "symbol invalid"),
    unknown=kit.Response(404, b"404 page not found", {"content-type": "text/plain"}),
    headers={"X-Bapi-Limit": "600", "X-Bapi-Limit-Status": "599"},
)
RULE = kit.PublicationRule("all", price="bankruptcy")
EXCHANGE = kit.Exchange(
    "bybit",
    {"bybit": API},
    streams=(kit.ExchangeStream("bybit_ws", per_push("bybit", messages), replies),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.24, flow_weight=0.23, size_scale=0.74),
    faults={
        "bybit": {
            "throttled": json_response(THROTTLED, 429),
            "waf": kit.Response(403, b"access too frequent", {"content-type": "text/html"}),
            "error_code": json_response(THROTTLED | {"retExtInfo": {}}),
        }
    },
    capped="limit",
    written=row,
)
