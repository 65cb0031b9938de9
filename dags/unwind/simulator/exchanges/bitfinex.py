"""Bitfinex: liquidations by stream and REST, and its status of contracts.

A row signs the position. A liquidation comes as a trigger (IS_MATCH 0), now and then followed by
a match (1), which is the same event once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract
from unwind.simulator.exchange import greeting, per_push
from unwind.simulator.market.steady import HOUR_MS, steady
from unwind.simulator.responses import json_object, json_response, json_text

CHANNEL = 91
HEARTBEAT_SECONDS = 15.0
MATCHED_SHARE = 0.3
WINDOW, LIMIT = kit.Window("start", "end"), kit.Limit(120, 500)


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    yield contract(asset, f"t{asset.symbol}F0:USTF0")


def position(one: kit.Liquidation) -> list[Any]:
    """The trigger's row of one liquidation."""
    return [
        "pos",
        one.row + 143_000_000,
        one.at_ms,
        None,
        one.contract.symbol,
        one.quantity if one.is_long else -one.quantity,
        one.mark_ticks / one.price_scale,
        None,
        0,
        1,
        None,
        one.fill_ticks / one.price_scale,
    ]


def rows_of(one: kit.Liquidation) -> list[list[Any]]:
    """The trigger, and the match where there is one."""
    trigger = position(one)
    if steady("match", one.row) >= MATCHED_SHARE:
        return [trigger]
    match = [*trigger]
    match[2], match[8] = one.at_ms + 9, 1
    return [trigger, match]


def messages(push: kit.Push) -> Iterator[list[Any]]:
    yield [CHANNEL, [row for one in push.rows for row in rows_of(one)]]


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    order = json_object(text)
    if order.get("channel") != "status" or order.get("key") != "liq:global":
        return [{"event": "error", "msg": "channel: unknown", "code": 10302}]
    subscriber.everything = True
    return [{"event": "subscribed", "channel": "status", "chanId": CHANNEL, "key": "liq:global"}]


def status(q: kit.Quote) -> list[Any]:
    mark = q.rounded(q.mark)
    return [
        *(q.symbol, q.at_ms, None, mark, q.rounded(q.index), None, 1_000_000.0, None),
        *(q.at_ms + HOUR_MS, 0.0, 0, None, round(q.rate, 8), None, None, mark, None, None),
        round(q.oi, 4),
    ]


def history(call: kit.Call) -> list[list[list[Any]]]:
    start, end = WINDOW.of(call)
    rows = [row for one in call.liquidations(start, end + 1) for row in rows_of(one)]
    rows.sort(key=lambda row: row[2], reverse=call.text("sort") != "1")
    return [[row] for row in rows[: LIMIT.of(call)]]


API = kit.Api({"/v2/status/deriv": kit.Snapshot(status), "/v2/liquidations/hist": history})
GREETING = greeting({"event": "info", "version": 2, "platform": {"status": 1}})
RULE = kit.PublicationRule("all")
EXCHANGE = kit.Exchange(
    "bitfinex",
    {
        "bitfinex": kit.Api(
            {"/v2/status/deriv": kit.Snapshot(status), "/v2/liquidations/hist": history}
        )
    },
    streams=(
        kit.ExchangeStream(
            "bitfinex_ws",
            per_push("bitfinex", messages),
            replies,
            GREETING,
            beat=kit.Heartbeat(HEARTBEAT_SECONDS, lambda _: json_text([CHANNEL, "hb"])),
        ),
    ),
    trading=kit.Trading(contracts, RULE, oi_weight=0.02, flow_weight=0.02),
    faults={
        "bitfinex": {
            "throttled": json_response({"error": "ERR_RATE_LIMIT"}, 429),
            "error_code": json_response(["error", 11010, "ratelimit: error"]),
        }
    },
    written=position,
)
