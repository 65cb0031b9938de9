"""Binance: forceOrder frames, REST of the USD-M, COIN-M and spot hosts, and the downloadable dumps.

All numbers in frames are strings; `E` and `T` are integers of milliseconds.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

import numpy as np

from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue
from unwind.simulator.listings import contract, usual_funding_hours
from unwind.simulator.market import (
    DAY_MS,
    HOUR_MS,
    LONG,
    MINUTE_MS,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
    epoch_ms,
    instant,
    steady,
)
from unwind.simulator.responses import (
    Answer,
    Request,
    fixed,
    json_answer,
    json_object,
    json_text,
    padded,
    stepped,
)

PERIOD_MINUTES = {
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "12h": 720,
    "1d": 1440,
}
INTERVAL_MINUTES = {"1m": 1, "3m": 3, "8h": 480} | PERIOD_MINUTES
# Of a second the largest, not the latest:
# https://developers.binance.com/docs/derivatives/change-log
LARGEST_FROM_AT = datetime(2026, 4, 14, tzinfo=UTC)
# From this instant USD-M metrics rows are labelled with the start of their five minutes, before it
# with the end.
METRICS_START_LABELS_FROM = datetime(2026, 6, 25, tzinfo=UTC)
SPOT_MICROSECONDS_FROM = date(2025, 1, 1)
DUMP_DELAY_MS = 4 * HOUR_MS
HISTORY_MS = 30 * DAY_MS
SPOT_VOLUME_SHARES = {"USDT": 0.35, "USDC": 0.05}
BAR_KINDS = {"klines": "trade", "markPriceKlines": "mark", "indexPriceKlines": "index"}
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
SNAPSHOT_HEADER = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
    "last_fill_quantity,accumulated_fill_quantity"
)
METRICS_HEADER = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)

COIN_MARGINED = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC")
USDC_MARGINED = ("BTC", "ETH", "SOL")
CONNECTIONS = ("binance_um", "binance_cm", "binance_spot", "binance_dumps")
GEO_BLOCK = {
    "code": 0,
    "msg": "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you "
    "received this message in error.",
}
FAULTS = {
    "throttled": json_answer(
        {
            "code": -1003,
            "msg": "Too many requests; current limit is 2400 request weight per 1 MINUTE.",
        },
        429,
    ),
    "banned": json_answer(
        {"code": -1003, "msg": "Way too much request weight used; IP banned until 1769698800000."},
        418,
    ),
    "geo_blocked": json_answer(GEO_BLOCK, 451),
    "error_code": json_answer({"code": -1003, "msg": "Too many requests."}),
}


def _instrument(tape: Tape, symbol: str) -> Instrument | None:
    number = tape.instrument_number.get(("binance", symbol.upper()))
    return None if number is None else tape.instruments[number]


def _pair(instrument: Instrument) -> str:
    return instrument.symbol.removesuffix("_PERP")


# -- contracts -------------------------------------------------------------------------------------


def contracts(asset: Asset) -> list[Instrument]:
    """USD-M contracts in USDT and some in USDC, and COIN-M ones of the large coins."""
    name = asset.symbol
    multiplier = 1000.0 if name == "PEPE" else 1.0
    base = f"1000{name}" if multiplier > 1 else name
    inverse = 0.08 if name in COIN_MARGINED else 0.0
    usdc = 0.05 if name in USDC_MARGINED else 0.0
    found = [
        contract(
            "binance",
            "um",
            asset,
            f"{base}USDT",
            1 - inverse - usdc,
            base_asset=base,
            multiplier=multiplier,
            funding_interval_hours=usual_funding_hours(asset),
        )
    ]
    if usdc:
        found.append(contract("binance", "um", asset, f"{base}USDC", usdc, quote_asset="USDC"))
    if inverse:
        found.append(
            contract(
                "binance",
                "cm",
                asset,
                f"{name}USD_PERP",
                inverse,
                quote_asset="USD",
                inverse=True,
                contract_size=100.0 if name == "BTC" else 10.0,
                quantity_decimals=0,
            )
        )
    return found


# -- frames ----------------------------------------------------------------------------------------


def force_order(tape: Tape, one: Liquidation) -> str:
    """The forceOrder frame of one published liquidation."""
    instrument = tape.instruments[one.instrument]
    quantity = one.quantity_steps
    size = stepped(quantity, instrument.quantity_decimals)
    last = max(1, quantity - int(quantity * 0.6 * steady("last fill", one.row)))
    order = {
        "s": instrument.symbol,
        "S": "SELL" if one.side == LONG else "BUY",
        "o": "LIMIT",
        "f": "IOC",
        "q": size,
        "p": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        "ap": stepped(one.fill_ticks, instrument.price_decimals),
        "X": "FILLED",
        "l": stepped(last, instrument.quantity_decimals),
        "z": size,
        "T": one.at_ms,
    }
    market = 2 if instrument.market == "cm" else 1
    return json_text(
        {
            "e": "forceOrder",
            "E": one.pushed_ms,
            "ps": _pair(instrument),
            "st": market,
            "o": order,
        }
    )


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """Frames pushed in [from, to) as (push time, text); `symbols` (lower case) limits them."""
    names = [i.symbol.lower() for i in tape.instruments]
    return [
        (one.pushed_ms, force_order(tape, one))
        for one in tape.records(tape.pushed_rows("binance", from_ms, to_ms))
        if symbols is None or names[one.instrument] in symbols
    ]


def opened(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    """A URL subscribes by itself. A route other than /market is accepted and stays silent."""
    path = subscriber.path
    if path == "/market/stream":
        subscriber.wrap = _combined(subscriber)
        names = dict(parse_qsl(query, keep_blank_values=True)).get("streams", "")
    elif path == "/market/ws" or path.startswith("/market/ws/"):
        names = path.removeprefix("/market/ws").lstrip("/")
    else:
        subscriber.deaf = True
        return []
    for name in filter(None, unquote(names).split("/")):
        _subscribe(subscriber, name)
    return []


def _combined(subscriber: Subscriber) -> Callable[[str], str]:
    """A combined connection names each frame's stream around it."""

    def wrapped(text: str) -> str:
        symbol = json.loads(text)["o"]["s"].lower()
        name = "!forceOrder@arr" if subscriber.everything else f"{symbol}@forceOrder"
        return f'{{"stream":"{name}","data":{text}}}'

    return wrapped


