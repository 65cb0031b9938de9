"""CoinEx: linear and inverse perpetuals. Liquidations come by REST alone, contract by contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.http import Answer, Connection, Pace, Request, Signals, VenueApi
from unwind.venues import DAILY, DAY, HOUR, Known, Ranked, Settling, Window, lands

NAME = "coinex"
CONNECTIONS = {"coinex": Connection("https://api.coinex.com")}
SIGNALS = Signals(
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
PACES = (Pace("/v2/futures", 400, 1),)
ROWS = ("data",)
PAGE_ROWS = 100


def _usd_sizes(answers: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """Linear contracts are a coin each, inverse ones (BTCUSD) a dollar."""
    for _, body in answers:
        for row in body["data"]:
            inverse = row["market"].endswith("USD")
            price = 1.0 if inverse else float(row.get("mark_price") or 0)
            yield Ranked("", row["market"], float(row.get("open_interest_volume") or 0) * price)


@lands("tickers", HOUR, DAY, ranking=_usd_sizes, of_now=True)
def tickers(api: VenueApi, window: Window, known: Known) -> None:
    """Every contract's open interest, mark and index price."""
    api.ask("coinex", "/v2/futures/ticker", rows=ROWS)


@lands("instruments", DAILY, DAY, of_now=True)
def instruments(api: VenueApi, window: Window, known: Known) -> None:
    api.ask("coinex", "/v2/futures/market", rows=ROWS)


@lands("liquidations", HOUR, DAY)
def liquidations(api: VenueApi, window: Window, known: Known) -> None:
    """Every contract's liquidations of the window."""

    def following(answer: Answer) -> dict[str, Any] | None:
        nonlocal page
        page += 1
        return {"page": page} if answer.json["pagination"].get("has_next") else None

    listed = {row["market"] for _, body in known.answers("tickers") for row in body["data"]}
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
        for _ in api.pages("coinex", path, params, following, rows=ROWS):
            pass


@lands("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, known: Known) -> None:
    """The running rates of all, and the largest contracts' settlements of the window."""
    api.ask("coinex", "/v2/futures/funding-rate", rows=ROWS)
    for market in known.tracked():
        params = {
            "market": market,
            "start_time": window.from_ms,
            "end_time": window.last_ms,
            "limit": PAGE_ROWS,
        }
        api.ask("coinex", "/v2/futures/funding-rate-history", params, rows=ROWS)
