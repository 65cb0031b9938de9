"""Gate: liq_orders by REST, public_liquidates by stream, and its lists of contracts.

REST signs the position and counts seconds; frames sign the order and count ms since 2026-08-20.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue, pushes
from unwind.simulator.listings import contract, usual_funding_hours
from unwind.simulator.market import (
    LONG,
    MINUTE_MS,
    SHORT,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
    epoch_ms,
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

# Coins in one contract.
MULTIPLIERS = {
    "BTC": 0.0001,
    "ETH": 0.01,
    "SOL": 1.0,
    "XRP": 10.0,
    "DOGE": 10.0,
    "BNB": 0.001,
    "ADA": 10.0,
    "HYPE": 0.1,
    "LINK": 1.0,
    "AVAX": 1.0,
    "SUI": 1.0,
    "PEPE": 10_000_000.0,
    "LTC": 0.1,
    "TRX": 100.0,
}
BTC_SETTLED_SHARE = 0.05
USD1_SETTLED_SHARE = 0.02
MILLISECONDS_FROM_MS = epoch_ms(datetime(2026, 8, 20, tzinfo=UTC))
INTERVAL_MINUTES = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
LONGEST_WINDOW_S = 3600
THROTTLED = {"label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded"}


def contracts(asset: Asset) -> list[Instrument]:
    """A contract in USDT, and of BTC one that is settled in BTC and one in USD1."""
    btc, usd1 = (BTC_SETTLED_SHARE, USD1_SETTLED_SHARE) if asset.symbol == "BTC" else (0.0, 0.0)
    found = [
        contract(
            "gate",
            "usdt",
            asset,
            f"{asset.symbol}_USDT",
            1 - btc - usd1,
            contract_size=MULTIPLIERS[asset.symbol],
            quantity_decimals=0,
            funding_interval_hours=usual_funding_hours(asset),
        )
    ]
    if btc:
        found.append(
            contract(
                "gate",
                "btc",
                asset,
                "BTC_USD",
                btc,
                quote_asset="USD",
                inverse=True,
                quantity_decimals=0,
            )
        )
        found.append(
            contract(
                *("gate", "usd1", asset, "BTC_USD1", usd1),
                quote_asset="USD1",
                contract_size=MULTIPLIERS["BTC"],
                quantity_decimals=0,
            )
        )
    return found


def order(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """REST's row of one liquidation."""
    instrument = tape.instruments[one.instrument]
    size = one.quantity_steps if one.side == LONG else -one.quantity_steps
    return {
        "time": one.at_ms // 1000,
        "contract": instrument.symbol,
        "size": size,
        "order_size": -size,
        "order_price": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        "fill_price": stepped(one.fill_ticks, instrument.price_decimals),
        "left": 0,
    }