def _subscribe(subscriber: Subscriber, name: str) -> None:
    if name == "!forceOrder@arr":
        subscriber.everything = True
    elif name.endswith("@forceOrder"):
        subscriber.symbols.add(name.removesuffix("@forceOrder"))


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """SUBSCRIBE and UNSUBSCRIBE are acknowledged; what is no request is refused."""
    order = json_object(text)
    if "method" not in order:
        return [json_text({"error": {"code": 2, "msg": f"Invalid request: {text[:80]}"}})]
    if order["method"] == "SUBSCRIBE":
        for name in order.get("params", []):
            _subscribe(subscriber, name)
    elif order["method"] == "UNSUBSCRIBE":
        subscriber.everything = False
        subscriber.symbols.clear()
    return [json_text({"result": None, "id": order.get("id")})]


# -- REST ------------------------------------------------------------------------------------------


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The REST answer of fapi, dapi, the spot host or the dump bucket at an instant."""
    if request.connection == "binance_dumps":
        return dump_answer(tape, now_ms, request)
    name = re.sub(r"^/(fapi|dapi)/v\d+/|^/futures/data/|^/api/v3/", "", request.path)
    handler = (
        SPOT_HANDLERS.get(name) if request.connection == "binance_spot" else HANDLERS.get(name)
    )
    if handler is None:
        return Answer(
            404, b"<html><body><h2>404 Not found</h2></body></html>", {"content-type": "text/html"}
        )
    try:
        value = handler(tape, now_ms, request)
    except KeyError:
        return json_answer({"code": -1121, "msg": "Invalid symbol."}, 400)
    return json_answer(value, x_mbx_used_weight_1m="7")


def _market(request: Request) -> str:
    return "cm" if request.connection == "binance_cm" else "um"


def _named(tape: Tape, request: Request) -> Instrument:
    """The instrument that `symbol` or (COIN-M statistics) `pair` names; KeyError when unknown."""
    symbol = request.params.get("symbol") or f"{request.params.get('pair', '')}_PERP"
    instrument = _instrument(tape, symbol)
    if instrument is None:
        raise KeyError(symbol)
    return instrument


def exchange_info(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
    """exchangeInfo of the USD-M or COIN-M host."""
    market = _market(request)
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED" if market == "um" else "COIN_MARGINED",
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 2400,
            }
        ],
        "exchangeFilters": [],
        "symbols": [_listing(i) for i in tape.instruments_of("binance", market)],
    }


def _listing(instrument: Instrument) -> dict[str, Any]:
    margin = instrument.base_asset if instrument.inverse else instrument.quote_asset
    tick = fixed(10.0**-instrument.price_decimals, instrument.price_decimals)
    step = fixed(10.0**-instrument.quantity_decimals, instrument.quantity_decimals)
    status = {"contractStatus" if instrument.inverse else "status": "TRADING"}
    size = {"contractSize": int(instrument.contract_size)} if instrument.inverse else {}
    return (
        {
            "symbol": instrument.symbol,
            "pair": _pair(instrument),
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
        }
        | status
        | size
        | {
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": instrument.base_asset,
            "quoteAsset": instrument.quote_asset,
            "marginAsset": margin,
            "pricePrecision": instrument.price_decimals,
            "quantityPrecision": instrument.quantity_decimals,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": [],
            "triggerProtect": "0.0500",
            "liquidationFee": "0.012500",
            "marketTakeBound": "0.05",
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": tick,
                    "maxPrice": "1000000",
                    "tickSize": tick,
                },
                {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "10000000", "stepSize": step},
            ],
            "orderTypes": ["LIMIT", "MARKET", "STOP"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        }
    )


def open_interest(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
    """openInterest: base coins for USD-M, contracts for COIN-M."""
    instrument = _named(tape, request)
    value = _oi_text(tape, instrument, tape.minute_of(now_ms))
    if instrument.inverse:
        return {
            "symbol": instrument.symbol,
            "pair": _pair(instrument),
            "openInterest": value,
            "contractType": "PERPETUAL",
            "time": now_ms,
        }
    return {"openInterest": value, "symbol": instrument.symbol, "time": now_ms}


def _oi_text(tape: Tape, instrument: Instrument, minute: int) -> str:
    return fixed(tape.oi_contracts(instrument, minute), instrument.quantity_decimals)


def _oi_statistic(tape: Tape, instrument: Instrument, minute: int) -> str:
    """Open interest as the statistics endpoints and dumps write it.

    Whole steps, with eight decimals for USD-M.
    """
    steps = round(tape.oi_contracts(instrument, minute), instrument.quantity_decimals)
    return fixed(steps, 0 if instrument.inverse else 8)


def _oi_value_text(tape: Tape, instrument: Instrument, minute: int) -> str:
    """Value of the open interest: USD for USD-M, base coins for COIN-M."""
    value = (
        tape.oi_base(instrument, minute) if instrument.inverse else tape.oi_usd(instrument, minute)
    )
    return fixed(value, 8)


def _statistic_times(tape: Tape, now_ms: int, request: Request) -> list[int]:
    """Instants of a `/futures/data` answer, ascending.

    The period's grid within 30 days, the last `limit` of the range.
    """
    step = PERIOD_MINUTES.get(request.params.get("period", "5m"), 5) * MINUTE_MS
    limit = min(request.integer("limit", 30) or 30, 500)
    end = min(request.integer("endTime", now_ms) or now_ms, now_ms, tape.end_ms)
    start = request.integer("startTime")
    floor = max(now_ms - HISTORY_MS, tape.start_ms + step)
    grid = range(-(-max(start or 0, floor) // step) * step, end + 1, step)
    return list(
        grid[:limit]
        if start is not None and request.params.get("endTime") is None
        else grid[-limit:]
    )


def _subject(instrument: Instrument) -> dict[str, str]:
    return {"pair": _pair(instrument)} if instrument.inverse else {"symbol": instrument.symbol}


def open_interest_hist(tape: Tape, now_ms: int, request: Request) -> list[dict[str, Any]]:
    """openInterestHist, ascending."""
    instrument = _named(tape, request)
    subject = _subject(instrument) | ({"contractType": "PERPETUAL"} if instrument.inverse else {})
    supply = fixed(tape.assets[tape.asset_index[instrument.asset]].supply, 8)
    extra = {} if instrument.inverse else {"CMCCirculatingSupply": supply}
    return [
        subject
        | {
            "sumOpenInterest": _oi_statistic(tape, instrument, tape.minute_of(at)),
            "sumOpenInterestValue": _oi_value_text(tape, instrument, tape.minute_of(at)),
        }
        | extra
        | {"timestamp": at}
        for at in _statistic_times(tape, now_ms, request)
    ]


def _ratio_rows(kind: str):
    def rows(tape: Tape, now_ms: int, request: Request) -> list[dict[str, Any]]:
        instrument = _named(tape, request)
        result = []
        times = _statistic_times(tape, now_ms, request)
        ratios = tape.long_short_ratios(instrument, times, kind)
        for at, ratio in zip(times, ratios, strict=True):
            long_share = ratio / (1 + ratio)
            result.append(
                _subject(instrument)
                | {
                    "longShortRatio": fixed(ratio, 4),
                    "longAccount": fixed(long_share, 4),
                    "shortAccount": fixed(1 - long_share, 4),
                    "timestamp": at,
                }
            )
        return result

    return rows


def taker_ratio(tape: Tape, now_ms: int, request: Request) -> list[dict[str, Any]]:
    """takerlongshortRatio, ascending: taker volumes in base units over the period."""
    instrument = _named(tape, request)
    step = PERIOD_MINUTES.get(request.params.get("period", "5m"), 5)
    result = []
    times = _statistic_times(tape, now_ms, request)
    ratios = tape.long_short_ratios(instrument, times, "taker_volume")
    for at, ratio in zip(times, ratios, strict=True):
        last = tape.minute_of(at)
        volume = _volume_usd(tape, instrument, last - step + 1, last + 1) / tape.mark_price(
            instrument, last
        )
        result.append(
            {
                "buySellRatio": fixed(ratio, 4),
                "buyVol": fixed(volume * ratio / (1 + ratio), 4),
                "sellVol": fixed(volume / (1 + ratio), 4),
                "timestamp": at,
            }
        )
    return result


def _volume_usd(tape: Tape, instrument: Instrument, first: int, last: int) -> float:
    sums = tape.volume_usd[tape.asset_index[instrument.asset], max(first, 0) : last]
    return float(sums.sum()) * instrument.oi_share


def premium_index(tape: Tape, now_ms: int, request: Request) -> Any:
    """premiumIndex: one object for a USD-M symbol, a list otherwise."""
    if request.params.get("symbol"):
        instrument = _named(tape, request)
        row = _premium_row(tape, now_ms, instrument)
        return [row] if instrument.inverse else row
    return [_premium_row(tape, now_ms, i) for i in tape.instruments_of("binance", _market(request))]


def _premium_row(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute = tape.minute_of(now_ms)
    step = instrument.funding_interval_hours * HOUR_MS
    decimals = max(8, instrument.price_decimals)
    pair = {"pair": _pair(instrument)} if instrument.inverse else {}
    index = tape.index_price(instrument, minute)
    return (
        {"symbol": instrument.symbol}
        | pair
        | {
            "markPrice": fixed(tape.mark_price(instrument, minute), decimals),
            "indexPrice": fixed(index, decimals),
            "estimatedSettlePrice": fixed(index * 1.0001, decimals),
            "lastFundingRate": fixed(tape.funding_rate(instrument, now_ms), 8),
            "interestRate": "0.00010000",
            "nextFundingTime": (now_ms // step + 1) * step,
            "time": now_ms // 1000 * 1000,
        }
    )


def funding_rate(tape: Tape, now_ms: int, request: Request) -> list[dict[str, Any]]:
    """fundingRate, ascending; without times the latest 200.

    Without a symbol those of all symbols.
    """
    named = request.params.get("symbol") or request.params.get("pair")
    listed = [_named(tape, request)] if named else tape.instruments_of("binance", _market(request))
    limit = min(request.integer("limit", 100) or 100, 1000)
    start, end = request.integer("startTime"), request.integer("endTime", now_ms) or now_ms
    settled = sorted(
        (at + int(8 * steady(instrument.symbol, at)), instrument.symbol, at, instrument)
        for instrument in listed
        for at in tape.funding_times_ms(
            instrument, (start or tape.start_ms) - MINUTE_MS, min(end, now_ms)
        )
    )
    settled = [row for row in settled if row[0] >= (start or 0) and row[0] <= end]
    settled = settled[:limit] if start is not None else settled[-min(limit, 200) :]
    return [
        {
            "symbol": symbol,
            "fundingTime": jittered,
            "fundingRate": fixed(tape.funding_rate(instrument, at), 8),
            "markPrice": fixed(
                tape.mark_price(instrument, tape.minute_of(at)), max(8, instrument.price_decimals)
            ),
        }
        for jittered, symbol, at, instrument in settled
    ]


def funding_info(tape: Tape, now_ms: int, request: Request) -> list[dict[str, Any]]:
    """fundingInfo: only symbols whose interval is not the usual eight hours."""
    return [
        {
            "symbol": i.symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": i.funding_interval_hours,
            "disclaimer": False,
        }
        for i in tape.instruments_of("binance", _market(request))
        if i.funding_interval_hours != 8
    ]


def ticker_24h(tape: Tape, now_ms: int, request: Request) -> Any:
    """ticker/24hr of one symbol or all."""
    if request.params.get("symbol"):
        return _ticker(tape, now_ms, _named(tape, request))
    return [_ticker(tape, now_ms, i) for i in tape.instruments_of("binance", _market(request))]


def _ticker(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    last = tape.minute_of(now_ms)
    first = max(0, last - 1439)
    number = tape.asset_index[instrument.asset]
    price, before = tape.mark_price(instrument, last), tape.mark_price(instrument, first)
    usd = _volume_usd(tape, instrument, first, last + 1)
    decimals = instrument.price_decimals
    volumes = (
        {"volume": fixed(usd / instrument.contract_size, 0), "baseVolume": fixed(usd / price, 8)}
        if instrument.inverse
        else {"volume": fixed(usd / price, 3), "quoteVolume": fixed(usd, 2)}
    )
    return (
        {
            "symbol": instrument.symbol,
            "priceChangePercent": fixed(100 * (price / before - 1), 3),
            "lastPrice": fixed(price, decimals),
            "openPrice": fixed(before, decimals),
            "highPrice": fixed(
                tape.mark_high[number, first : last + 1].max() * instrument.multiplier, decimals
            ),
            "lowPrice": fixed(
                tape.mark_low[number, first : last + 1].min() * instrument.multiplier, decimals
            ),
        }
        | volumes
        | {"openTime": now_ms - DAY_MS, "closeTime": now_ms, "count": int(usd // 900)}
    )


@dataclass(frozen=True)
class _Bars:
    """What a series of klines is of.

    `volume_share` is its share of the asset's volume (0: it carries none).
    """

    asset: str
    kind: str
    decimals: int
    multiplier: float = 1.0
    volume_share: float = 0.0
    contract_usd: float = 0.0

    def volumes(self, usd: float, price: float) -> tuple[str, str]:
        """Volume and quote volume: COIN-M counts contracts, and base coins in the second column."""
        base = usd / price / self.multiplier
        if self.contract_usd:
            return fixed(usd / self.contract_usd, 0), fixed(base, 8)
        return fixed(base, 5), fixed(usd, 8)


def _kline_rows(tape: Tape, of: _Bars, first: int, last: int, width: int) -> list[list[Any]]:
    """Arrays of twelve over minutes [first, last); mark and index klines carry no volumes."""
    rows = []
    on_spot = of.kind in ("spot", "index")
    for number, bar in enumerate(tape.bars(of.asset, first, last, width, spot=on_spot).tolist()):
        open_ms = tape.start_ms + (first + number * width) * MINUTE_MS
        prices = [fixed(value * of.multiplier, of.decimals) for value in bar[:4]]
        usd, close = bar[4] * of.volume_share, bar[3]
        if of.volume_share:
            bought = usd * (0.42 + 0.16 * steady(of.asset, open_ms))
            volume, quote = of.volumes(usd, close)
            rest = [quote, int(usd // 650) + 1, *of.volumes(bought, close)]
        else:
            volume, rest = "0", ["0", 60 * width, "0", "0"]
        rows.append([open_ms, *prices, volume, open_ms + width * MINUTE_MS - 1, *rest, "0"])
    return rows


def _klines(kind: str):
    def rows(tape: Tape, now_ms: int, request: Request) -> list[list[Any]]:
        of = _asked_bars(tape, request, kind)
        width = INTERVAL_MINUTES.get(request.params.get("interval", "1m"), 1)
        step = width * MINUTE_MS
        limit = min(request.integer("limit", 500) or 500, 1000 if kind == "spot" else 1500)
        end = min(request.integer("endTime", now_ms) or now_ms, now_ms, tape.end_ms - 1)
        start = request.integer("startTime")
        grid = range(-(-max(start or 0, tape.start_ms) // step) * step, end + 1, step)
        wanted = grid[:limit] if start is not None else grid[-limit:]
        known = (min(now_ms, tape.end_ms) - tape.start_ms) // MINUTE_MS
        if not wanted:
            return []
        first = (wanted[0] - tape.start_ms) // MINUTE_MS
        last = min((wanted[-1] + step - tape.start_ms) // MINUTE_MS, known)
        return _kline_rows(tape, of, first, last, width)

    return rows


def _asked_bars(tape: Tape, request: Request, kind: str) -> _Bars:
    symbol = (request.params.get("symbol") or request.params.get("pair") or "").upper()
    if kind == "spot":
        return _spot_bars(tape, symbol)
    instrument = _instrument(tape, symbol) or _instrument(tape, f"{symbol}_PERP")
    if instrument is None:
        raise KeyError(symbol)
    return _futures_bars(instrument, kind)


def _spot_bars(tape: Tape, symbol: str) -> _Bars:
    """Spot pairs against USDT, and those against USDC that have a USDC contract; else KeyError."""
    quote = symbol[-4:]
    asset = tape.assets[tape.asset_index[symbol[:-4]]]
    if quote not in SPOT_VOLUME_SHARES or asset.symbol == quote or not asset.has_spot:
        raise KeyError(symbol)
    if quote == "USDC" and _instrument(tape, symbol) is None:
        raise KeyError(symbol)
    decimals = max(2, asset.price_decimals)
    return _Bars(asset.symbol, "spot", decimals, volume_share=SPOT_VOLUME_SHARES[quote])


def _futures_bars(instrument: Instrument, kind: str) -> _Bars:
    return _Bars(
        instrument.asset,
        kind,
        instrument.price_decimals if kind == "trade" else max(8, instrument.price_decimals),
        instrument.multiplier,
        instrument.oi_share if kind == "trade" else 0.0,
        instrument.contract_size if instrument.inverse else 0.0,
    )


HANDLERS = {
    "exchangeInfo": exchange_info,
    "openInterest": open_interest,
    "openInterestHist": open_interest_hist,
    "premiumIndex": premium_index,
    "fundingRate": funding_rate,
    "fundingInfo": funding_info,
    "globalLongShortAccountRatio": _ratio_rows("accounts"),
    "topLongShortAccountRatio": _ratio_rows("top_accounts"),
    "topLongShortPositionRatio": _ratio_rows("top_positions"),
    "takerlongshortRatio": taker_ratio,
    "ticker/24hr": ticker_24h,
    "markPriceKlines": _klines("mark"),
    "indexPriceKlines": _klines("index"),
    "klines": _klines("trade"),
    "time": lambda tape, now_ms, request: {"serverTime": now_ms},
    "ping": lambda tape, now_ms, request: {},
}
SPOT_HANDLERS = {
    "klines": _klines("spot"),
    "time": HANDLERS["time"],
    "ping": HANDLERS["ping"],
}


# -- dumps -----------------------------------------------------------------------------------------

_DUMP = re.compile(
    r"^data/(?P<market>futures/um|futures/cm|spot)/(?P<frequency>daily|monthly)/(?P<type>\w+)/(?P<symbol>[A-Z0-9_]+)/"
    r"(?:(?P<interval>\d+[mhd])/)?(?P<stem>[A-Z0-9_]+-[A-Za-z0-9]+-(?P<period>\d{4}-\d{2}(?:-\d{2})?))\.zip$"
)
NO_SUCH_KEY = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>{}</Key><RequestId>0A1B2C3D4E5F6071</RequestId></Error>'  # noqa: E501


@lru_cache(maxsize=256)
def dump_csv(tape: Tape, key: str, *, odd_rows: bool = False, revision: int = 0) -> str | None:
    """CSV text of a dump key, or None when the venue has no such file.

    `odd_rows` drops one of a doubled pair; a `revision` above 0 is a file published again, one row
    longer in its last digit.
    """
    parts = _DUMP.match(key)
    if parts is None:
        return None
    market = parts["market"].removeprefix("futures/")
    span = _period(parts["frequency"], parts["period"])
    if span is None or span[1] <= tape.start_ms or span[0] >= tape.end_ms:
        return None
    kind = parts["type"]
    if market == "spot":
        text = (
            _spot_csv(tape, parts["symbol"], parts["interval"], span) if kind == "klines" else None
        )
    else:
        instrument = _instrument(tape, parts["symbol"])
        if instrument is None or instrument.market != market:
            return None
        text = _futures_csv(tape, instrument, kind, parts["frequency"], parts["interval"], span)
    if text is None:
        return None
    lines = text.split("\n")
    if odd_rows and len(lines) > 3:
        del lines[2]
    if revision and len(lines) > 2:
        lines[-2] = (
            lines[-2][:-1] + str((int(lines[-2][-1]) + 1) % 10)
            if lines[-2][-1].isdigit()
            else lines[-2]
        )
    return "\n".join(lines)


def _period(frequency: str, text: str) -> tuple[int, int] | None:
    try:
        if frequency == "daily":
            first = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return epoch_ms(first), epoch_ms(first) + DAY_MS
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    following = (first + timedelta(days=32)).replace(day=1)
    return epoch_ms(first), epoch_ms(following)


def _futures_csv(
    tape: Tape,
    instrument: Instrument,
    kind: str,
    frequency: str,
    interval: str | None,
    span: tuple[int, int],
) -> str | None:
    if kind == "liquidationSnapshot" and instrument.market == "cm" and frequency == "daily":
        return _snapshot_csv(tape, instrument, span)
    if kind == "metrics" and frequency == "daily":
        return _metrics_csv(tape, instrument, span)
    if kind == "fundingRate" and frequency == "monthly":
        lines = [
            f"{at + int(8 * steady(instrument.symbol, at))},{instrument.funding_interval_hours},"
            f"{fixed(tape.funding_rate(instrument, at), 8)}"
            for at in tape.funding_times_ms(instrument, span[0], span[1] - 1)
        ]
        return _csv("calc_time,funding_interval_hours,last_funding_rate", lines)
    if kind in BAR_KINDS and interval in INTERVAL_MINUTES:
        of = _futures_bars(instrument, BAR_KINDS[kind])
        return _csv(KLINE_HEADER, _dump_bars(tape, of, interval, span))
    return None


def _csv(header: str | None, lines: Iterable[str]) -> str:
    return "\n".join([*([header] if header else []), *lines, ""])


def _dump_bars(
    tape: Tape, of: _Bars, interval: str, span: tuple[int, int], scale: int = 1
) -> list[str]:
    """Lines of a kline dump; `scale` 1000 writes microseconds."""
    first = max(0, (span[0] - tape.start_ms) // MINUTE_MS)
    last = min(tape.minutes, (span[1] - tape.start_ms) // MINUTE_MS)
    rows = _kline_rows(tape, of, first, last, INTERVAL_MINUTES[interval])
    return [
        ",".join(map(str, [row[0] * scale, *row[1:6], (row[6] + 1) * scale - 1, *row[7:]]))
        for row in rows
    ]


def _spot_csv(tape: Tape, symbol: str, interval: str | None, span: tuple[int, int]) -> str | None:
    """Spot klines: no header, microseconds since 2025."""
    if interval not in INTERVAL_MINUTES:
        return None
    try:
        of = _spot_bars(tape, symbol)
    except KeyError:
        return None
    scale = 1000 if instant(span[0]).date() >= SPOT_MICROSECONDS_FROM else 1
    return _csv(None, _dump_bars(tape, of, interval, span, scale))


def _snapshot_csv(tape: Tape, instrument: Instrument, span: tuple[int, int]) -> str | None:
    """liquidationSnapshot: what the throttled stream let out, every row written twice."""
    number = tape.instrument_number[("binance", instrument.symbol)]
    lines = []
    for one in tape.records(tape.rows("binance", *span)):
        if one.instrument != number:
            continue
        quantity = one.quantity_steps
        size = stepped(quantity, instrument.quantity_decimals)
        last = max(1, quantity - int(quantity * 0.6 * steady("last fill", one.row)))
        line = ",".join(
            [
                str(one.at_ms),
                "SELL" if one.side == LONG else "BUY",
                "LIMIT",
                "IOC",
                size,
                padded(one.bankruptcy_ticks, instrument.price_decimals),
                padded(one.fill_ticks, instrument.price_decimals),
                "FILLED",
                stepped(last, instrument.quantity_decimals),
                size,
            ]
        )
        lines += [line, line]
    return _csv(SNAPSHOT_HEADER, lines) if lines else None


def _metrics_csv(tape: Tape, instrument: Instrument, span: tuple[int, int]) -> str:
    """metrics: COIN-M and newer USD-M rows are labelled with the start of their five minutes, older
    USD-M with the end.
    """
    five = 5 * MINUTE_MS
    start_labels = instrument.market == "cm" or span[0] >= epoch_ms(METRICS_START_LABELS_FROM)
    known_at = [at for at in range(span[0] + five, span[1] + five, five) if at <= tape.end_ms]
    ratios = zip(
        *(
            tape.long_short_ratios(instrument, known_at, kind)
            for kind in ("top_accounts", "top_positions", "accounts", "taker_volume")
        ),
        strict=True,
    )
    lines = []
    for at, shares in zip(known_at, ratios, strict=True):
        minute = tape.minute_of(at)
        created = instant(at - five if start_labels else at).strftime("%Y-%m-%d %H:%M:%S")
        stock = [_oi_statistic(tape, instrument, minute), _oi_value_text(tape, instrument, minute)]
        texts = [fixed(share, 8) for share in shares]
        lines.append(",".join([created, instrument.symbol, *stock, *texts]))
    return _csv(METRICS_HEADER, lines)


@lru_cache(maxsize=256)
def zipped(csv_text: str, stem: str) -> bytes:
    """A zip holding one CSV of the same stem; equal text gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            zipfile.ZipInfo(f"{stem}.csv", (2026, 1, 1, 0, 0, 0)), csv_text, zipfile.ZIP_DEFLATED
        )
    return buffer.getvalue()


