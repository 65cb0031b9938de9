"""Bybit: allLiquidation frames and the v5 market endpoints.

`S` names the position (`Buy` = a long was liquidated), `p` is the bankruptcy price, and
`openInterest` counts both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue
from unwind.simulator.listings import contract, usual_funding_hours
from unwind.simulator.market import (
    HOUR_MS,
    LONG,
    MINUTE_MS,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
)
from unwind.simulator.responses import (
    Answer,
    Request,
    fixed,
    json_answer,
    json_object,
    json_text,
    stepped,
)

PERIOD_MINUTES = {"5min": 5, "15min": 15, "30min": 30, "1h": 60, "4h": 240, "1d": 1440}
KLINE_MINUTES = {
    "1": 1,
    "3": 3,
    "5": 5,
    "15": 15,
    "30": 30,
    "60": 60,
    "120": 120,
    "240": 240,
    "D": 1440,
}

INVERSE = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC")
CONNECTION_MARK = "a4d3ae55"
THROTTLED = {"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "time": 0}


class BadParameterError(ValueError):
    """A request that Bybit answers with retCode 10001."""


# -- contracts -------------------------------------------------------------------------------------


def contracts(asset: Asset) -> list[Instrument]:
    """A linear contract, and an inverse one of some coins."""
    name = asset.symbol
    multiplier = 1000.0 if name == "PEPE" else 1.0
    base = f"1000{name}" if multiplier > 1 else name
    inverse = 0.09 if name in INVERSE else 0.0
    found = [
        contract(
            "bybit",
            "linear",
            asset,
            f"{base}USDT",
            1 - inverse,
            base_asset=base,
            multiplier=multiplier,
            funding_interval_hours=usual_funding_hours(asset),
        )
    ]
    if inverse:
        found.append(
            contract(
                "bybit",
                "inverse",
                asset,
                f"{name}USD",
                inverse,
                quote_asset="USD",
                inverse=True,
                quantity_decimals=0,
            )
        )
    return found


# -- frames ----------------------------------------------------------------------------------------


def liquidation_row(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """One row of an allLiquidation message."""
    instrument = tape.instruments[one.instrument]
    return {
        "T": one.at_ms,
        "s": instrument.symbol,
        "S": "Buy" if one.side == LONG else "Sell",
        "v": stepped(one.quantity_steps, instrument.quantity_decimals),
        "p": stepped(one.bankruptcy_ticks, instrument.price_decimals),
    }


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """Messages pushed in [from, to) as (push time, text).

    One per symbol and half second, with all its rows.
    """
    groups: dict[tuple[int, str], list[Liquidation]] = {}
    for one in tape.records(tape.pushed_rows("bybit", from_ms, to_ms)):
        symbol = tape.instruments[one.instrument].symbol
        if symbols is None or symbol in symbols:
            groups.setdefault((one.pushed_ms, symbol), []).append(one)
    return [
        (pushed, _message(tape, pushed, symbol, members))
        for (pushed, symbol), members in groups.items()
    ]


def _message(tape: Tape, pushed_ms: int, symbol: str, members: list[Liquidation]) -> str:
    return json_text(
        {
            "topic": f"allLiquidation.{symbol}",
            "type": "snapshot",
            "ts": pushed_ms,
            "data": [liquidation_row(tape, one) for one in members],
        }
    )


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """Acknowledge, or refuse everything when one topic is not known on this route."""
    order = json_object(text)
    common = {"success": True, "conn_id": CONNECTION_MARK, "req_id": order.get("req_id", "")}
    operation = order.get("op", "")
    if operation == "ping":
        return [json_text(common | {"ret_msg": "pong", "op": "ping"})]
    market = subscriber.path.rsplit("/", 1)[-1]
    known = {f"allLiquidation.{item.symbol}" for item in tape.instruments_of("bybit", market)}
    topics = [str(one) for one in order.get("args", [])]
    unknown = [one for one in topics if one not in known]
    if unknown or operation not in ("subscribe", "unsubscribe"):
        problem = f"error:handler not found,topic:{','.join(unknown)}"
        return [json_text(common | {"success": False, "ret_msg": problem, "op": operation})]
    names = {one.removeprefix("allLiquidation.") for one in topics}
    if operation == "subscribe":
        subscriber.symbols |= names
    else:
        subscriber.symbols -= names
    return [json_text(common | {"ret_msg": "", "op": operation})]


# -- REST ------------------------------------------------------------------------------------------


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The REST answer of /v5/market/* at an instant."""
    handler = HANDLERS.get(request.path.removeprefix("/v5/market/"))
    if handler is None:
        return Answer(404, b"404 page not found", {"content-type": "text/plain"})
    try:
        result = handler(tape, now_ms, request)
    except BadParameterError as refusal:
        return json_answer(
            {
                "retCode": 10001,
                "retMsg": str(refusal),
                "result": {},
                "retExtInfo": {},
                "time": now_ms,
            }
        )
    envelope = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms}
    return json_answer(envelope, X_Bapi_Limit="600", X_Bapi_Limit_Status="599")


