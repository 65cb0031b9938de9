"""Gate: perpetuals in USDT, BTC and USD1. Liquidations come by REST, by the hour, and by stream."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, VenueApi
from unwind.venues import DAY, HOUR, LandingContext, Ranked, Settling, Stream, Window, dataset

NAME = "gate"
CONNECTIONS = {
    "gate": Connection("https://api.gateio.ws"),
    "gate_ws": Connection("wss://fx-ws.gateio.ws"),
}
ERROR_RULES = ErrorRules(
    code_at=("label",),
    ok_codes=frozenset({""}),
    throttled_codes=frozenset({"TOO_MANY_REQUESTS"}),
    busy_codes=frozenset({"INTERNAL", "SERVER_ERROR", "TOO_BUSY"}),
    absent_codes=frozenset({"CONTRACT_NOT_FOUND"}),
    remaining_header="X-Gate-RateLimit-Requests-Remain",
    reset_at_header="X-Gate-RateLimit-Reset-Timestamp",
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the history is written after an order; a minute covers the gateway",
)
RATE_LIMITS = (RateLimit("/api/v4/futures", 200, 10),)
# USD1 since 2026-08-19: https://www.gate.com/docs/developers/futures/ws/en/
SETTLED_IN = ("usdt", "btc", "usd1")
SUBSCRIPTION = {
    "time": 0,
    "channel": "futures.public_liquidates",
    "event": "subscribe",
    "payload": ["!all"],
}
STREAMS = tuple(
    Stream(
        "gate_ws",
        f"/v4/ws/{settled_in}",
        subscribe=(json.dumps(SUBSCRIPTION),),
        ping='{"time":0,"channel":"futures.ping"}',
        control_frames=('"futures.pong"',),
        refusals=('"error":{',),
    )
    for settled_in in SETTLED_IN
)
# A request may span an hour at most and has no pages; a full answer is requested again in halves.
MAX_SECONDS = 3600
MAX_ROWS = 1000
FUNDING_ROWS = 1000


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """USDT contracts are a number of coins each, BTC-settled ones a dollar."""
    for request, rows in responses:
        market = request.where.split("/")[-2]
        for row in rows:
            each = float(row["quanto_multiplier"]) * float(row["mark_price"])
            yield Ranked(market, row["name"], float(row.get("position_size") or 0) * (each or 1.0))


@dataset("contracts", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def contracts(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every contract's specification, open interest, mark and index price, and funding."""
    for settled_in in SETTLED_IN:
        api.get("gate", f"/api/v4/futures/{settled_in}/contracts")


@dataset("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """All contracts' liquidations; times are in seconds, both ends included."""
    first, end = int(window.from_at.timestamp()), int(window.to_at.timestamp())
    for settled_in in SETTLED_IN:
        for start in range(first, end, MAX_SECONDS):
            _halving(api, settled_in, start, start + MAX_SECONDS - 1)


def _halving(api: VenueApi, settled_in: str, from_s: int, to_s: int) -> None:
    params = {"from": from_s, "to": to_s, "limit": MAX_ROWS}
    response = api.get("gate", f"/api/v4/futures/{settled_in}/liq_orders", params)
    if response is None or len(response.rows) < MAX_ROWS:
        return
    if from_s == to_s:
        api.record_failure(
            f"gate had {MAX_ROWS} liquidations or more in the second {from_s}, and returns no more "
            "for one second; the rest of this second is unavailable"
        )
        return
    middle = (from_s + to_s) // 2
    _halving(api, settled_in, from_s, middle)
    _halving(api, settled_in, middle + 1, to_s)


@dataset("contract_stats", HOUR, DAY)
def contract_stats(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The largest contracts' open interest, mark price, ratios and the venue's own totals."""
    interval, rows = ("5m", 12) if len(window.hours) == 1 else ("1h", 24)
    for settled_in in SETTLED_IN:
        for contract in context.tracked(settled_in):
            params = {
                "contract": contract,
                "from": int(window.from_at.timestamp()),
                "interval": interval,
                "limit": rows,
            }
            api.get("gate", f"/api/v4/futures/{settled_in}/contract_stats", params)


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The largest contracts' settled rates."""
    for settled_in in SETTLED_IN:
        for contract in context.tracked(settled_in):
            params = {
                "contract": contract,
                "from": int(window.from_at.timestamp()),
                "to": int(window.to_at.timestamp()) - 1,
                "limit": FUNDING_ROWS,
            }
            api.get("gate", f"/api/v4/futures/{settled_in}/funding_rate", params)