def dump_zip(
    tape: Tape, now_ms: int, key: str, *, odd_rows: bool = False, revision: int = 0
) -> bytes | None:
    """The zip at a key, or None when it does not exist (yet)."""
    parts = _DUMP.match(key)
    if parts is None or now_ms < _published_ms(parts):
        return None
    text = dump_csv(tape, key, odd_rows=odd_rows, revision=revision)
    return None if text is None else zipped(text, parts["stem"])


def _published_ms(parts: re.Match[str]) -> int:
    """Daily files appear four hours after their day, monthly ones on the first Monday after their
    month.
    """
    span = _period(parts["frequency"], parts["period"])
    if span is None:
        return 2**62
    if parts["frequency"] == "daily":
        return span[1] + DUMP_DELAY_MS
    first = instant(span[1])
    return span[1] + ((7 - first.weekday()) % 7) * DAY_MS + DUMP_DELAY_MS


def checksum_line(payload: bytes, name: str) -> bytes:
    """The .CHECKSUM sidecar: sha256 of the zip, two spaces, its name."""
    return f"{hashlib.sha256(payload).hexdigest()}  {name}\n".encode()


def dump_answer(
    tape: Tape, now_ms: int, request: Request, *, odd_rows: bool = False, revision: int = 0
) -> Answer:
    """A dump, its checksum, the bucket's listing, or 404 NoSuchKey."""
    if "prefix" in request.params or request.path in ("", "/", "/data.binance.vision"):
        return Answer(
            200, listing(tape, now_ms, request.params).encode(), {"content-type": "application/xml"}
        )
    key = request.path.lstrip("/")
    zip_key = key.removesuffix(".CHECKSUM")
    payload = dump_zip(tape, now_ms, zip_key, odd_rows=odd_rows, revision=revision)
    if payload is None:
        return Answer(
            404, NO_SUCH_KEY.format(escape(key)).encode(), {"content-type": "application/xml"}
        )
    if key != zip_key:
        name = zip_key.rsplit("/", 1)[-1]
        return Answer(200, checksum_line(payload, name), {"content-type": "binary/octet-stream"})
    etag = f'"{hashlib.md5(payload, usedforsecurity=False).hexdigest()}"'
    return Answer(200, payload, {"content-type": "application/zip", "etag": etag})


