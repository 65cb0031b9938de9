"""Binance: forceOrder frames, and REST of the USD-M, COIN-M and spot hosts.

All numbers in frames are strings; `E` and `T` are integers of milliseconds. Dumps are in
`binance_dumps`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from unwind.simulator import kit
from unwind.simulator.contracts import contract, inverse, usual_funding_hours
from unwind.simulator.decimals import fixed
from unwind.simulator.endpoints import grid
from unwind.simulator.exchange import Responder, per_push
from unwind.simulator.exchanges.binance_dumps import bucket, faulty_dump, oi_statistic, oi_value
from unwind.simulator.exchanges.binance_klines import INTERVAL_MINUTES, kline_rows, spot_series
from unwind.simulator.exchanges.binance_orders import force_order
from unwind.simulator.market.steady import DAY_MS, MINUTE_MS, steady
from unwind.simulator.responses import json_object, json_response

# The largest of a second, not the latest:
# https://developers.binance.com/docs/derivatives/change-log
LARGEST_FROM_AT = datetime(2026, 4, 14, tzinfo=UTC)
STATISTICS_KEPT_MS = 30 * DAY_MS
WINDOW = kit.Window("startTime", "endTime")
COIN_MARGINED = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC")
USDC_MARGINED = ("BTC", "ETH", "SOL")
ALL = "!forceOrder@arr"
REQUEST_WEIGHT = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
GEO_BLOCK = {
    "code": 0,
    "msg": "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you "
    "received this message in error.",
}
THROTTLED = "Too many requests; current limit is 2400 request weight per 1 MINUTE."
BANNED = "Way too much request weight used; IP banned until 1769698800000."
FAULTS = {
    "throttled": json_response({"code": -1003, "msg": THROTTLED}, 429),
    "banned": json_response({"code": -1003, "msg": BANNED}, 418),
    "geo_blocked": json_response(GEO_BLOCK, 451),
    "error_code": json_response({"code": -1003, "msg": "Too many requests."}),
}


def pair(contract: kit.Instrument) -> str:
    return contract.symbol.removesuffix("_PERP")


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """USD-M contracts in USDT and some in USDC, and COIN-M ones of the large coins."""
    name = asset.symbol
    thousand = name == "PEPE"
    base = f"1000{name}" if thousand else name
    coin = 0.08 if name in COIN_MARGINED else 0.0
    usdc = 0.05 if name in USDC_MARGINED else 0.0
    yield contract(
        *(asset, f"{base}USDT", 1 - coin - usdc),
        market="um",
        base=base,
        multiplier=1000.0 if thousand else 1.0,
        hours=usual_funding_hours(asset),
    )
    if usdc:
        yield contract(asset, f"{base}USDC", usdc, market="um", quote="USDC")
    if coin:
        size = 100.0 if name == "BTC" else 10.0
        yield inverse(asset, f"{name}USD_PERP", coin, market="cm", size=size)


# -- frames ----------------------------------------------------------------------------------------


def messages(push: kit.Push) -> list[dict[str, Any]]:
    return [force_order(one) for one in push.rows]


def opened(subscriber: kit.Subscriber, now: kit.Moment, query: str) -> list[Any]:
    """A URL subscribes by itself. A route other than /market is accepted and stays silent."""
    path = subscriber.path
    if path == "/market/stream":
        subscriber.wrap = combined(subscriber)
        names = dict(parse_qsl(query, keep_blank_values=True)).get("streams", "")
    elif path == "/market/ws" or path.startswith("/market/ws/"):
        names = path.removeprefix("/market/ws").lstrip("/")
    else:
        subscriber.deaf = True
        return []
    for name in unquote(names).split("/"):
        subscribe(subscriber, name)
    return []


def combined(subscriber: kit.Subscriber) -> Callable[[str], str]:
    """A combined connection names each frame's stream around it."""

    def wrapped(text: str) -> str:
        symbol = json.loads(text)["o"]["s"].lower()
        name = ALL if subscriber.everything else f"{symbol}@forceOrder"
        return f'{{"stream":"{name}","data":{text}}}'

    return wrapped