def liquidate(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """A frame's row of one liquidation."""
    instrument = tape.instruments[one.instrument]
    size = -one.quantity_steps if one.side == LONG else one.quantity_steps
    return {
        "price": stepped(one.fill_ticks, instrument.price_decimals),
        "size": str(size),
        "time": one.at_ms if one.at_ms >= MILLISECONDS_FROM_MS else one.at_ms // 1000,
        "contract": instrument.symbol,
    }


def _message(now_ms: int, event: str, result: Any, channel: str = "public_liquidates") -> str:
    return json_text(
        {
            "time": now_ms // 1000,
            "time_ms": now_ms,
            "channel": f"futures.{channel}",
            "event": event,
            "error": None,
            "result": result,
        }
    )


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One message a contract and push."""
    return [
        (pushed_ms, _message(pushed_ms, "update", [liquidate(tape, one) for one in rows]))
        for pushed_ms, _, rows in pushes(tape, "gate", from_ms, to_ms, symbols)
    ]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """A path is of one settlement currency; `!all` is all of its contracts."""
    said = json_object(text)
    if said.get("channel") == "futures.ping":
        return [_message(now_ms, "", None, "pong")]
    market = subscriber.path.rsplit("/", 1)[-1]
    if said.get("event") == "subscribe" and "!all" in said.get("payload", []):
        subscriber.symbols |= {one.symbol for one in tape.instruments_of("gate", market)}
        return [_message(now_ms, "subscribe", {"status": "success"})]
    error = {"code": 2, "message": "unknown channel"}
    return [json_text({"channel": said.get("channel"), "error": error, "result": None})]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of /api/v4/futures/<settled in>/* at an instant."""
    _, _, _, _, settled_in, *rest = request.path.split("/")
    listed = tape.instruments_of("gate", settled_in)
    named = [one for one in listed if one.symbol == request.params.get("contract")]
    match "/".join(rest):
        case "contracts":
            return json_answer([_contract(tape, now_ms, one) for one in listed])
        case "liq_orders":
            return _orders(tape, now_ms, request, listed)
        case "contract_stats" | "funding_rate" if not named:
            return json_answer({"label": "CONTRACT_NOT_FOUND", "message": ""}, 400)
        case "contract_stats":
            return json_answer(_statistics(tape, now_ms, request, named[0]))
        case "funding_rate":
            return json_answer(_funding(tape, now_ms, request, named[0]))
    return NO_SUCH_PATH


def _contract(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    return {
        "name": instrument.symbol,
        "type": "inverse" if instrument.inverse else "direct",
        "quanto_multiplier": "0" if instrument.inverse else fixed(instrument.contract_size, 4),
        "mark_price": fixed(tape.mark_price(instrument, minute), decimals),
        "index_price": fixed(tape.index_price(instrument, minute), decimals),
        "funding_rate": fixed(tape.funding_rate(instrument, now_ms), 6),
        "funding_interval": instrument.funding_interval_hours * 3600,
        "position_size": round(tape.oi_contracts(instrument, minute)),
        "in_delisting": False,
        "create_time": 1546905600,
    }


def _orders(tape: Tape, now_ms: int, request: Request, listed: list[Instrument]) -> Answer:
    first = request.integer("from", 0) or 0
    last = min(request.integer("to") or now_ms // 1000, now_ms // 1000)
    if last - first > LONGEST_WINDOW_S:
        problem = {"label": "INVALID_PARAM_VALUE", "message": "time range is too long"}
        return json_answer(problem, 400)
    names = {one.symbol for one in listed}
    rows = [
        order(tape, one)
        for one in tape.records(tape.rows("gate", first * 1000, min((last + 1) * 1000, now_ms)))
        if tape.instruments[one.instrument].symbol in names
    ]
    limit = request.integer("limit", 100) or 100
    return json_answer(rows[::-1][:limit])


def _statistics(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    step = INTERVAL_MINUTES[request.params.get("interval", "5m")] * MINUTE_MS
    start = (request.integer("from", 0) or 0) * 1000
    times = [t for t in range(-(-start // step) * step, now_ms + 1, step) if t > tape.start_ms]
    times = times[: request.integer("limit", 30) or 30]
    liquidated = [
        tape.liquidated_usd([instrument], at_ms, min(at_ms + step, now_ms), step).sum(axis=0)
        for at_ms in times
    ]
    ratios = {
        name: tape.long_short_ratios(instrument, times, kind)
        for name, kind in (
            ("lsr_account", "accounts"),
            ("top_lsr_account", "top_accounts"),
            ("top_lsr_size", "top_positions"),
            ("lsr_taker", "taker_volume"),
        )
    }
    return [
        {
            "time": at_ms // 1000,
            "open_interest": round(tape.oi_contracts(instrument, tape.minute_of(at_ms))),
            "open_interest_usd": round(tape.oi_usd(instrument, tape.minute_of(at_ms)), 2),
            "mark_price": round(
                tape.mark_price(instrument, tape.minute_of(at_ms)), instrument.price_decimals
            ),
            **{name: round(values[place], 4) for name, values in ratios.items()},
            "long_liq_usd": round(liquidated[place][LONG], 4),
            "short_liq_usd": round(liquidated[place][SHORT], 4),
        }
        for place, at_ms in enumerate(times)
    ]


def _funding(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    start = (request.integer("from", 0) or 0) * 1000
    end = min((request.integer("to") or now_ms // 1000) * 1000, now_ms)
    times = tape.funding_times_ms(instrument, start, end)[::-1]
    return [
        {"t": at_ms // 1000, "r": fixed(tape.funding_rate(instrument, at_ms), 6)}
        for at_ms in times[: request.integer("limit", 100) or 100]
    ]


VENUE = WireVenue(
    "gate",
    answers={"gate": answer},
    streams=(WireStream("gate_ws", frames, replies),),
    trading=Trading(
        contracts,
        oi_weight=0.10,
        flow_weight=0.10,
        rule=PublicationRule("all"),
        size_scale=1.25,
    ),
    faults={
        ("gate", "throttled"): json_answer(THROTTLED, 429),
        ("gate", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(liquidate(tape, one)),
)
