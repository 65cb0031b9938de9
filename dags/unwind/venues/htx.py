"""HTX (formerly Huobi): perpetuals in USDT and in coins, and dated coin contracts by WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, Response, VenueApi
from unwind.venues import (
    DAILY,
    DAY,
    HOUR,
    LandingContext,
    Ranked,
    Retention,
    Settling,
    Stream,
    Window,
    dataset,
    gunzip,
)

NAME = "htx"
CONNECTIONS = {
    "htx": Connection("https://api.hbdm.com"),
    "htx_ws": Connection("wss://api.hbdm.com"),
}
# Errors come inside HTTP 200, under a key that successful responses lack.
ERROR_RULES = ErrorRules(
    code_at=("err_code",),
    ok_codes=frozenset({"0"}),
    throttled_codes=frozenset({"1032"}),
    busy_codes=frozenset({"1000", "1004", "1099"}),
    absent_codes=frozenset({"1014", "1332"}),
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the history is written after an order; a minute covers the gateway",
)
RETENTION = Retention(
    timedelta(days=90),
    "2026-11-25",
    "https://www.htx.com/en-us/opend/newApiPages/: 90 days, two hours at a time",
)
RATE_LIMITS = (RateLimit("/", 120, 3),)
# The folder of an interface, by the margin of its contracts.
MARGINS = {"usdt": "/linear-swap-api", "coin": "/swap-api"}
ROWS = ("data",)
MARK_BARS = {"usdt": "linear_swap_mark_price_kline", "coin": "swap_mark_price_kline"}
# Histories are counted back from now, and take no times.
MAX_BARS, MAX_OPEN_INTERESTS = 2000, 200
# A request for liquidations may span two hours at most.
SPAN_MS = 2 * 3_600_000
PAGE_ROWS = 100


def _pong(frame: str) -> str | None:
    """The venue drops a connection that leaves its pings unanswered for half a minute."""
    if '"op":"ping"' not in frame:
        return None
    return json.dumps({"op": "pong", "ts": json.loads(frame)["ts"]})


STREAMS = tuple(
    Stream(
        "htx_ws",
        path,
        subscribe=('{"op":"sub","cid":"1","topic":"public.*.liquidation_orders"}',),
        reply=_pong,
        unpack=gunzip,
        control_frames=('"op":"ping"',),
        refusals=('"op":"error"', '"op":"close"'),
    )
    for path in ("/linear-swap-notification", "/swap-notification", "/notification")
)


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """Linear contracts state their value; coin contracts are 100 USD (BTC) or 10 USD each."""
    for request, body in responses:
        market = "usdt" if "/linear-swap-api/" in request.where else "coin"
        for row in body["data"]:
            each = 100 if row["symbol"] == "BTC" else 10
            size = row["value"] if market == "usdt" else float(row["volume"]) * each
            yield Ranked(market, row["contract_code"], float(size or 0))


@dataset("open_interest", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def open_interest(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The current open interest of every perpetual."""
    for root in MARGINS.values():
        api.get("htx", f"{root}/v1/swap_open_interest", rows=ROWS)


@dataset("instruments", DAILY, DAY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    for root in MARGINS.values():
        api.get("htx", f"{root}/v1/swap_contract_info", rows=ROWS)


@dataset("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every perpetual's liquidation orders, oldest first, two hours at a time; 90 days are kept."""
    codes: dict[str, set[str]] = {margin: set() for margin in MARGINS}
    for request, body in context.responses("open_interest"):
        market = "usdt" if "/linear-swap-api/" in request.where else "coin"
        codes[market].update(row["contract_code"] for row in body["data"])
    for from_ms in range(window.from_ms, window.last_ms, SPAN_MS):
        last_ms = min(from_ms + SPAN_MS - 1, window.last_ms)
        span = {"start_time": from_ms, "end_time": last_ms, "direct": "next"}
        for code in sorted(codes["usdt"]):
            params = {"contract_code": code, **span, "limit": PAGE_ROWS}
            _paged(api, "/v5/market/liquidation_orders", params, "id", "from")
        for code in sorted(codes["coin"]):
            params = {"contract": code, "trade_type": 0, **span}
            _paged(api, "/swap-api/v3/swap_liquidation_orders", params, "query_id", "from_id")


def _paged(api: VenueApi, path: str, params: dict[str, Any], row_id: str, from_name: str) -> None:
    def newer(response: Response) -> dict[str, Any] | None:
        full = len(response.rows) >= PAGE_ROWS
        return {from_name: response.rows[-1][row_id]} if full else None

    for _ in api.paginate("htx", path, params, newer, rows=ROWS):
        pass


def _steps_since(api: VenueApi, window: Window, step: timedelta) -> int:
    """How many steps the newest must be to reach the window's start, the running one included."""
    return (api.now() - window.from_at) // step + 1


# Separate from the current open interest, which ranks the contracts for the other datasets.
@dataset("past_open_interest", HOUR, DAY)
def past_open_interest(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The largest contracts' open interest at each hour since the window began."""
    steps = _steps_since(api, window, timedelta(hours=1))
    for margin, root in MARGINS.items():
        for code in context.tracked(margin):
            params = {
                "contract_code": code,
                "period": "60min",
                "size": min(steps, MAX_OPEN_INTERESTS),
                "amount_type": 1,
            }
            path = f"{root}/v1/swap_his_open_interest"
            api.get("htx", path, params, rows=("data", "tick"))


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The running rates of all, and the largest contracts' newest settlements."""
    for root in MARGINS.values():
        api.get("htx", f"{root}/v1/swap_batch_funding_rate", rows=ROWS)
    for margin, root in MARGINS.items():
        for code in context.tracked(margin):
            params = {"contract_code": code, "page_index": 1, "page_size": 20}
            api.get("htx", f"{root}/v1/swap_historical_funding_rate", params, rows=("data", "data"))


@dataset("prices", HOUR)
def prices(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every perpetual's index, and the hour's mark prices of the largest ones."""
    for root in MARGINS.values():
        api.get("htx", f"{root}/v1/swap_index", rows=ROWS)
    steps = _steps_since(api, window, timedelta(minutes=5))
    for margin, name in MARK_BARS.items():
        for code in context.tracked(margin):
            params = {"contract_code": code, "period": "5min", "size": min(steps, MAX_BARS)}
            api.get("htx", f"/index/market/history/{name}", params, rows=ROWS)


@dataset("long_short_ratio", HOUR)
def long_short_ratio(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The newest ratios of the top traders' accounts and positions."""
    for margin, root in MARGINS.items():
        for code in context.tracked(margin):
            params = {"contract_code": code, "period": "5min"}
            for ratio in ("swap_elite_account_ratio", "swap_elite_position_ratio"):
                api.get("htx", f"{root}/v1/{ratio}", params, rows=("data", "list"))
