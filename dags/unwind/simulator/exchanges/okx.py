"""OKX: liquidation-orders by stream and REST, and its context endpoints.

Everything is a string; `sz` is in contracts; `side` is the liquidation order's side; a row may hold
several details; rows are not chronological; REST keeps one day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue, mark_bars
from unwind.simulator.listings import contract
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
    jitter,
    steady,
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

PERIOD_MINUTES = {
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1H": 60,
    "2H": 120,
    "4H": 240,
    "12H": 720,
    "1D": 1440,
    "1m": 1,
}
RETENTION_MS = DAY_MS
REST_DELAY_MS = (1_000, 40_000)
PUSH_WINDOW_MS = 3_000
FIVE_MINUTE_HISTORY_MS = 2 * DAY_MS
FUNDING_HISTORY_MS = 90 * DAY_MS

# As OKX lists them: base coins a contract.
CONTRACT_SIZES = {
    "BTC": 0.01,
    "ETH": 0.1,
    "SOL": 1.0,
    "XRP": 100.0,
    "DOGE": 1000.0,
    "BNB": 0.01,
    "ADA": 100.0,
    "HYPE": 0.1,
    "LINK": 1.0,
    "AVAX": 1.0,
    "SUI": 1.0,
    "PEPE": 10_000_000.0,
    "LTC": 1.0,
    "TRX": 1000.0,
}
INVERSE = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC")
# Margined in dollars: a swap and a dated contract, as shares of the venue's trade in BTC.
DOLLAR_MARGINED = {"BTC-USD_UM-SWAP": 0.03, "BTC-USD_UM-260327": 0.01}
CONNECTION_MARK = "a4d3ae55"
# 2026-03-27 08:00, of the dated contract.
EXPIRES_AT_MS = "1774598400000"
THROTTLED = {"code": "50011", "data": [], "msg": "Too Many Requests"}


class RefusalError(ValueError):
    """A request that OKX answers with an error code inside HTTP 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _family(instrument: Instrument) -> str:
    return instrument.symbol.rpartition("-")[0]


def _underlying(instrument: Instrument) -> str:
    """The index behind a contract: that of BTC-USD_UM-SWAP is BTC-USD."""
    return _family(instrument).removesuffix("_UM")


def _type(instrument: Instrument) -> str:
    """SWAP or FUTURES."""
    return instrument.market.upper()


# -- contracts -------------------------------------------------------------------------------------


def contracts(asset: Asset) -> list[Instrument]:
    """A swap in USDT, one in coins of some, and of BTC those margined in dollars."""
    name = asset.symbol
    inverse = 0.10 if name in INVERSE else 0.0
    in_dollars = DOLLAR_MARGINED if name == "BTC" else {}
    found = [
        contract(
            "okx",
            "swap",
            asset,
            f"{name}-USDT-SWAP",
            1 - inverse - sum(in_dollars.values()),
            contract_size=CONTRACT_SIZES[name],
            quantity_decimals=2,
        )
    ]
    found += [
        contract(
            *("okx", "swap" if symbol.endswith("-SWAP") else "futures", asset, symbol, share),
            quote_asset="USD",
            contract_size=CONTRACT_SIZES[name],
            quantity_decimals=2,
        )
        for symbol, share in in_dollars.items()
    ]
    if inverse:
        found.append(
            contract(
                "okx",
                "swap",
                asset,
                f"{name}-USD-SWAP",
                inverse,
                quote_asset="USD",
                inverse=True,
                contract_size=100.0 if name == "BTC" else 10.0,
                quantity_decimals=1,
            )
        )
    return found


# -- liquidations ----------------------------------------------------------------------------------


def detail(tape: Tape, one: Liquidation) -> dict[str, str]:
    """One detail of a liquidation-orders row; most accounts are in one-way mode (`net`)."""
    instrument = tape.instruments[one.instrument]
    is_long = one.side == LONG
    position = (
        ("long" if is_long else "short")
        if steady("hedge mode", one.position_number) < 0.4
        else "net"
    )
    return {
        "bkLoss": "0",
        "bkPx": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        "ccy": "",
        "posSide": position,
        "side": "sell" if is_long else "buy",
        "sz": stepped(one.quantity_steps, instrument.quantity_decimals),
        "ts": str(one.at_ms),
    }


