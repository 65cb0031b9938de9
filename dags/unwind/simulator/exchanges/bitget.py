"""Bitget: liquidations by stream and REST, the largest long and the largest short a contract and
second, tickers, ratios, marks.

`side` names the position, `amount` is its value in quote coin, prices are bankruptcy prices.
"""

from __future__ import annotations

from typing import Any

from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue, mark_bars, pushes
from unwind.simulator.listings import contract, usual_funding_hours
from unwind.simulator.market import (
    LONG,
    MINUTE_MS,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
)
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    fixed,
    json_answer,
    json_object,
    json_text,
    stepped,
)

USDC_MARGINED = ("BTC", "ETH")
USDC_SHARE = 0.06
RETENTION_MS = 3 * 86_400_000
THROTTLED = {"code": "429", "msg": "Too Many Requests"}
NO_SUCH_PARAMETER = json_answer({"code": "40034", "msg": "Parameter does not exist"}, 400)


def contracts(asset: Asset) -> list[Instrument]:
    """A contract in USDT, and one in USDC of some coins."""
    usdc = USDC_SHARE if asset.symbol in USDC_MARGINED else 0.0
    hours = usual_funding_hours(asset)
    found = [
        contract(
            *("bitget", "USDT-FUTURES", asset, f"{asset.symbol}USDT", 1 - usdc),
            funding_interval_hours=hours,
        )
    ]
    if usdc:
        found.append(
            contract(
                *("bitget", "USDC-FUTURES", asset, f"{asset.symbol}PERP", usdc),
                quote_asset="USDC",
                funding_interval_hours=hours,
            )
        )
    return found


def row(tape: Tape, one: Liquidation) -> dict[str, str]:
    """The row of one liquidation."""
    instrument = tape.instruments[one.instrument]
    return {
        "symbol": instrument.symbol,
        "side": "buy" if one.side == LONG else "sell",
        "price": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        # Exact: size times price.
        "amount": stepped(
            one.quantity_steps * one.bankruptcy_ticks,
            instrument.quantity_decimals + instrument.price_decimals,
        ),
        "ts": str(one.at_ms),
    }


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One message a contract and push."""
    return [
        (
            pushed_ms,
            json_text(
                {
                    "action": "update",
                    "arg": {"instType": instrument.market.lower(), "topic": "liquidation"},
                    "data": [row(tape, one) for one in rows],
                    "ts": pushed_ms,
                }
            ),
        )
        for pushed_ms, instrument, rows in pushes(tape, "bitget", from_ms, to_ms, symbols)
    ]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    if text == "ping":
        return ["pong"]
    said = []
    for argument in json_object(text).get("args", []):
        if argument.get("topic") != "liquidation":
            said.append(json_text({"event": "error", "arg": argument, "code": "30001"}))
            continue
        market = str(argument.get("instType", "")).upper()
        subscriber.symbols |= {one.symbol for one in tape.instruments_of("bitget", market)}
        said.append(json_text({"event": "subscribe", "arg": argument}))
    return said


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of /api/v3/market/* and of the ratios at an instant."""
    if request.path.startswith("/api/v2/"):
        return _ratios(tape, now_ms, request)
    listed = tape.instruments_of("bitget", request.params.get("category", ""))
    match request.path.removeprefix("/api/v3/market/"):
        case "tickers":
            return _told(now_ms, [_ticker(tape, now_ms, one) for one in listed])
        case "instruments":
            return _told(now_ms, [_instrument(one) for one in listed])
        case "liquidations":
            return _told(now_ms, _liquidations(tape, now_ms, request, listed))
        case "history-fund-rate" | "candles" as kind:
            named = [one for one in listed if one.symbol == request.params.get("symbol")]
            if not named:
                return NO_SUCH_PARAMETER
            if kind == "candles":
                return _told(now_ms, _mark_bars(tape, now_ms, request, named[0]))
            return _told(now_ms, {"resultList": _settled(tape, now_ms, request, named[0])})
    return NO_SUCH_PATH


