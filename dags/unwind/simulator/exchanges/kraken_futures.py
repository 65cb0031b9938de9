"""Kraken Futures: public trades, of which some are of type liquidation, and its tickers.

`side` is the taker's, which of a liquidation is its order. PI contracts are a dollar, PF a coin.
"""

from __future__ import annotations

from typing import Any

from unwind.clock import iso, parse_instant
from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue, mark_bars, pushes
from unwind.simulator.listings import contract
from unwind.simulator.market import (
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
)
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    fixed,
    json_answer,
    json_object,
    json_text,
)

INVERSE = ("BTC", "ETH", "XRP", "LTC")
INVERSE_SHARE = 0.15
PAGE_ROWS = 100
RETENTION_MS = 7 * 24 * HOUR_MS
THROTTLED = {"result": "error", "error": "apiLimitExceeded"}


def contracts(asset: Asset) -> list[Instrument]:
    """A flexible (linear) perpetual, and an inverse one of some coins."""
    name = "XBT" if asset.symbol == "BTC" else asset.symbol
    inverse = INVERSE_SHARE if asset.symbol in INVERSE else 0.0
    common: dict[str, Any] = {"base_asset": name, "quote_asset": "USD", "funding_interval_hours": 1}
    found = [contract("kraken_futures", "", asset, f"PF_{name}USD", 1 - inverse, **common)]
    if inverse:
        found.append(
            contract(
                *("kraken_futures", "", asset, f"PI_{name}USD", inverse),
                inverse=True,
                quantity_decimals=0,
                **common,
            )
        )
    return found


