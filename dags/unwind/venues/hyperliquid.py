"""Hyperliquid: fills of its nodes (with every liquidation in them) and its info interface.

The hourly fills lie in a bucket whose reader pays, so they are landed from a mirror: a bucket of
one's own, or the folder of one's own node, behind `AIRFLOW_CONN_HYPERLIQUID_NODEFILLS`. Hours whose
file is not there get the public fills of the vaults that take liquidated positions over: the
backstops alone, so that the hour stays partial.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from unwind.clock import HOUR as ONE_HOUR
from unwind.file_formats import FileFormat
from unwind.http import (
    Connection,
    ErrorRules,
    RateLimit,
    Request,
    Response,
    VenueApi,
    VenueStoppedError,
)
from unwind.settings import PROJECT_ROOT
from unwind.venues import DAY, HOUR, LandingContext, Ranked, Settling, Window, dataset

NAME = "hyperliquid"
CONNECTIONS = {
    "hyperliquid": Connection("https://api.hyperliquid.xyz"),
    "hyperliquid_nodefills": Connection("", limits="nodefills"),
}
ERROR_RULES = ErrorRules()
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "context alone; a file of fills that is not up yet is asked for again",
)
# 1,200 a minute; most requests cost 20, and one more for every 20 rows.
RATE_LIMITS = (RateLimit("/info", 1200, 60),)
INFO_COST = 20
FUNDING_COST = INFO_COST + 2
FUNDING_PAGE_ROWS = 500
# https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint: at most 2,000
# fills a response, of the newest 10,000.
FILLS_PAGE_ROWS = 2000
FILLS_COST = INFO_COST + FILLS_PAGE_ROWS // 20
# Which addresses are vaults, and when: the seed that staging reads as well.
VAULTS = PROJECT_ROOT / "dbt_project" / "seeds" / "hyperliquid_vaults.csv"

FORMATS = (FileFormat("node-fills", "liquidations"),)


def _usd_sizes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    for request, body in responses:
        # The list of exchanges stands among them.
        if (request.body or {}).get("type") != "metaAndAssetCtxs":
            continue
        meta, contexts = body
        for coin, context in zip(meta["universe"], contexts, strict=False):
            size = float(context.get("openInterest") or 0) * float(context.get("markPx") or 0)
            yield Ranked("", coin["name"], size)


@dataset("premium_index", HOUR, DAY, ranking=_usd_sizes, is_snapshot=True)
def premium_index(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Every coin's mark and oracle price, current funding and open interest.

    There is one response for the venue's own markets and one for each builder-deployed exchange;
    the list of these begins with null, which stands for the venue itself.
    """
    asked = {"type": "metaAndAssetCtxs"}
    api.get("hyperliquid", "/info", body=asked, cost=INFO_COST)
    listed = api.get("hyperliquid", "/info", body={"type": "perpDexs"}, cost=INFO_COST)
    for dex in listed.rows if listed else ():
        if dex is not None:
            api.get("hyperliquid", "/info", body={**asked, "dex": dex["name"]}, cost=INFO_COST)


@dataset("liquidations", HOUR, DAY, files=True)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The window's hourly files of fills, as they are. The hour in the name has no leading zero.

    For hours without a file the vaults' own fills are requested, which show backstops alone.
    """
    landed = 0
    missing: list[datetime] = []
    for hour_at in window.hours:
        path = f"/node_fills_by_block/hourly/{hour_at:%Y%m%d}/{hour_at.hour}.lz4"
        if context.has(api.where("hyperliquid_nodefills", path)):
            landed += 1
        elif not _has_arrived(api, path):
            missing.append(hour_at)
    if landed:
        api.record_note(f"{landed} files had landed with their hours")
    if missing:
        _vault_fills(api, Window(missing[0], missing[-1] + ONE_HOUR))
        api.record_failure(
            f"no file of node fills came for {len(missing)} of {len(window.hours)} hours, and the "
            "vaults' own fills show backstops alone; land again once the mirror has the files"
        )


def _has_arrived(api: VenueApi, path: str) -> bool:
    """Whether a file of node fills arrived; a mirror that is down costs only its files."""
    try:
        return api.download("hyperliquid_nodefills", path, format="node-fills") is not None
    except VenueStoppedError as stopped:
        api.record_failure(str(stopped), once=True)
        return False


def _vault_fills(api: VenueApi, window: Window) -> None:
    """The public fills of every vault of the window, oldest first.

    A page begins with the last millisecond of the one before, which may have been cut.
    """

    def newer(response: Response) -> dict[str, Any] | None:
        if len(response.rows) < FILLS_PAGE_ROWS:
            return None
        first, last = int(response.rows[0]["time"]), int(response.rows[-1]["time"])
        if first == last:
            api.record_failure(
                f"hyperliquid has {FILLS_PAGE_ROWS} fills of a vault or more in the millisecond "
                f"{last}, and returns no more for one; the rest of it is unavailable"
            )
        return {"startTime": last + 1 if first == last else last}

    for address in _vaults(window):
        body = {
            "type": "userFillsByTime",
            "user": address,
            "startTime": window.from_ms,
            "endTime": window.last_ms,
        }
        for _ in api.paginate("hyperliquid", "/info", body, newer, body=dict, cost=FILLS_COST):
            pass


def _vaults(window: Window) -> list[str]:
    """The addresses that were vaults at some time of the window."""

    def instant(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=window.from_at.tzinfo)

    with VAULTS.open(encoding="utf-8", newline="") as seed:
        return [
            row["address"]
            for row in csv.DictReader(seed)
            if instant(row["valid_from"]) < window.to_at
            and (not row["valid_to"] or instant(row["valid_to"]) > window.from_at)
        ]


@dataset("funding", HOUR, DAY)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The settled hourly rates of the largest coins."""

    def newer(response: Response) -> dict[str, Any] | None:
        full = len(response.rows) >= FUNDING_PAGE_ROWS
        return {"startTime": int(response.rows[-1]["time"]) + 1} if full else None

    for coin in context.tracked():
        body = {
            "type": "fundingHistory",
            "coin": coin,
            "startTime": window.from_ms,
            "endTime": window.last_ms,
        }
        for _ in api.paginate("hyperliquid", "/info", body, newer, body=dict, cost=FUNDING_COST):
            pass