def _category(request: Request) -> str:
    category = request.params.get("category", "")
    if category not in ("linear", "inverse"):
        raise BadParameterError("params error: Category is invalid")
    return category


def _named(tape: Tape, request: Request) -> Instrument:
    number = tape.instrument_number.get(("bybit", request.params.get("symbol", "")))
    if number is None or tape.instruments[number].market != _category(request):
        raise BadParameterError("params error: symbol invalid")
    return tape.instruments[number]


def _limit(request: Request, default: int, most: int) -> int:
    return max(1, min(request.integer("limit", default) or default, most))


def _cursor_offset(request: Request) -> int:
    """Rows already given, from a page cursor; a cursor that was encoded twice is understood too."""
    text = request.params.get("cursor", "")
    while "%" in text and unquote(text) != text:
        text = unquote(text)
    return int(text.removeprefix("page_token=")) if text else 0


def _page(rows: list[Any], request: Request, limit: int) -> tuple[list[Any], str]:
    start = _cursor_offset(request)
    more = start + limit < len(rows)
    return rows[start : start + limit], quote(
        f"page_token={start + limit}", safe=""
    ) if more else ""


def instruments_info(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
    """instruments-info, paged by cursor."""
    category = _category(request)
    listed = tape.instruments_of("bybit", category)
    if request.params.get("symbol"):
        listed = [_named(tape, request)]
    page, cursor = _page([_listing(i) for i in listed], request, _limit(request, 500, 1000))
    return {"category": category, "list": page, "nextPageCursor": cursor}


def _listing(instrument: Instrument) -> dict[str, Any]:
    step = fixed(10.0**-instrument.quantity_decimals, instrument.quantity_decimals)
    tick = fixed(10.0**-instrument.price_decimals, instrument.price_decimals)
    return {
        "symbol": instrument.symbol,
        "contractType": "InversePerpetual" if instrument.inverse else "LinearPerpetual",
        "status": "Trading",
        "baseCoin": instrument.base_asset,
        "quoteCoin": instrument.quote_asset,
        "launchTime": "1584230400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(instrument.price_decimals),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": step,
            "qtyStep": step,
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": instrument.funding_interval_hours * 60,
        "settleCoin": instrument.base_asset if instrument.inverse else "USDT",
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
    }


def _grid(tape: Tape, now_ms: int, request: Request, minutes: int) -> list[int]:
    """Instants of the asked range on the period's grid, newest first."""
    step = minutes * MINUTE_MS
    end = min(request.integer("endTime", now_ms) or now_ms, now_ms, tape.end_ms)
    start = max(request.integer("startTime", 0) or 0, tape.start_ms + step)
    return list(range(-(-start // step) * step, end + 1, step))[::-1]


def open_interest(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
    """open-interest, newest first.

    Both sides, and one side under its own name (base for linear, USD for inverse).
    """
    instrument = _named(tape, request)
    minutes = PERIOD_MINUTES.get(request.params.get("intervalTime", ""))
    if minutes is None:
        raise BadParameterError("params error: intervalTime is invalid")
    times, cursor = _page(_grid(tape, now_ms, request, minutes), request, _limit(request, 50, 200))
    rows = [
        _oi_row(instrument, tape.oi_contracts(instrument, tape.minute_of(at)), at) for at in times
    ]
    return {
        "category": instrument.market,
        "symbol": instrument.symbol,
        "list": rows,
        "nextPageCursor": cursor,
    }


def _oi_row(instrument: Instrument, one_sided: float, at_ms: int) -> dict[str, str]:
    decimals = instrument.quantity_decimals
    single = fixed(one_sided, decimals)
    return {
        "openInterest": fixed(2 * float(single), 8),
        "singleOpenInterest": single,
        "timestamp": str(at_ms),
    }


def tickers(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
    """tickers of a category or one symbol."""
    category = _category(request)
    listed = (
        [_named(tape, request)]
        if request.params.get("symbol")
        else tape.instruments_of("bybit", category)
    )
    return {"category": category, "list": [_ticker(tape, now_ms, i) for i in listed]}


def _ticker(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, str]:
    minute = tape.minute_of(now_ms)
    day_ago, hour_ago = max(0, minute - 1439), max(0, minute - 60)
    number, decimals = tape.asset_index[instrument.asset], instrument.price_decimals
    price, before = tape.mark_price(instrument, minute), tape.mark_price(instrument, day_ago)
    usd = float(tape.volume_usd[number, day_ago : minute + 1].sum()) * instrument.oi_share
    step = instrument.funding_interval_hours * HOUR_MS
    oi = float(fixed(tape.oi_contracts(instrument, minute), instrument.quantity_decimals))
    value = 2 * (oi / price if instrument.inverse else oi * price)
    volume, turnover = (usd, usd / price) if instrument.inverse else (usd / price, usd)
    return {
        "symbol": instrument.symbol,
        "lastPrice": fixed(price, decimals),
        "indexPrice": fixed(tape.index_price(instrument, minute), decimals),
        "markPrice": fixed(price, decimals),
        "prevPrice24h": fixed(before, decimals),
        "price24hPcnt": fixed(price / before - 1, 6),
        "highPrice24h": fixed(
            tape.mark_high[number, day_ago : minute + 1].max() * instrument.multiplier, decimals
        ),
        "lowPrice24h": fixed(
            tape.mark_low[number, day_ago : minute + 1].min() * instrument.multiplier, decimals
        ),
        "prevPrice1h": fixed(tape.mark_price(instrument, hour_ago), decimals),
        "openInterest": fixed(2 * oi, instrument.quantity_decimals),
        "openInterestValue": fixed(value, 2),
        "singleOpenInterest": fixed(oi, instrument.quantity_decimals),
        "turnover24h": fixed(turnover, 4),
        "volume24h": fixed(volume, 4),
        "fundingRate": fixed(tape.funding_rate(instrument, now_ms), 8),
        "nextFundingTime": str((now_ms // step + 1) * step),
        "fundingIntervalHour": str(instrument.funding_interval_hours),
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "ask1Size": "1.2",
        "bid1Price": fixed(price, decimals),
        "ask1Price": fixed(price, decimals),
        "bid1Size": "1.1",
    }


def funding_history(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
    """funding/history, newest first; a start without an end is refused."""
    instrument = _named(tape, request)
    if request.params.get("startTime") and not request.params.get("endTime"):
        raise BadParameterError("params error: endTime cannot be empty when startTime is given")
    end = min(request.integer("endTime", now_ms) or now_ms, now_ms)
    times = tape.funding_times_ms(instrument, request.integer("startTime", 0) or 0, end)[::-1]
    return {
        "category": instrument.market,
        "list": [
            {
                "symbol": instrument.symbol,
                "fundingRate": fixed(tape.funding_rate(instrument, at), 8),
                "fundingRateTimestamp": str(at),
            }
            for at in times[: _limit(request, 200, 200)]
        ],
    }


def account_ratio(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
    """account-ratio, newest first: shares of accounts that are long and short."""
    instrument = _named(tape, request)
    minutes = PERIOD_MINUTES.get(request.params.get("period", ""))
    if minutes is None:
        raise BadParameterError("params error: period is invalid")
    times, cursor = _page(_grid(tape, now_ms, request, minutes), request, _limit(request, 50, 500))
    rows = []
    ratios = tape.long_short_ratios(instrument, times, "accounts")
    for at, ratio in zip(times, ratios, strict=True):
        buy = round(ratio / (1 + ratio), 4)
        rows.append(
            {
                "symbol": instrument.symbol,
                "buyRatio": fixed(buy, 4),
                "sellRatio": fixed(1 - buy, 4),
                "timestamp": str(at),
            }
        )
    return {"list": rows, "nextPageCursor": cursor}


def _klines(kind: str) -> Callable[[Tape, int, Request], dict[str, Any]]:
    def rows(tape: Tape, now_ms: int, request: Request) -> dict[str, Any]:
        instrument = _named(tape, request)
        width = KLINE_MINUTES.get(request.params.get("interval", ""))
        if width is None:
            raise BadParameterError("params error: interval is invalid")
        step = width * MINUTE_MS
        end = min(request.integer("end", now_ms) or now_ms, now_ms, tape.end_ms - 1)
        start = max(request.integer("start", 0) or 0, tape.start_ms)
        grid = range(-(-start // step) * step, end + 1, step)[-_limit(request, 200, 1000) :]
        listed = _bars(tape, instrument, grid, width, now_ms, kind) if grid else []
        return {"category": instrument.market, "symbol": instrument.symbol, "list": listed[::-1]}

    return rows


def _bars(
    tape: Tape, instrument: Instrument, grid: range, width: int, now_ms: int, kind: str
) -> list[list[str]]:
    first = (grid[0] - tape.start_ms) // MINUTE_MS
    known = (min(now_ms, tape.end_ms) - tape.start_ms) // MINUTE_MS
    last = min((grid[-1] - tape.start_ms) // MINUTE_MS + width, known)
    result = []
    for number, bar in enumerate(
        tape.bars(instrument.asset, first, last, width, spot=kind == "index").tolist()
    ):
        row = [str(grid[0] + number * width * MINUTE_MS)]
        row += [
            fixed(value * instrument.multiplier, instrument.price_decimals) for value in bar[:4]
        ]
        if kind == "trade":
            usd, base = (
                bar[4] * instrument.oi_share,
                bar[4] * instrument.oi_share / bar[3] / instrument.multiplier,
            )
            row += (
                [fixed(usd, 0), fixed(base, 4)]
                if instrument.inverse
                else [fixed(base, 3), fixed(usd, 4)]
            )
        result.append(row)
    return result


HANDLERS: dict[str, Callable[[Tape, int, Request], Any]] = {
    "instruments-info": instruments_info,
    "open-interest": open_interest,
    "tickers": tickers,
    "funding/history": funding_history,
    "account-ratio": account_ratio,
    "kline": _klines("trade"),
    "mark-price-kline": _klines("mark"),
    "index-price-kline": _klines("index"),
    "time": lambda tape, now_ms, request: {
        "timeSecond": str(now_ms // 1000),
        "timeNano": str(now_ms * 10**6),
    },
}


VENUE = WireVenue(
    "bybit",
    answers={"bybit": answer},
    streams=(WireStream("bybit_ws", frames, replies),),
    trading=Trading(
        contracts,
        oi_weight=0.24,
        flow_weight=0.23,
        size_scale=0.74,
        rule=PublicationRule("all", price="bankruptcy"),
    ),
    faults={
        ("bybit", "throttled"): json_answer(THROTTLED, 429),
        ("bybit", "waf"): Answer(403, b"access too frequent", {"content-type": "text/html"}),
        ("bybit", "error_code"): json_answer(THROTTLED | {"retExtInfo": {}}),
    },
    capped="limit",
    written=lambda tape, one: json_text(liquidation_row(tape, one)),
)
