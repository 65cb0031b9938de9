"""CoinEx: liquidations by REST, contract by contract, and its tickers.

`side` names the position, prices are the mark prices at which positions were liquidated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unwind.simulator.exchanges import Trading, WireVenue
from unwind.simulator.listings import contract, usual_funding_hours
from unwind.simulator.market import LONG, Asset, Instrument, Liquidation, PublicationRule, Tape
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    fixed,
    json_answer,
    json_text,
    stepped,
)

INVERSE = ("BTC", "ETH")
INVERSE_SHARE = 0.05
MOST_ROWS = 100
THROTTLED = {"code": 4213, "data": {}, "message": "Rate limit triggered"}


def contracts(asset: Asset) -> list[Instrument]:
    """A linear contract, and an inverse one of BTC and ETH."""
    inverse = INVERSE_SHARE if asset.symbol in INVERSE else 0.0
    found = [
        contract(
            *("coinex", "linear", asset, f"{asset.symbol}USDT", 1 - inverse),
            funding_interval_hours=usual_funding_hours(asset),
        )
    ]
    if inverse:
        found.append(
            contract(
                *("coinex", "inverse", asset, f"{asset.symbol}USD", inverse),
                quote_asset="USD",
                inverse=True,
                quantity_decimals=0,
            )
        )
    return found


def row(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """The row of one liquidation."""
    instrument = tape.instruments[one.instrument]
    return {
        "market": instrument.symbol,
        "side": "long" if one.side == LONG else "short",
        "liq_price": stepped(one.mark_ticks, instrument.price_decimals),
        "liq_amount": stepped(one.quantity_steps, instrument.quantity_decimals),
        "bkr_price": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        "created_at": one.at_ms,
    }


def told(tape: Tape, from_ms: int, to_ms: int) -> Iterator[str]:
    """What REST tells of a time, all contracts and pages."""
    for one in tape.records(tape.rows("coinex", from_ms, to_ms)):
        yield json_text(row(tape, one))


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of /v2/futures/* at an instant."""
    listed = tape.instruments_of("coinex")
    named = [one for one in listed if one.symbol == request.params.get("market")]
    match request.path.removeprefix("/v2/futures/"):
        case "ticker":
            return _told([_ticker(tape, now_ms, one) for one in listed])
        case "market":
            return _told([_market(one) for one in listed])
        case "funding-rate":
            return _told([_running_rate(tape, now_ms, one) for one in listed])
        case "liquidation-history" | "funding-rate-history" if not named:
            return json_answer({"code": 3639, "data": {}, "message": "Invalid Parameter"})
        case "liquidation-history":
            return _history(tape, now_ms, request, named[0])
        case "funding-rate-history":
            return _told(_settled(tape, now_ms, request, named[0]))
    return NO_SUCH_PATH


def _told(rows: list[Any], **more: Any) -> Answer:
    return json_answer({"code": 0, "data": rows, "message": "OK", **more})


def _ticker(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    traded_usd = tape.traded_usd_24h(instrument, minute)
    return {
        "market": instrument.symbol,
        "period": 86400,
        "volume": fixed(
            traded_usd / tape.mark_price(instrument, minute), instrument.quantity_decimals
        ),
        "value": fixed(traded_usd, 4),
        "mark_price": fixed(tape.mark_price(instrument, minute), decimals),
        "index_price": fixed(tape.index_price(instrument, minute), decimals),
        "open_interest_volume": fixed(
            tape.oi_contracts(instrument, minute), instrument.quantity_decimals
        ),
    }


def _market(instrument: Instrument) -> dict[str, str]:
    return {
        "market": instrument.symbol,
        "contract_type": instrument.market,
        "base_ccy": instrument.base_asset,
        "quote_ccy": instrument.quote_asset,
        "status": "online",
    }


def _running_rate(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    step = instrument.funding_interval_hours * 3_600_000
    latest = now_ms // step * step
    return {
        "market": instrument.symbol,
        "latest_funding_rate": fixed(tape.funding_rate(instrument, latest), 8),
        "next_funding_rate": fixed(tape.funding_rate(instrument, now_ms), 8),
        "latest_funding_time": latest,
        "next_funding_time": latest + step,
    }


def _history(tape: Tape, now_ms: int, request: Request, instrument: Instrument) -> Answer:
    start = request.integer("start_time", 0) or 0
    end = min(request.integer("end_time", now_ms) or now_ms, now_ms)
    number = tape.instrument_number["coinex", instrument.symbol]
    rows = [
        row(tape, one)
        for one in tape.records(tape.rows("coinex", start, end + 1))
        if one.instrument == number
    ]
    limit = min(request.integer("limit", 10) or 10, MOST_ROWS)
    first = ((request.integer("page", 1) or 1) - 1) * limit
    pagination = {"total": len(rows), "has_next": first + limit < len(rows)}
    return _told(rows[first : first + limit], pagination=pagination)


def _settled(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    start = request.integer("start_time", 0) or 0
    end = min(request.integer("end_time", now_ms) or now_ms, now_ms)
    return [
        {
            "market": instrument.symbol,
            "funding_time": at_ms,
            "theoretical_funding_rate": fixed(tape.funding_rate(instrument, at_ms), 8),
            "actual_funding_rate": fixed(tape.funding_rate(instrument, at_ms), 8),
        }
        for at_ms in tape.funding_times_ms(instrument, start, end)
    ]


VENUE = WireVenue(
    "coinex",
    answers={"coinex": answer},
    trading=Trading(
        contracts, oi_weight=0.02, flow_weight=0.02, rule=PublicationRule("all", price="mark")
    ),
    faults={
        ("coinex", "throttled"): json_answer(THROTTLED, 429),
        ("coinex", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(row(tape, one)),
    told=told,
)