def _item(tape: Tape, instrument: Instrument, members: Sequence[Liquidation]) -> dict[str, Any]:
    return {
        "details": [detail(tape, one) for one in members],
        "instFamily": _family(instrument),
        "instId": instrument.symbol,
        "instType": _type(instrument),
        "uly": _underlying(instrument),
    }


def _disordered(members: Sequence[Liquidation]) -> list[Liquidation]:
    """The same rows in a fixed order that is not chronological."""
    return sorted(members, key=lambda one: steady("order within a message", one.row))


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """Frames pushed in [from, to) as (push time, text).

    What one contract had in three seconds travels together.
    """
    # A row is pushed at the end of its three-second window; look back by one window so that none is
    # cut in two.
    groups: dict[tuple[int, int], list[Liquidation]] = {}
    for one in tape.records(tape.pushed_rows("okx", from_ms - PUSH_WINDOW_MS - 1000, to_ms)):
        number = one.instrument
        window = -(-one.pushed_ms // PUSH_WINDOW_MS) * PUSH_WINDOW_MS + int(
            jitter(number, 0, 120, salt=9)
        )
        if from_ms <= window < to_ms and (
            symbols is None or tape.instruments[number].symbol in symbols
        ):
            groups.setdefault((window, number), []).append(one)
    return [
        (pushed, frame(tape, tape.instruments[number], members))
        for (pushed, number), members in sorted(groups.items())
    ]


def frame(tape: Tape, instrument: Instrument, members: Sequence[Liquidation]) -> str:
    """A liquidation-orders frame."""
    return json_text(
        {
            "arg": {"channel": "liquidation-orders", "instType": _type(instrument)},
            "data": [_item(tape, instrument, _disordered(members))],
        }
    )


def replay_frames(tape: Tape, now_ms: int, count: int = 5) -> list[str]:
    """What a new subscription gets first: the last rows again."""
    recent = tape.pushed_rows("okx", max(tape.start_ms, now_ms - DAY_MS), now_ms)
    swaps = [_type(one) == "SWAP" for one in tape.instruments]
    recent = recent[np.array(swaps)[tape.liquidations.instrument[recent]]][-count:]
    return [frame(tape, tape.instruments[one.instrument], [one]) for one in tape.records(recent)]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """Acknowledge each argument, and replay the last rows, as OKX does after a subscription."""
    if text == "ping":
        return ["pong"]
    order = json_object(text)
    if not order:
        problem = f"Invalid request: {text[:80]}"
        return [json_text({"event": "error", "code": "60012", "msg": problem})]
    operation = order.get("op")
    said: list[str] = []
    for argument in order.get("args", []):
        channel = argument.get("channel")
        if channel != "liquidation-orders" or operation not in ("subscribe", "unsubscribe"):
            problem = f"Wrong URL or channel:{channel},instId:null doesn't exist."
            said.append(json_text({"event": "error", "code": "60018", "msg": problem}))
            continue
        said.append(json_text({"event": operation, "arg": argument, "connId": CONNECTION_MARK}))
        kind = argument.get("instType")
        listed = {one.symbol for one in tape.instruments_of("okx") if _type(one) == kind}
        if operation == "unsubscribe":
            subscriber.symbols -= listed
            continue
        subscriber.symbols |= listed
        said += replay_frames(tape, now_ms) if kind == "SWAP" else []
    return said