def subscribe(subscriber: kit.Subscriber, name: str) -> None:
    if name == ALL:
        subscriber.everything = True
    elif name.endswith("@forceOrder"):
        subscriber.symbols.add(name.removesuffix("@forceOrder").upper())


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    """SUBSCRIBE and UNSUBSCRIBE are acknowledged; anything else is refused."""
    order = json_object(text)
    if "method" not in order:
        return [{"error": {"code": 2, "msg": f"Invalid request: {text[:80]}"}}]
    if order["method"] == "SUBSCRIBE":
        for name in order.get("params", []):
            subscribe(subscriber, name)
    elif order["method"] == "UNSUBSCRIBE":
        subscriber.everything = False
        subscriber.symbols.clear()
    return [{"result": None, "id": order.get("id")}]


# -- lists -----------------------------------------------------------------------------------------


def exchange_info(market: str) -> kit.Endpoint:
    kind = "U_MARGINED" if market == "um" else "COIN_MARGINED"
    return lambda call: {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "futuresType": kind,
        "rateLimits": [REQUEST_WEIGHT | {"limit": 2400}],
        "exchangeFilters": [],
        "symbols": kit.Snapshot(listing, market)(call),
    }


def listing(q: kit.Quote) -> dict[str, Any]:
    contract, inverse = q.contract, q.contract.inverse
    tick = q.price(10.0**-contract.price_decimals)
    step = q.size(10.0**-contract.quantity_decimals)
    bounds = {"minPrice": tick, "maxPrice": "1000000", "tickSize": tick}
    return {
        "symbol": contract.symbol,
        "pair": pair(contract),
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "contractStatus" if inverse else "status": "TRADING",
        **({"contractSize": int(contract.contract_size)} if inverse else {}),
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": contract.base_asset,
        "quoteAsset": contract.quote_asset,
        "marginAsset": contract.base_asset if inverse else contract.quote_asset,
        "pricePrecision": contract.price_decimals,
        "quantityPrecision": contract.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            {"filterType": "PRICE_FILTER", **bounds},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "10000000", "stepSize": step},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def premium(q: kit.Quote) -> dict[str, Any]:
    decimals = max(8, q.contract.price_decimals)
    return {
        "symbol": q.symbol,
        **({"pair": pair(q.contract)} if q.contract.inverse else {}),
        "markPrice": fixed(q.mark, decimals),
        "indexPrice": fixed(q.index, decimals),
        "estimatedSettlePrice": fixed(q.index * 1.0001, decimals),
        "lastFundingRate": fixed(q.rate, 8),
        "interestRate": "0.00010000",
        "nextFundingTime": q.settles_ms,
        "time": q.at_ms // 1000 * 1000,
    }