def trade(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """The frame of one liquidation."""
    instrument = tape.instruments[one.instrument]
    return {
        "feed": "trade",
        "product_id": instrument.symbol,
        "uid": _uid(one),
        "side": "sell" if one.side == LONG else "buy",
        "type": "liquidation",
        "seq": one.row,
        "time": one.at_ms,
        "qty": one.quantity_steps / 10**instrument.quantity_decimals,
        "price": one.fill_ticks / 10**instrument.price_decimals,
    }


def _uid(one: Liquidation) -> str:
    return f"{one.row:08x}-1111-4111-8111-111111111111"


def _fill(tape: Tape, instrument: Instrument, at_ms: int) -> dict[str, Any]:
    """A trade like any other."""
    price = tape.mark_price(instrument, tape.minute_of(at_ms))
    return {
        "feed": "trade",
        "product_id": instrument.symbol,
        "uid": f"{at_ms:012x}-{instrument.symbol}",
        "side": "buy",
        "type": "fill",
        "seq": 1,
        "time": at_ms,
        "qty": 1,
        "price": round(price, instrument.price_decimals),
    }


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One frame a trade: a fill, then the liquidations of the push."""
    return [
        (pushed_ms, json_text(one))
        for pushed_ms, instrument, rows in pushes(tape, "kraken_futures", from_ms, to_ms, symbols)
        for one in (
            _fill(tape, instrument, pushed_ms - 500),
            *(trade(tape, row) for row in rows),
        )
    ]


def opened(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    return [json_text({"event": "info", "version": 1})]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """Each contract is acknowledged, and its newest trades come as a snapshot."""
    order = json_object(text)
    if order.get("event") != "subscribe" or order.get("feed") != "trade":
        return [json_text({"event": "error", "message": "Invalid feed"})]
    said = []
    for symbol in order.get("product_ids", []):
        number = tape.instrument_number.get(("kraken_futures", symbol.upper()))
        if number is None:
            said.append(json_text({"event": "error", "message": "Invalid product id"}))
            continue
        instrument = tape.instruments[number]
        subscriber.symbols.add(instrument.symbol)
        said += [
            json_text({"event": "subscribed", "feed": "trade", "product_ids": [symbol]}),
            json_text(
                {
                    "feed": "trade_snapshot",
                    "product_id": instrument.symbol,
                    "trades": [_fill(tape, instrument, now_ms - MINUTE_MS)],
                }
            ),
        ]
    return said


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    listed = tape.instruments_of("kraken_futures")
    now = iso(instant(now_ms))
    common = {"result": "success", "serverTime": now}
    *_, symbol, kind = request.path.split("/")
    if request.path.startswith("/api/charts/v1/"):
        number = tape.instrument_number.get(("kraken_futures", symbol))
        if number is None:
            return json_answer({"result": "error", "error": "contractNotFound"}, 404)
        if request.path.startswith("/api/charts/v1/analytics/"):
            return _analytics(tape, now_ms, request, tape.instruments[number], kind)
        if request.path.startswith("/api/charts/v1/mark/") and kind == "5m":
            return _mark_bars(tape, now_ms, request, tape.instruments[number])
        return NO_SUCH_PATH
    match request.path.removeprefix("/derivatives/api/v3/"):
        case "tickers":
            rows = [_ticker(tape, now_ms, one) for one in listed]
            return json_answer(common | {"tickers": [*rows, {"symbol": "in_xbtusd"}]})
        case "instruments":
            return json_answer(common | {"instruments": [_instrument(one) for one in listed]})
        case "history":
            return json_answer(common | {"history": _history(tape, now_ms, request)})
    return NO_SUCH_PATH


def _ticker(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    mark = tape.mark_price(instrument, minute)
    traded_usd = tape.traded_usd_24h(instrument, minute)
    return {
        "symbol": instrument.symbol,
        "tag": "perpetual",
        "markPrice": round(mark, decimals),
        "indexPrice": round(tape.index_price(instrument, minute), decimals),
        "openInterest": round(tape.oi_contracts(instrument, minute), 4),
        "vol24h": round(traded_usd if instrument.inverse else traded_usd / mark, 4),
        "volumeQuote": round(traded_usd, 2),
        # Dollars a contract and hour.
        "fundingRate": tape.funding_rate(instrument, now_ms) * mark,
    }


def _instrument(instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "type": "futures_inverse" if instrument.inverse else "flexible_futures",
        "underlying": f"rr_{instrument.base_asset.lower()}usd",
        "contractSize": 1,
        "tradeable": True,
        "openingDate": "2022-03-22T15:39:00.000Z",
    }


def _history(tape: Tape, now_ms: int, request: Request) -> list[dict[str, Any]]:
    """The hundred newest trades before an instant."""
    number = tape.instrument_number.get(("kraken_futures", request.params.get("symbol", "")))
    if number is None:
        return []
    before_ms = min(epoch_ms(parse_instant(request.params["lastTime"])), now_ms)
    first_ms = max(before_ms - 6 * HOUR_MS, now_ms - RETENTION_MS)
    rows = [
        trade(tape, one)
        for one in tape.records(tape.rows("kraken_futures", first_ms, before_ms))
        if one.instrument == number
    ]
    rows.append(_fill(tape, tape.instruments[number], before_ms - 1))
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


def _analytics(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument, kind: str
) -> Answer:
    """Lists beside their times: funding's in ms, others' in seconds."""
    step = (request.integer("interval", 3600) or 3600) * 1000
    start = (request.integer("since", 0) or 0) * 1000
    end = min((request.integer("to") or now_ms // 1000) * 1000, now_ms)
    times = list(range(-(-start // step) * step, end + 1, step))
    result: dict[str, Any]
    if kind == "funding":
        rates = [round(tape.funding_rate(instrument, at_ms), 10) for at_ms in times]
        result = {"timestamp": times, "data": {"rate": rates, "relativeRate": rates}}
    elif kind == "long-short-ratio":
        ratios = tape.long_short_ratios(instrument, times, "accounts")
        result = {
            "timestamp": [at_ms // 1000 for at_ms in times],
            "data": [round(ratio, 4) for ratio in ratios],
        }
    elif kind == "open-interest":
        result = {
            "timestamp": [at_ms // 1000 for at_ms in times],
            "data": [
                _open_interest(tape, instrument, at_ms, min(at_ms + step, now_ms))
                for at_ms in times
            ],
        }
    else:
        return NO_SUCH_PATH
    return json_answer({"result": result | {"more": False}, "errors": []})


def _open_interest(tape: Tape, instrument: Instrument, from_ms: int, to_ms: int) -> list[str]:
    """Open, high, low and close of a step, as far as it has come."""
    minutes = range(tape.minute_of(from_ms), tape.minute_of(to_ms) + 1)
    sizes = [tape.oi_contracts(instrument, minute) for minute in minutes]
    return [fixed(one, 4) for one in (sizes[0], max(sizes), min(sizes), sizes[-1])]


def _mark_bars(tape: Tape, now_ms: int, request: Request, instrument: Instrument) -> Answer:
    """Bars of five minutes that start in the asked range of seconds, the running one included."""
    step = 5 * MINUTE_MS
    known_ms = min(now_ms, tape.end_ms)
    start = max((request.integer("from", 0) or 0) * 1000, tape.start_ms)
    end = min((request.integer("to") or now_ms // 1000) * 1000, known_ms - MINUTE_MS)
    starts = range(-(-start // step) * step, end + 1, step)
    candles = [
        {
            "time": at_ms,
            **dict(zip(("open", "high", "low", "close"), prices, strict=True)),
            "volume": 0,
        }
        for at_ms, prices in mark_bars(tape, instrument, starts, now_ms)
    ]
    return json_answer({"candles": candles, "more_candles": False})


VENUE = WireVenue(
    "kraken_futures",
    answers={"kraken_futures": answer},
    streams=(WireStream("kraken_futures_ws", frames, replies, opened=opened),),
    trading=Trading(contracts, oi_weight=0.02, flow_weight=0.02, rule=PublicationRule("all")),
    faults={
        ("kraken_futures", "throttled"): json_answer(THROTTLED, 429),
        ("kraken_futures", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(trade(tape, one)),
)