def liquidation_orders(tape: Tape, now_ms: int, request: Request) -> list[dict[str, Any]]:
    """REST liquidation-orders: newest first by page, out of order within it.

    Rows appear up to 40 s late and stay a day.
    """
    if request.params.get("instType") not in ("SWAP", "FUTURES", "MARGIN", "OPTION"):
        raise RefusalError("50014", "Parameter instType can not be empty")
    family = request.params.get("instFamily") or request.params.get("uly")
    if not family:
        raise RefusalError("50015", "Either parameter uly or instFamily is required")
    of_family = [one for one in tape.instruments_of("okx") if _family(one) == family]
    if not of_family:
        raise RefusalError("51014", "Index does not exist.")
    wanted_numbers = [
        tape.instrument_number["okx", one.symbol]
        for one in of_family
        if _type(one) == request.params["instType"]
    ]
    limit = min(request.integer("limit", 100) or 100, 100)
    older_than = request.integer("after", now_ms + 1)
    newer_than = request.integer("before", 0) or 0
    numbers = tape.rows("okx", now_ms - RETENTION_MS, now_ms)
    numbers = numbers[np.isin(tape.liquidations.instrument[numbers], wanted_numbers)]
    at_ms = tape.liquidations.at_ms[numbers]
    visible = at_ms + jitter(numbers, *REST_DELAY_MS, salt=11) <= now_ms
    newest_first = numbers[visible & (at_ms < older_than) & (at_ms > newer_than)][::-1]
    wanted = tape.records(newest_first[:limit])
    # Details of one page come in a handful of rows, each out of order.
    width = 1 + len(wanted) // 3
    return [
        _item(tape, tape.instruments[number], _disordered(members[first : first + width]))
        for number in wanted_numbers
        if (members := [one for one in wanted if one.instrument == number])
        for first in range(0, len(members), width)
    ]


