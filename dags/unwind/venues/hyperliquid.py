"""Hyperliquid: fills of its nodes (with every liquidation in them) and its info interface.

The hourly fills lie in a bucket whose reader pays, so they are landed from a mirror: a bucket of
one's own, or the folder of one's own node, behind `AIRFLOW_CONN_HYPERLIQUID_NODEFILLS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.landing.http import Answer, Connection, Pace, Request, Signals, VenueApi
from unwind.venues import DAY, HOUR, Known, Ranked, Settling, Window, lands

NAME = "hyperliquid"
CONNECTIONS = {
    "hyperliquid": Connection("https://api.hyperliquid.xyz"),
    "hyperliquid_nodefills": Connection("", limits="nodefills"),
}
SIGNALS = Signals()
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "context alone; a file of fills that is not up yet is asked for again",
)
# 1,200 a minute; most questions cost 20, and one more for every 20 rows.
PACES = (Pace("/info", 1200, 60),)
INFO_COST = 20
FUNDING_COST = INFO_COST + 2
FUNDING_PAGE_ROWS = 500


def _usd_sizes(answers: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for _, (meta, contexts) in answers:
        for coin, context in zip(meta["universe"], contexts, strict=False):
            size = float(context.get("openInterest") or 0) * float(context.get("markPx") or 0)
            yield Ranked("", coin["name"], size)


@lands("premium_index", HOUR, DAY, ranking=_usd_sizes)
def premium_index(api: VenueApi, window: Window, known: Known) -> None:
    """Every coin's mark and oracle price, current funding and open interest, in one answer."""
    api.ask("hyperliquid", "/info", body={"type": "metaAndAssetCtxs"}, cost=INFO_COST)


@lands("liquidations", HOUR, DAY, files=True)
def liquidations(api: VenueApi, window: Window, known: Known) -> None:
    """The window's hourly files of fills, as they are. The hour in the name has no leading zero."""
    landed = 0
    for hour_at in window.hours:
        path = f"/node_fills_by_block/hourly/{hour_at:%Y%m%d}/{hour_at.hour}.lz4"
        if known.has(api.base_url("hyperliquid_nodefills") + path):
            landed += 1
        else:
            api.download("hyperliquid_nodefills", path, format="node-fills")
    if landed:
        api.transcript.notes.append(f"{landed} files had landed with their hours")


@lands("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, known: Known) -> None:
    """The settled hourly rates of the largest coins."""

    def newer(answer: Answer) -> dict[str, Any] | None:
        full = len(answer.rows) >= FUNDING_PAGE_ROWS
        return {"startTime": int(answer.rows[-1]["time"]) + 1} if full else None

    for coin in known.tracked():
        body = {
            "type": "fundingHistory",
            "coin": coin,
            "startTime": window.from_ms,
            "endTime": window.last_ms,
        }
        for _ in api.pages("hyperliquid", "/info", body, newer, body=dict, cost=FUNDING_COST):
            pass