def faulty_file(tape: Tape, now_ms: int, request: Request, kind: str) -> Answer:
    """A dump that is odd, published again, no zip any more, or contradicted by its checksum."""
    if request.connection != "binance_dumps":
        return answer(tape, now_ms, request)
    if kind == "odd_rows":
        return dump_answer(tape, now_ms, request, odd_rows=True)
    if kind == "republished":
        return dump_answer(tape, now_ms, request, revision=1)
    healthy = dump_answer(tape, now_ms, request)
    if healthy.status != 200:
        return healthy
    is_sidecar = request.path.endswith(".CHECKSUM")
    name = request.path.rsplit("/", 1)[-1].removesuffix(".CHECKSUM")
    if kind == "bad_checksum":
        wrong = f"{'0' * 64}  {name}\n".encode()
        return replace(healthy, body=wrong) if is_sidecar else healthy
    # The checksum agrees with the broken bytes: only opening the file shows it.
    zipped_path = request.path.removesuffix(".CHECKSUM")
    whole = dump_answer(tape, now_ms, replace(request, path=zipped_path)).body
    broken = whole[: len(whole) // 2]
    return replace(healthy, body=checksum_line(broken, name) if is_sidecar else broken)


@lru_cache(maxsize=8)
def _keys(tape: Tape) -> tuple[str, ...]:
    """Every dump key that the tape can give, whatever the instant, in the bucket's order."""
    first = instant(tape.start_ms).date()
    days = [
        first + timedelta(days=n) for n in range((instant(tape.end_ms).date() - first).days + 1)
    ]
    months = sorted({day.strftime("%Y-%m") for day in days})
    keys = []
    for item in tape.instruments_of("binance"):
        root = f"data/futures/{item.market}"
        for day in days:
            if item.market == "cm":
                folder = f"{root}/daily/liquidationSnapshot/{item.symbol}"
                keys.append(f"{folder}/{item.symbol}-liquidationSnapshot-{day}.zip")
            keys.append(f"{root}/daily/metrics/{item.symbol}/{item.symbol}-metrics-{day}.zip")
            for interval in ("1m", "5m", "1h"):
                folder = f"{root}/daily/markPriceKlines/{item.symbol}/{interval}"
                keys.append(f"{folder}/{item.symbol}-{interval}-{day}.zip")
        keys += [
            f"{root}/monthly/fundingRate/{item.symbol}/{item.symbol}-fundingRate-{month}.zip"
            for month in months
        ]
    spot = [
        f"{asset.symbol}{quote}"
        for asset in tape.assets
        if asset.has_spot
        for quote in SPOT_VOLUME_SHARES
    ]
    for symbol in spot:
        for interval in ("1m", "5m", "1h"):
            folder = f"data/spot/daily/klines/{symbol}/{interval}"
            keys += [f"{folder}/{symbol}-{interval}-{day}.zip" for day in days]
    return tuple(sorted(keys))


def listing(tape: Tape, now_ms: int, params: dict[str, str] | Any) -> str:
    """The bucket's XML listing: up to 1000 keys or folders below `prefix`, after `marker`."""
    prefix, delimiter, marker = (
        params.get("prefix", ""),
        params.get("delimiter", ""),
        params.get("marker", ""),
    )
    limit = min(int(params.get("max-keys", "1000")), 1000)
    entries: list[tuple[str, bool]] = []
    seen: set[str] = set()
    for key in _keys(tape):
        parts = _DUMP.match(key)
        if not key.startswith(prefix) or parts is None or _published_ms(parts) > now_ms:
            continue
        rest = key[len(prefix) :]
        if delimiter and delimiter in rest:
            folder = prefix + rest.split(delimiter, 1)[0] + delimiter
            if folder not in seen:
                seen.add(folder)
                entries.append((folder, True))
        elif dump_csv(tape, key) is not None:
            entries += [(key, False), (f"{key}.CHECKSUM", False)]
    wanted = [entry for entry in entries if entry[0] > marker]
    page, more = wanted[:limit], len(wanted) > limit
    body = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>data.binance.vision</Name><Prefix>{escape(prefix)}</Prefix><Marker>{escape(marker)}</Marker>"
        f"<MaxKeys>{limit}</MaxKeys><Delimiter>{escape(delimiter)}</Delimiter>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>",
    ]
    for name, is_folder in page:
        if is_folder:
            body.append(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>")
            continue
        body.append(_listed_key(tape, now_ms, name))
    if more and delimiter:
        body.append(f"<NextMarker>{escape(page[-1][0])}</NextMarker>")
    return "".join([body[0], "\n", *body[1:], "</ListBucketResult>"])


def _listed_key(tape: Tape, now_ms: int, name: str) -> str:
    zip_key = name.removesuffix(".CHECKSUM")
    parts = _DUMP.match(zip_key)
    payload = dump_zip(tape, now_ms, zip_key) or b""
    if name != zip_key:
        payload = checksum_line(payload, zip_key.rsplit("/", 1)[-1])
    modified = instant(_published_ms(parts)).strftime("%Y-%m-%dT%H:%M:%S.000Z") if parts else ""
    etag = hashlib.md5(payload, usedforsecurity=False).hexdigest()
    return (
        f"<Contents><Key>{escape(name)}</Key><LastModified>{modified}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{len(payload)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def published_event_count(tape: Tape, symbol: str, day: date) -> int:
    """Liquidations that one symbol published on one UTC day: a dump has twice as many rows."""
    start = epoch_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))
    numbers = tape.rows("binance", start, start + DAY_MS)
    return int(
        np.count_nonzero(
            tape.liquidations.instrument[numbers] == tape.instrument_number[("binance", symbol)]
        )
    )


VENUE = WireVenue(
    "binance",
    answers=dict.fromkeys(CONNECTIONS, answer),
    files=("binance_dumps",),
    streams=(WireStream("binance_ws", frames, replies, opened),),
    trading=Trading(
        contracts,
        oi_weight=0.42,
        flow_weight=0.40,
        # The largest of a second only since 2026-04-14.
        rule=PublicationRule("latest", changes=((LARGEST_FROM_AT, "largest"),)),
        size_scale=0.8,
    ),
    faults={
        (connection, kind): said
        for connection in (*CONNECTIONS, "binance_ws")
        for kind, said in FAULTS.items()
    },
    faulty_file=faulty_file,
    written=force_order,
)