# -- context ---------------------------------------------------------------------------------------


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The REST answer of /api/v5/* at an instant."""
    handler = HANDLERS.get(request.path.removeprefix("/api/v5/"))
    if handler is None:
        return json_answer({"code": "404", "data": [], "msg": "404 Not Found"}, 404)
    try:
        rows = handler(tape, now_ms, request)
    except RefusalError as refusal:
        return json_answer({"code": refusal.code, "data": [], "msg": str(refusal)})
    return json_answer({"code": "0", "data": rows, "msg": ""})


def _listed(tape: Tape, request: Request) -> list[Instrument]:
    """The contracts of the type that is asked for."""
    kind = request.params.get("instType")
    if not kind:
        raise RefusalError("50014", "Parameter instType can not be empty")
    family = request.params.get("instFamily") or request.params.get("uly")
    wanted = request.params.get("instId")
    return [
        i
        for i in tape.instruments_of("okx")
        if _type(i) == kind and family in (None, "", _family(i)) and wanted in (None, "", i.symbol)
    ]


def _named(tape: Tape, request: Request) -> Instrument:
    number = tape.instrument_number.get(("okx", request.params.get("instId", "")))
    if number is None:
        raise RefusalError(
            "51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist."
        )
    return tape.instruments[number]


def instruments(tape: Tape, now_ms: int, request: Request) -> list[dict[str, str]]:
    """instruments of one type."""
    return [_listing(i) for i in _listed(tape, request)]


def _listing(instrument: Instrument) -> dict[str, str]:
    lot = fixed(10.0**-instrument.quantity_decimals, instrument.quantity_decimals)
    base = instrument.base_asset
    return {
        "alias": "",
        "baseCcy": "",
        "category": "1",
        "ctMult": "1",
        "ctType": "inverse" if instrument.inverse else "linear",
        "ctVal": f"{instrument.contract_size:.10g}",
        "ctValCcy": "USD" if instrument.inverse else base,
        "expTime": "" if _type(instrument) == "SWAP" else EXPIRES_AT_MS,
        "instFamily": _family(instrument),
        "instId": instrument.symbol,
        "instType": _type(instrument),
        "lever": "100",
        "listTime": "1611916828000",
        "lotSz": lot,
        "minSz": lot,
        "optType": "",
        "quoteCcy": "",
        "settleCcy": base if instrument.inverse else instrument.quote_asset,
        "state": "live",
        "stk": "",
        "tickSz": fixed(10.0**-instrument.price_decimals, instrument.price_decimals),
        "uly": _underlying(instrument),
    }


def _oi_texts(tape: Tape, instrument: Instrument, minute: int) -> list[str]:
    """Contracts, base coins, USD."""
    return [
        fixed(tape.oi_contracts(instrument, minute), instrument.quantity_decimals),
        fixed(tape.oi_base(instrument, minute), 8),
        fixed(tape.oi_usd(instrument, minute), 4),
    ]


def open_interest(tape: Tape, now_ms: int, request: Request) -> list[dict[str, str]]:
    """open-interest now."""
    minute = tape.minute_of(now_ms)
    return [
        {"instId": i.symbol, "instType": _type(i)}
        | dict(zip(("oi", "oiCcy", "oiUsd"), _oi_texts(tape, i, minute), strict=True))
        | {"ts": str(now_ms)}
        for i in _listed(tape, request)
    ]


def _periods(tape: Tape, now_ms: int, request: Request, most: int) -> list[Liquidation]:
    """Instants on the period's grid, newest first."""
    period = request.params.get("period") or "5m"
    if period not in PERIOD_MINUTES:
        raise RefusalError("51000", "Parameter period error")
    step = PERIOD_MINUTES[period] * MINUTE_MS
    end = min((request.integer("end", now_ms + 1) or now_ms + 1) - 1, now_ms, tape.end_ms)
    start = max(request.integer("begin", 0) or 0, tape.start_ms + step)
    if step == 5 * MINUTE_MS:
        start = max(start, now_ms - FIVE_MINUTE_HISTORY_MS)
    limit = min(request.integer("limit", most) or most, most)
    return list(range(-(-start // step) * step, end + 1, step))[::-1][:limit]


def open_interest_history(tape: Tape, now_ms: int, request: Request) -> list[list[str]]:
    """rubik open-interest-history: [ts, contracts, base, USD], newest first."""
    instrument = _named(tape, request)
    return [
        [str(at), *_oi_texts(tape, instrument, tape.minute_of(at))]
        for at in _periods(tape, now_ms, request, 100)
    ]


def long_short_ratio(tape: Tape, now_ms: int, request: Request) -> list[list[str]]:
    """rubik long-short-account-ratio by `ccy` or `instId`: [ts, ratio], newest first."""
    symbol = request.params.get("instId") or f"{request.params.get('ccy', '')}-USDT-SWAP"
    number = tape.instrument_number.get(("okx", symbol))
    if number is None:
        raise RefusalError("51000", "Parameter ccy error")
    instrument = tape.instruments[number]
    times = _periods(tape, now_ms, request, 576)
    ratios = tape.long_short_ratios(instrument, times, "accounts")
    return [[str(at), fixed(ratio, 4)] for at, ratio in zip(times, ratios, strict=True)]


def funding_rate_history(tape: Tape, now_ms: int, request: Request) -> list[dict[str, str]]:
    """funding-rate-history, newest first; `after` is strictly older, `before` strictly newer."""
    instrument = _named(tape, request)
    newest = min((request.integer("after", now_ms + 1) or now_ms + 1) - 1, now_ms)
    oldest = max((request.integer("before", 0) or 0) + 1, now_ms - FUNDING_HISTORY_MS)
    limit = min(request.integer("limit", 100) or 100, 400)
    rows = []
    for at in tape.funding_times_ms(instrument, oldest, newest)[::-1][:limit]:
        rate = fixed(tape.funding_rate(instrument, at), 10)
        rows.append(
            {
                "instType": "SWAP",
                "instId": instrument.symbol,
                "fundingRate": rate,
                "realizedRate": rate,
                "fundingTime": str(at),
                "method": "current_period",
                "formulaType": "noRate",
            }
        )
    return rows


def funding_rate(tape: Tape, now_ms: int, request: Request) -> list[dict[str, str]]:
    """funding-rate now, of one contract or (`ANY`) all."""
    listed = (
        tape.instruments_of("okx", "swap")
        if request.params.get("instId") == "ANY"
        else [_named(tape, request)]
    )
    rows = []
    for instrument in listed:
        step = instrument.funding_interval_hours * HOUR_MS
        settles = (now_ms // step + 1) * step
        rows.append(
            {
                "instId": instrument.symbol,
                "instType": "SWAP",
                "method": "current_period",
                "formulaType": "noRate",
                "fundingRate": fixed(tape.funding_rate(instrument, now_ms), 10),
                "fundingTime": str(settles),
                "nextFundingRate": "",
                "nextFundingTime": str(settles + step),
                "interestRate": "0.0001",
                "maxFundingRate": "0.00375",
                "minFundingRate": "-0.00375",
                "settState": "settled",
                "settFundingRate": fixed(tape.funding_rate(instrument, settles - step), 10),
                "premium": fixed(
                    float(tape.premium[tape.asset_index[instrument.asset], tape.minute_of(now_ms)]),
                    10,
                ),
                "ts": str(now_ms),
            }
        )
    return rows


def mark_price(tape: Tape, now_ms: int, request: Request) -> list[dict[str, str]]:
    """mark-price now."""
    minute = tape.minute_of(now_ms)
    return [
        {
            "instId": i.symbol,
            "instType": _type(i),
            "markPx": fixed(tape.mark_price(i, minute), i.price_decimals),
            "ts": str(now_ms),
        }
        for i in _listed(tape, request)
    ]


def index_tickers(tape: Tape, now_ms: int, request: Request) -> list[dict[str, str]]:
    """index-tickers of one index or of a quote currency."""
    quote, wanted = request.params.get("quoteCcy"), request.params.get("instId")
    if not quote and not wanted:
        raise RefusalError("50014", "Parameter quoteCcy can not be empty")
    minute = tape.minute_of(now_ms)
    indices = {
        _underlying(i): i
        for i in tape.instruments_of("okx")
        if wanted in (None, "", _underlying(i)) and quote in (None, "", i.quote_asset)
    }
    return [
        {
            "instId": name,
            "idxPx": fixed(tape.index_price(i, minute), i.price_decimals),
            "ts": str(now_ms),
        }
        for name, i in indices.items()
    ]


def tickers(tape: Tape, now_ms: int, request: Request) -> list[dict[str, str]]:
    """tickers of one type: vol24h in contracts, volCcy24h in base coins."""
    minute = tape.minute_of(now_ms)
    first = max(0, minute - 1439)
    rows = []
    for i in _listed(tape, request):
        price = tape.mark_price(i, minute)
        usd = (
            float(tape.volume_usd[tape.asset_index[i.asset], first : minute + 1].sum()) * i.oi_share
        )
        contracts = usd / i.contract_size / (1.0 if i.inverse else price)
        rows.append(
            {
                "instType": _type(i),
                "instId": i.symbol,
                "last": fixed(price, i.price_decimals),
                "open24h": fixed(tape.mark_price(i, first), i.price_decimals),
                "vol24h": fixed(contracts, 2),
                "volCcy24h": fixed(usd / price, 4),
                "ts": str(now_ms),
            }
        )
    return rows


def mark_price_candles(tape: Tape, now_ms: int, request: Request) -> list[list[str]]:
    """mark-price-candles and history-mark-price-candles.

    [ts, o, h, l, c, confirm], newest first.
    """
    instrument = _named(tape, request)
    width = PERIOD_MINUTES.get(request.params.get("bar") or "1m", 1)
    step = width * MINUTE_MS
    newest = min((request.integer("after", now_ms + 1) or now_ms + 1) - 1, now_ms, tape.end_ms - 1)
    oldest = max((request.integer("before", 0) or 0) + 1, tape.start_ms)
    grid = range(-(-oldest // step) * step, newest + 1, step)[
        -min(request.integer("limit", 100) or 100, 100) :
    ]
    rows = [
        [str(at_ms), *prices, "1" if at_ms + step <= now_ms else "0"]
        for at_ms, prices in mark_bars(tape, instrument, grid, now_ms)
    ]
    return rows[::-1]


HANDLERS: dict[str, Callable[[Tape, int, Request], Any]] = {
    "public/liquidation-orders": liquidation_orders,
    "public/instruments": instruments,
    "public/open-interest": open_interest,
    "public/funding-rate-history": funding_rate_history,
    "public/funding-rate": funding_rate,
    "public/mark-price": mark_price,
    "public/time": lambda tape, now_ms, request: [{"ts": str(now_ms)}],
    "rubik/stat/contracts/open-interest-history": open_interest_history,
    "rubik/stat/contracts/long-short-account-ratio": long_short_ratio,
    "rubik/stat/contracts/long-short-account-ratio-contract": long_short_ratio,
    "market/index-tickers": index_tickers,
    "market/tickers": tickers,
    "market/mark-price-candles": mark_price_candles,
    "market/history-mark-price-candles": mark_price_candles,
}


VENUE = WireVenue(
    "okx",
    answers={"okx": answer},
    streams=(WireStream("okx_ws", frames, replies),),
    trading=Trading(
        contracts,
        oi_weight=0.16,
        flow_weight=0.17,
        size_scale=0.95,
        rule=PublicationRule("latest", price="bankruptcy"),
    ),
    faults={
        ("okx", "throttled"): json_answer(THROTTLED, 429),
        ("okx", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(detail(tape, one)),
)