def ticker(q: kit.Quote) -> dict[str, Any]:
    contract, usd = q.contract, q.traded_usd
    before = q.tape.mark_price(contract, max(0, q.minute - 1439))
    high, low, _ = q.tape.day_of(contract.asset, q.minute)
    if contract.inverse:
        volumes = {"volume": fixed(usd / contract.contract_size, 0)}
        volumes |= {"baseVolume": fixed(usd / q.mark, 8)}
    else:
        volumes = {"volume": fixed(usd / q.mark, 3), "quoteVolume": fixed(usd, 2)}
    return {
        "symbol": q.symbol,
        "priceChangePercent": fixed(100 * (q.mark / before - 1), 3),
        "lastPrice": q.price(q.mark),
        "openPrice": q.price(before),
        "highPrice": q.price(high * contract.multiplier),
        "lowPrice": q.price(low * contract.multiplier),
        **volumes,
        "openTime": q.at_ms - DAY_MS,
        "closeTime": q.at_ms,
        "count": int(usd // 900),
    }


def funding_info(market: str) -> kit.Endpoint:
    """Only symbols whose interval is not the usual eight hours."""
    return lambda call: [
        {
            "symbol": one.symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": one.funding_interval_hours,
            "disclaimer": False,
        }
        for one in call.contracts(market)
        if one.funding_interval_hours != 8
    ]


# -- histories -------------------------------------------------------------------------------------


def named(call: kit.Call) -> kit.Instrument:
    """The contract that `symbol` or (COIN-M statistics) `pair` names."""
    return call.contract((call.text("symbol") or f"{call.text('pair')}_PERP").upper())


def funding(market: str) -> kit.Endpoint:
    """Ascending, of one symbol or all; without times the latest 200."""

    def endpoint(call: kit.Call) -> list[dict[str, Any]]:
        one_of = call.text("symbol") or call.text("pair")
        listed = [named(call)] if one_of else call.contracts(market)
        limit = kit.Limit(100, 1000).of(call)
        start, end = call.integer("startTime"), call.integer("endTime", call.now_ms)
        from_ms = (start or call.tape.start_ms) - MINUTE_MS
        settled = sorted(
            (at + int(8 * steady(one.symbol, at)), one.symbol, at)
            for one in listed
            for at in call.tape.funding_times_ms(one, from_ms, min(end, call.now_ms))
        )
        settled = [row for row in settled if start <= row[0] <= end]
        page = settled[:limit] if call.text("startTime") else settled[-min(limit, 200) :]
        quotes = [
            (jittered, call.quote(call.contract(symbol), at)) for jittered, symbol, at in page
        ]
        return [
            {
                "symbol": q.symbol,
                "fundingTime": jittered,
                "fundingRate": fixed(q.rate, 8),
                "markPrice": fixed(q.mark, max(8, q.contract.price_decimals)),
            }
            for jittered, q in quotes
        ]

    return endpoint


def statistics(row: Callable[[kit.Quote, int], dict[str, Any]]) -> kit.Endpoint:
    """`/futures/data`, ascending on the period's grid within 30 days: the last of the range, or
    the first after a start without an end. `row` takes the period in minutes as well.
    """

    def endpoint(call: kit.Call) -> list[dict[str, Any]]:
        contract, tape = named(call), call.tape
        minutes = INTERVAL_MINUTES.get(call.text("period", "5m"), 5)
        step, limit = minutes * MINUTE_MS, kit.Limit(30, 500).of(call)
        start, end = WINDOW.of(call)
        floor = max(call.now_ms - STATISTICS_KEPT_MS, tape.start_ms + step)
        times = grid(step, max(start, floor), min(end, tape.end_ms))
        from_start = call.text("startTime") and "endTime" not in call.params
        page = times[:limit] if from_start else times[-limit:]
        return [row(call.quote(contract, at_ms), minutes) for at_ms in page]

    return endpoint


def subject(q: kit.Quote) -> dict[str, str]:
    return {"pair": pair(q.contract)} if q.contract.inverse else {"symbol": q.symbol}


def open_interest(q: kit.Quote, minutes: int) -> dict[str, Any]:
    asset = q.tape.assets[q.tape.asset_index[q.contract.asset]]
    inverse = q.contract.inverse
    return {
        **subject(q),
        **({"contractType": "PERPETUAL"} if inverse else {}),
        "sumOpenInterest": oi_statistic(q),
        "sumOpenInterestValue": oi_value(q),
        **({} if inverse else {"CMCCirculatingSupply": fixed(asset.supply, 8)}),
        "timestamp": q.at_ms,
    }


def ratio(kind: str) -> kit.Endpoint:
    def row(q: kit.Quote, minutes: int) -> dict[str, Any]:
        ratio = q.ratio(kind)
        long_share = ratio / (1 + ratio)
        return {
            **subject(q),
            "longShortRatio": fixed(ratio, 4),
            "longAccount": fixed(long_share, 4),
            "shortAccount": fixed(1 - long_share, 4),
            "timestamp": q.at_ms,
        }

    return statistics(row)


def taker_ratio(q: kit.Quote, minutes: int) -> dict[str, Any]:
    """Taker volumes in base units over the period."""
    ratio = q.ratio("taker_volume")
    _, _, usd = q.tape.day_of(q.contract.asset, q.minute, minutes)
    volume = usd * q.contract.oi_share / q.mark
    return {
        "buySellRatio": fixed(ratio, 4),
        "buyVol": fixed(volume * ratio / (1 + ratio), 4),
        "sellVol": fixed(volume / (1 + ratio), 4),
        "timestamp": q.at_ms,
    }


def klines(call: kit.Call) -> list[list[Any]]:
    """Spot klines, ascending: the first from a start on, or else the latest."""
    tape, series = call.tape, spot_series(call.tape, call.text("symbol").upper())
    width = INTERVAL_MINUTES.get(call.text("interval", "1m"), 1)
    step, limit = width * MINUTE_MS, kit.Limit(500, 1000).of(call)
    start, end = WINDOW.of(call)
    starts = grid(step, max(start, tape.start_ms), min(end, tape.end_ms - 1))
    wanted = starts[:limit] if call.text("startTime") else starts[-limit:]
    if not wanted:
        return []
    known = (min(call.now_ms, tape.end_ms) - tape.start_ms) // MINUTE_MS
    first = (wanted[0] - tape.start_ms) // MINUTE_MS
    last = min((wanted[-1] + step - tape.start_ms) // MINUTE_MS, known)
    return kline_rows(tape, series, first, last, width)


def host(endpoints: dict[str, kit.Endpoint]) -> kit.Api:
    html = {"content-type": "text/html"}
    return kit.Api(
        endpoints,
        not_listed=json_response({"code": -1121, "msg": "Invalid symbol."}, 400),
        unknown=kit.Response(404, b"<html><body><h2>404 Not found</h2></body></html>", html),
        headers={"x-mbx-used-weight-1m": "7"},
    )


DATA = "/futures/data"


def futures(market: str, root: str) -> kit.Api:
    """The USD-M or the COIN-M host."""
    return host(
        {
            f"{root}/exchangeInfo": exchange_info(market),
            f"{root}/premiumIndex": kit.Snapshot(premium, market),
            f"{root}/ticker/24hr": kit.Snapshot(ticker, market),
            f"{root}/fundingInfo": funding_info(market),
            f"{root}/fundingRate": funding(market),
            f"{DATA}/openInterestHist": statistics(open_interest),
            f"{DATA}/globalLongShortAccountRatio": ratio("accounts"),
            f"{DATA}/topLongShortAccountRatio": ratio("top_accounts"),
            f"{DATA}/topLongShortPositionRatio": ratio("top_positions"),
            f"{DATA}/takerlongshortRatio": statistics(taker_ratio),
        }
    )


APIS: dict[str, Responder] = {
    "binance_um": futures("um", "/fapi/v1"),
    "binance_cm": futures("cm", "/dapi/v1"),
    "binance_spot": host({"/api/v3/klines": klines}),
    "binance_dumps": bucket,
}
# A second begins with an order (docs/semantics.md); its largest is published since 2026-04-14.
RULE = kit.PublicationRule("first_from_order", changes=((LARGEST_FROM_AT, "largest_from_order"),))
EXCHANGE = kit.Exchange(
    "binance",
    APIS,
    files=("binance_dumps",),
    streams=(kit.ExchangeStream("binance_ws", per_push("binance", messages), replies, opened),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.42, flow_weight=0.40, size_scale=0.98),
    faults=dict.fromkeys((*APIS, "binance_ws"), FAULTS),
    faulty_file=faulty_dump,
    written=force_order,
)
