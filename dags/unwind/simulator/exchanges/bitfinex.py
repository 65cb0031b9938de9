"""Bitfinex: liquidations by stream and REST, and its status of contracts.

A row signs the position. A liquidation is told as a trigger (IS_MATCH 0), now and then followed by
a match (1), which is the same event once more.
"""

from __future__ import annotations

from typing import Any

from unwind.simulator.exchanges import Beat, Subscriber, Trading, WireStream, WireVenue, pushes
from unwind.simulator.listings import contract
from unwind.simulator.market import (
    LONG,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
    steady,
)
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    json_answer,
    json_object,
    json_text,
)

CHANNEL = 91
HEARTBEAT_SECONDS = 15.0
MATCHED_SHARE = 0.3
MOST_ROWS = 500
THROTTLED = ["error", 11010, "ratelimit: error"]


def contracts(asset: Asset) -> list[Instrument]:
    return [contract("bitfinex", "", asset, f"t{asset.symbol}F0:USTF0")]


def position(tape: Tape, one: Liquidation) -> list[Any]:
    """The trigger's row of one liquidation."""
    instrument = tape.instruments[one.instrument]
    quantity = one.quantity_steps / 10**instrument.quantity_decimals
    scale = 10**instrument.price_decimals
    return [
        "pos",
        one.row + 143_000_000,
        one.at_ms,
        None,
        instrument.symbol,
        quantity if one.side == LONG else -quantity,
        one.mark_ticks / scale,
        None,
        0,
        1,
        None,
        one.fill_ticks / scale,
    ]


def _rows(tape: Tape, one: Liquidation) -> list[list[Any]]:
    trigger = position(tape, one)
    if steady("match", one.row) >= MATCHED_SHARE:
        return [trigger]
    match = [*trigger]
    match[2], match[8] = one.at_ms + 9, 1
    return [trigger, match]


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One message a contract and push."""
    return [
        (pushed_ms, json_text([CHANNEL, [row for one in rows for row in _rows(tape, one)]]))
        for pushed_ms, _, rows in pushes(tape, "bitfinex", from_ms, to_ms, symbols)
    ]


def opened(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    return [json_text({"event": "info", "version": 2, "platform": {"status": 1}})]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    order = json_object(text)
    if order.get("channel") != "status" or order.get("key") != "liq:global":
        return [json_text({"event": "error", "msg": "channel: unknown", "code": 10302})]
    subscriber.everything = True
    return [
        json_text(
            {"event": "subscribed", "channel": "status", "chanId": CHANNEL, "key": "liq:global"}
        )
    ]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    match request.path:
        case "/v2/status/deriv":
            listed = tape.instruments_of("bitfinex")
            return json_answer([_status(tape, now_ms, one) for one in listed])
        case "/v2/liquidations/hist":
            return json_answer(_history(tape, now_ms, request))
    return NO_SUCH_PATH


def _status(tape: Tape, now_ms: int, instrument: Instrument) -> list[Any]:
    minute, decimals = tape.minute_of(now_ms), instrument.price_decimals
    mark = round(tape.mark_price(instrument, minute), decimals)
    spot = round(tape.index_price(instrument, minute), decimals)
    funding = round(tape.funding_rate(instrument, now_ms), 8)
    return [
        *(instrument.symbol, now_ms, None, mark, spot, None, 1_000_000.0, None),
        *(now_ms + 3_600_000, 0.0, 0, None, funding, None, None, mark, None, None),
        round(tape.oi_contracts(instrument, minute), 4),
    ]


def _history(tape: Tape, now_ms: int, request: Request) -> list[list[list[Any]]]:
    start = request.integer("start", 0) or 0
    end = min(request.integer("end", now_ms) or now_ms, now_ms)
    rows = [
        row
        for one in tape.records(tape.rows("bitfinex", start, end + 1))
        for row in _rows(tape, one)
    ]
    rows.sort(key=lambda row: row[2], reverse=request.params.get("sort") != "1")
    limit = min(request.integer("limit", 120) or 120, MOST_ROWS)
    return [[row] for row in rows[:limit]]


VENUE = WireVenue(
    "bitfinex",
    answers={"bitfinex": answer},
    streams=(
        WireStream(
            "bitfinex_ws",
            frames,
            replies,
            opened=opened,
            beat=Beat(HEARTBEAT_SECONDS, lambda _: json_text([CHANNEL, "hb"])),
        ),
    ),
    trading=Trading(contracts, oi_weight=0.02, flow_weight=0.02, rule=PublicationRule("all")),
    faults={
        ("bitfinex", "throttled"): json_answer({"error": "ERR_RATE_LIMIT"}, 429),
        ("bitfinex", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(position(tape, one)),
)
