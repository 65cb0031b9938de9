"""CoinEx: linear and inverse perpetuals. Liquidations come only by REST, contract by contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Connection, ErrorRules, RateLimit, Request, Response, VenueApi
from unwind.venues import DAILY, DAY, HOUR, LandingContext, Ranked, Settling, Window, dataset

NAME = "coinex"
CONNECTIONS = {"coinex": Connection("https://api.coinex.com")}
ERROR_RULES = ErrorRules(
    code_at=("code",),
    ok_codes=frozenset({"0"}),
    throttled_codes=frozenset({"4213"}),
    busy_codes=frozenset({"4001", "4002", "3008"}),
    absent_codes=frozenset({"3639"}),
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "chosen: the history is written after an order; a minute covers the gateway",
)
RATE_LIMITS = (RateLimit("/v2/futures", 400, 1),)
ROWS = ("data",)
PAGE_ROWS = 100


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """Linear contracts are a coin each, inverse ones (BTCUSD) a dollar."""
    for _, body in responses:
        for row in body["data"]:
            inverse = row["market"].endswith("USD")
            price = 1.0 if inverse else float(row.get("mark_price") or 0)
            yield Ranked("", row["market"], float(row.get("open_interest_volume") or 0) * price)


@dataset("tickers", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def tickers(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every contract's open interest, mark and index price."""
    api.get("coinex", "/v2/futures/ticker", rows=ROWS)


@dataset("instruments", DAILY, DAY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    api.get("coinex", "/v2/futures/market", rows=ROWS)


@dataset("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every contract's liquidations of the window."""

    page = 1

    def following(response: Response) -> dict[str, Any] | None:
        nonlocal page
        page += 1
        return {"page": page} if response.json["pagination"].get("has_next") else None

    listed = {row["market"] for _, body in context.responses("tickers") for row in body["data"]}
    for market in sorted(listed):
        page = 1
        params = {
            "market": market,
            "start_time": window.from_ms,
            "end_time": window.last_ms,
            "page": page,
            "limit": PAGE_ROWS,
        }
        path = "/v2/futures/liquidation-history"
        for _ in api.paginate("coinex", path, params, following, rows=ROWS):
            pass


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The running rates of all, and the largest contracts' settlements of the window."""
    api.get("coinex", "/v2/futures/funding-rate", rows=ROWS)
    for market in context.tracked():
        params = {
            "market": market,
            "start_time": window.from_ms,
            "end_time": window.last_ms,
            "limit": PAGE_ROWS,
        }
        api.get("coinex", "/v2/futures/funding-rate-history", params, rows=ROWS)