def _ratios(tape: Tape, now_ms: int, request: Request) -> Answer:
    """Thirty periods of five minutes by their starts, oldest first; they take no times."""
    computed = tape.instruments_of("bitget", "USDT-FUTURES")
    name = request.path.rsplit("/", 1)[-1]
    if name == "support-symbols":
        return _told(now_ms, {"spotList": [], "futureList": [one.symbol for one in computed]})
    named = [one for one in computed if one.symbol == request.params.get("symbol")]
    if not named:
        return NO_SUCH_PARAMETER
    step = 5 * MINUTE_MS
    newest = now_ms // step * step
    times = range(max(newest - 29 * step, tape.start_ms), newest + 1, step)
    kinds = {
        "account-long-short": ("accounts", "Account"),
        "position-long-short": ("positions", "Position"),
        "taker-buy-sell": ("taker_volume", ""),
    }
    if name not in kinds:
        return NO_SUCH_PATH
    kind, holder = kinds[name]
    # A period's figure is that of its end, and the running one's that of now.
    ends = [min(at_ms + step, now_ms) for at_ms in times]
    rows = [
        {**_sides(ratio, holder), "ts": str(at_ms)}
        for at_ms, ratio in zip(times, tape.long_short_ratios(named[0], ends, kind), strict=True)
    ]
    return _told(now_ms, rows)


def _sides(ratio: float, holder: str) -> dict[str, str]:
    """Shares of long and short, whose quotient comes as hundredths; or volumes in coins."""
    if not holder:
        return {"sellVolume": "50.00000000", "buyVolume": fixed(50 * ratio, 8)}
    return {
        f"long{holder}Ratio": fixed(ratio / (1 + ratio), 4),
        f"short{holder}Ratio": fixed(1 / (1 + ratio), 4),
        f"longShort{holder}Ratio": fixed(ratio / 100, 4),
    }


def _mark_bars(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[list[str]]:
    """Bars of five minutes that start in the asked range, the newest where a page is too short."""
    step = 5 * MINUTE_MS
    known_ms = min(now_ms, tape.end_ms)
    start = max(request.integer("startTime", 0) or 0, tape.start_ms)
    end = min(request.integer("endTime", now_ms) or now_ms, known_ms - MINUTE_MS)
    most = min(request.integer("limit", 100) or 100, 100)
    starts = range(-(-start // step) * step, end + 1, step)[-most:]
    return [
        [str(at_ms), *prices, "0", "0"]
        for at_ms, prices in mark_bars(tape, instrument, starts, now_ms)
    ]


def _told(now_ms: int, told: Any) -> Answer:
    return json_answer({"code": "00000", "msg": "success", "requestTime": now_ms, "data": told})


def _ticker(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, str]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    traded_usd = tape.traded_usd_24h(instrument, minute)
    return {
        "symbol": instrument.symbol,
        "category": instrument.market,
        "markPrice": fixed(tape.mark_price(instrument, minute), decimals),
        "indexPrice": fixed(tape.index_price(instrument, minute), decimals),
        "fundingRate": fixed(tape.funding_rate(instrument, now_ms), 8),
        "openInterest": fixed(tape.oi_contracts(instrument, minute), instrument.quantity_decimals),
        "volume24h": fixed(
            traded_usd / tape.mark_price(instrument, minute), instrument.quantity_decimals
        ),
        "turnover24h": fixed(traded_usd, 4),
        "ts": str(now_ms),
    }


def _instrument(instrument: Instrument) -> dict[str, str]:
    return {
        "symbol": instrument.symbol,
        "category": instrument.market,
        "baseCoin": instrument.base_asset,
        "quoteCoin": instrument.quote_asset,
        "fundInterval": str(instrument.funding_interval_hours),
        "status": "online",
        "launchTime": "1600000000000",
    }


def _liquidations(
    tape: Tape, now_ms: int, request: Request, listed: list[Instrument]
) -> dict[str, Any]:
    """Newest first; the cursor is how many were given."""
    names = {one.symbol for one in listed}
    rows = [
        row(tape, one)
        for one in tape.records(tape.rows("bitget", now_ms - RETENTION_MS, now_ms))
        if tape.instruments[one.instrument].symbol in names
    ][::-1]
    start = request.integer("cursor", 0) or 0
    end = start + min(request.integer("limit", 100) or 100, 100)
    return {"list": rows[start:end], "cursor": str(end) if end < len(rows) else ""}


def _settled(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, str]]:
    times = tape.funding_times_ms(instrument, tape.start_ms, now_ms)[::-1]
    return [
        {
            "symbol": instrument.symbol,
            "fundingRate": fixed(tape.funding_rate(instrument, at_ms), 8),
            "fundingRateTimestamp": str(at_ms),
        }
        for at_ms in times[: request.integer("limit", 20) or 20]
    ]


VENUE = WireVenue(
    "bitget",
    answers={"bitget": answer},
    streams=(WireStream("bitget_ws", frames, replies),),
    trading=Trading(
        contracts,
        oi_weight=0.09,
        flow_weight=0.09,
        rule=PublicationRule("largest_per_side", price="bankruptcy"),
        size_scale=1.3,
    ),
    faults={
        ("bitget", "throttled"): json_answer(THROTTLED, 429),
        ("bitget", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(row(tape, one)),
)
