"""A small hand-made release: facts, coverage and moments in tables with the marts' columns."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from unwind.settings import Home
from unwind.warehouse.promises import marts

TABLES = (
    *("dim_assets", "dim_hours", "dim_instruments", "dim_venues", "fct_liquidations"),
    *("hidden_liquidations_hourly", "hidden_liquidations_minutely", "liquidations_hourly"),
    *("liquidations_minutely", "release", "venue_coverage_hourly"),
)
# The default for an hour or minute of a venue.
NOTHING_HIDDEN = {
    **{"hidden_usd": 0, "hidden_usd_variance": 0, "hidden_events": 0, "hidden_events_variance": 0},
    **{"estimated_channel_hours": 0, "unestimated_channel_hours": 0, "unpriced_events": 0},
}
SUMS = """
    insert into marts.liquidations_{grain}ly by name
    select
        date_trunc('minute', event_at) as minute_at,
        facts.hour_at,
        facts.venue,
        facts.base_asset,
        sum(notional_usd) filter (where liquidated_side = 'long') as long_usd,
        sum(notional_usd) filter (where liquidated_side = 'short') as short_usd,
        sum(notional_usd) as total_usd,
        count(*) as events,
        coalesce(any_value(coverage.is_lower_bound), true) or count(*) > count(notional_usd)
            as is_lower_bound,
    from marts.fct_liquidations as facts
    left join marts.venue_coverage_hourly as coverage using (hour_at, venue)
    group by all
"""


def at(text: str) -> datetime:
    """An instant of 29 January 2026, naive UTC: `14:05`; `24:00` is midnight of the next day."""
    hour, minute = map(int, text.split(":"))
    return datetime.fromisoformat("2026-01-29") + timedelta(hours=hour, minutes=minute)


class Release:
    """The release of a home while it is being filled."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        folder = root / "releases" / "by-hand"
        folder.mkdir(parents=True)
        (root / "current").symlink_to(folder)
        self.file = folder / "warehouse.duckdb"
        self.connection = duckdb.connect(str(self.file))
        self.connection.execute("create schema marts")
        for name in TABLES:
            columns = ", ".join(f'"{one.name}" {one.data_type}' for one in marts()[name].columns)
            self.connection.execute(f"create table marts.{name} ({columns})")
        self.insert("release", release_id="by-hand")

    def insert(self, table: str, **values: object) -> None:
        """One row; other columns are null."""
        columns = ", ".join(values)
        self.connection.execute(
            f"insert into marts.{table} ({columns}) values (?{', ?' * (len(values) - 1)})",
            list(values.values()),
        )

    def hours(self, first: int, last: int) -> None:
        """Hours of the spine, both ends included."""
        for hour in range(first, last + 1):
            self.insert("dim_hours", hour_at=at(f"{hour}:00"))

    def covered(
        self, venue: str, hours: Sequence[int], rule: str = "full", outcome: str = "complete"
    ) -> None:
        """The coverage of a venue's hours."""
        for hour in hours:
            self.insert(
                "venue_coverage_hourly",
                hour_at=at(f"{hour}:00"),
                venue=venue,
                landing_outcome=outcome,
                publication_rule=None if outcome == "failed" else rule,
                is_covered=outcome in ("complete", "partial"),
                is_complete=outcome == "complete",
                is_lower_bound=outcome != "complete" or rule != "full",
            )

    def listed(self, venue: str, *assets: str) -> None:
        """Assets of which the venue lists an instrument at all times."""
        for asset in assets:
            self.insert(
                "dim_instruments",
                venue=venue,
                instrument=asset,
                base_asset=asset,
                is_trading=True,
                valid_from=datetime.fromisoformat("1970-01-01"),
            )

    def liquidated(
        self, time: str, venue: str, usd: float | None, asset: str = "BTC", side: str = "long"
    ) -> str:
        """One counted fact; returns its id."""
        number = self.connection.execute("select count(*) from marts.fct_liquidations").fetchone()
        one = uuid.UUID(int=number[0] + 1)
        event_at = at(time)
        self.insert(
            "fct_liquidations",
            liquidation_id=one,
            event_at=event_at,
            hour_at=event_at.replace(minute=0),
            venue=venue,
            base_asset=asset,
            liquidated_side=side,
            event_kind="liquidation",
            notional_usd=usd,
        )
        return str(one)

    def hidden(
        self,
        hour: int,
        venue: str,
        moments: Mapping[str, float],
        minutes: Mapping[int, Mapping[str, float]],
        asset: str = "BTC",
    ) -> None:
        """Moments (long and total) of a venue's hour and of its minutes."""
        key = {"hour_at": at(f"{hour}:00"), "venue": venue, "base_asset": asset}
        self.insert("hidden_liquidations_hourly", **key, **_by_side(moments, NOTHING_HIDDEN))
        of_minutes = {name: 0 for name in NOTHING_HIDDEN if "hidden" in name}
        for minute, stated in minutes.items():
            self.insert(
                "hidden_liquidations_minutely",
                minute_at=at(f"{hour}:{minute}"),
                **key,
                **_by_side(stated, of_minutes),
            )

    def finished(self) -> Home:
        """Sums up the facts, and closes the file."""
        for grain in ("hour", "minute"):
            sums = SUMS.format(grain=grain)
            if grain == "hour":
                sums = sums.replace("date_trunc('minute', event_at) as minute_at,", "")
            self.connection.execute(sums)
        self.connection.close()
        return self.home


def _by_side(stated: Mapping[str, float], nothing: Mapping[str, float]) -> dict[str, float]:
    return {
        f"{side}_{name}": stated.get(name, none) if side != "short" else none
        for side in ("long", "short", "total")
        for name, none in nothing.items()
    }
