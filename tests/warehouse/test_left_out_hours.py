"""Left-out hours, compared with what happened in the simulated market.

Of six hours one is never landed, and in the others 30 random venue-hours are left out: not landed,
failed or partial. No sum or count is below the market's own books unless it is marked as a lower
bound, no ratio uses incomplete inputs without a mark, and nothing is zero where something happened.
UNWIND_LEFT_OUT_SEEDS sets other seeds.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import duckdb
import pyarrow.parquet as pq
import pytest

from unwind.landing.land import hour_batch, land_venue
from unwind.landing.ledger import Landing, Ledger
from unwind.landing.raw import RawObject, RawZone
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.market.steady import HOUR_MS, epoch_ms
from unwind.simulator.market.tape import Tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator
from unwind.venues import DAILY, venues
from unwind.warehouse.refresh import refresh

HOUR = timedelta(hours=1)
FROM_AT = datetime(2026, 1, 29, tzinfo=UTC)
HOURS = [FROM_AT + HOUR * place for place in range(6)]
NOT_LANDED = HOURS[3]
LEFT_OUT = 30
SEEDS = [int(one) for one in os.environ.get("UNWIND_LEFT_OUT_SEEDS", "7").split(",")]
WINDOWS = {1: "1h", 24: "24h"}
ALL = "ALL"
# A frame of the last second may be received in the next hour, and is then in that hour's segment.
AFTER_PUSH_MS = 100
# Open interest at a full hour is measured up to some minutes later, at other prices.
MEASURED_WITHIN_MINUTES = 6
OI_TOLERANCE = 0.98

Plan = Mapping[tuple[str, datetime], str]


@pytest.fixture(scope="module")
def tape() -> Tape:
    return short_tape()


@pytest.fixture(scope="module")
def whole(tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Six hours of every venue, fully landed and not built."""
    home = Home(tmp_path_factory.mktemp("whole") / "home")
    write_segments(tape, home.recorder, HOURS[0], HOURS[-1] + HOUR)
    with Simulator(tape, now=HOURS[0]) as server:
        settings = {**server.environment(), "UNWIND_TRACKED_INSTRUMENTS": "2"}
        with mock.patch.dict(os.environ, settings):
            for hour_at in HOURS:
                server.set_now(landed_at(hour_at))
                with ThreadPoolExecutor(3) as pool:
                    list(pool.map(partial(land, home, hour_at), venues()))
    return home


def land(home: Home, hour_at: datetime, venue: str) -> None:
    """One venue's hour, five minutes after its end."""
    land_venue(home, hour_batch(hour_at), venue, lambda: landed_at(hour_at))


def landed_at(hour_at: datetime) -> datetime:
    """Five minutes after the hour: every venue has settled, and still reports the hour's end."""
    return hour_at + HOUR + timedelta(minutes=5)


@cache
def traded(tape: Tape) -> list[str]:
    return sorted(set(tape.venue_of.tolist()))


def built_without(whole: Home, plan: Plan, folder: Path) -> Home:
    """The same landings without the plan's venue-hours, sealed and built in another home."""
    home = Home(folder / "home")
    shutil.copytree(whole.root / "raw", home.root / "raw")
    known, ledger = Ledger(whole), Ledger(home)
    due: dict[str, list[Landing]] = defaultdict(list)
    for hour_at in HOURS:
        batch = hour_batch(hour_at)
        for venue in venues():
            # A daily dataset that was left out is still due, and lands with the next hour.
            landings = [*known.landed(batch.batch_id, venue), *due[venue]]
            outcome = plan.get((venue, hour_at))
            due[venue] = []
            if outcome in ("not_landed", "failed"):
                due[venue] = [one for one in landings if is_daily(venue, one)]
            if outcome == "not_landed" or not landings:
                continue
            if outcome:
                landings = [
                    left_out(home, venue, hour_at, landing, outcome)
                    if landing.dataset == "liquidations" or outcome == "failed"
                    else landing
                    for landing in landings
                ]
            ledger.record_landing(batch.batch_id, venue, landings)
        if (home.landed / batch.batch_id).exists():
            ledger.seal(batch, landed_at(hour_at))
    refresh(home, clock=lambda: landed_at(HOURS[-1]) + HOUR)
    return home


def is_daily(venue: str, landing: Landing) -> bool:
    """Whether the dataset lands once a day, so that the next hour makes up for a missed one."""
    return any(
        one.name == landing.dataset and DAILY in one.cadences for one in venues()[venue].datasets
    )


def left_out(home: Home, venue: str, hour_at: datetime, landing: Landing, outcome: str) -> Landing:
    """The landing as failed, or as partial: without the middle 40 minutes of the hour."""
    if outcome == "failed":
        objects: tuple[RawObject, ...] = ()
    else:
        objects = tuple(with_a_gap(home, venue, hour_at, obj) for obj in landing.objects)
    return replace(landing, status=outcome, detail="left out", objects=objects, coverage=None)


def with_a_gap(home: Home, venue: str, hour_at: datetime, obj: RawObject) -> RawObject:
    """A segment without the frames received from :10 to :50; half of the REST responses."""
    zone = RawZone(home)
    lines = pq.read_table(zone.lines_path(venue, obj.sha256))["text"].to_pylist()
    if obj.format == "frames":
        gap = (hour_at + timedelta(minutes=10), hour_at + timedelta(minutes=50))
        from_at, to_at = (one.isoformat().replace("+00:00", "Z") for one in gap)
        kept = [line for line in lines if not from_at <= json.loads(line)["received_at"] < to_at]
        gap = {"received_at": to_at, "event": "gap", "from_at": from_at, "to_at": to_at}
        kept.append(json.dumps(gap))
    else:
        kept = lines[: len(lines) // 2]
    return zone.put(
        "".join(f"{line}\n" for line in kept).encode(),
        venue=venue,
        dataset=obj.dataset,
        format=obj.format,
        name=obj.name,
        received_at=landed_at(hour_at),
    )


class Sums(NamedTuple):
    """Bounds of USD and number of liquidations; the minima exclude the hour's last second."""

    min_usd: float = 0.0
    max_usd: float = 0.0
    least: int = 0
    most: int = 0

    def with_one(self, usd: float, is_sure: bool) -> Sums:
        return Sums(
            self.min_usd + usd * is_sure, self.max_usd + usd, self.least + is_sure, self.most + 1
        )


@dataclass(frozen=True)
class Books:
    """The market's own books of every hour, hidden liquidations included."""

    tape: Tape
    sums: Mapping[tuple[datetime, str, str, str], Sums]

    def of(self, hours: Sequence[datetime], venue: str, asset: str, side: str) -> Sums:
        """Sums over hours, for a venue or ALL and an asset or ALL; `side` may be both."""
        keys = [
            (hour_at, named, base, one)
            for hour_at in hours
            if hour_at in self.hours
            for named in (traded(self.tape) if venue == ALL else [venue])
            for base in (self.assets if asset == ALL else [asset])
            for one in (("long", "short") if side == "both" else (side,))
        ]
        found = [self.sums[key] for key in keys if key in self.sums]
        return Sums(*(sum(column) for column in zip(*found, strict=True))) if found else Sums()

    @cached_property
    def hours(self) -> set[datetime]:
        """Those with a liquidation."""
        return {hour_at for hour_at, *_ in self.sums}

    @cached_property
    def assets(self) -> list[str]:
        return sorted({asset for _, _, asset, _ in self.sums})

    def open_interest_usd(self, asset: str, at: datetime) -> float:
        """The minimum over the minutes in which it may have been measured, all venues together."""
        asset_instruments = [one for one in self.tape.instruments if one.asset == asset]
        return min(
            sum(
                self.tape.oi_usd(one, self.tape.minute_of(epoch_ms(minute) - 1))
                for one in asset_instruments
            )
            for minute in (
                at + timedelta(minutes=later) for later in range(MEASURED_WITHIN_MINUTES)
            )
        )

    def reports(self, venue: str, asset: str) -> bool:
        """Whether the venue lists the asset."""
        return any(asset in (ALL, one.asset) for one in self.tape.instruments if one.venue == venue)


@pytest.fixture(scope="module")
def books(tape: Tape) -> Books:
    sums: dict[tuple[datetime, str, str, str], Sums] = defaultdict(Sums)
    for venue in traded(tape):
        # What is fetched after the last hour has events of the next hour's first minutes, too.
        to_ms, end_ms = epoch_ms(landed_at(HOURS[-1])), epoch_ms(HOURS[-1] + HOUR)
        for one in tape.records(tape.rows(venue, tape.start_ms, to_ms, published=False)):
            hour_ms = one.at_ms // HOUR_MS * HOUR_MS
            is_sure = one.pushed_ms + AFTER_PUSH_MS < min(hour_ms + HOUR_MS, end_ms)
            asset = tape.instruments[one.instrument].asset
            at = (datetime.fromtimestamp(hour_ms / 1000, UTC), venue, asset)
            key = (*at, "long" if one.side == 0 else "short")
            sums[key] = sums[key].with_one(one.notional_usd, is_sure)
            if not is_sure:
                # Events dated only by their receipt belong to the next hour.
                later = (at[0] + HOUR, *key[1:])
                was = sums[later]
                sums[later] = was._replace(
                    max_usd=was.max_usd + one.notional_usd, most=was.most + 1
                )
    return Books(tape, sums)


def rows_of(home: Home, mart: str) -> Iterator[dict[str, Any]]:
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        cursor = release.execute(f"select * from marts.{mart}")
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            yield {
                name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
                for name, value in zip(names, row, strict=True)
            }


def hours_until(hour_at: datetime, count: int) -> list[datetime]:
    return [hour_at - HOUR * back for back in range(count)]


def wrong_sums(
    row: Mapping[str, Any], figures: Mapping[str, tuple[float, float]], is_lower_bound: bool
) -> list[str]:
    """The errors in the row's figures, each checked against the books' (minimum, maximum)."""
    wrong = []
    for name, (least, most) in figures.items():
        value = row[name]
        if value is None:
            continue
        slack = 1e-6 * most + 0.01
        if value == 0 and least > slack:
            wrong.append(f"{name} is zero, the books have {least}")
        if float(value) < least - slack and not is_lower_bound:
            wrong.append(f"{name} {value} is below the books' {least} and no lower bound")
        if float(value) > most + slack:
            wrong.append(f"{name} {value} is above the books' {most}")
    return wrong


def violations(home: Home, books: Books, lacks: Plan) -> list[str]:
    """The figures of the liquidation marts that claim more than was covered."""
    covered = {
        (venue, hour_at)
        for venue in traded(books.tape)
        for hour_at in HOURS
        if (venue, hour_at) not in lacks
    }

    def is_part(venue: str, asset: str, hours: Sequence[datetime]) -> bool:
        named = traded(books.tape) if venue == ALL else [venue]
        return any(
            (one, hour_at) not in covered
            for one in named
            if venue != ALL or books.reports(one, asset)
            for hour_at in hours
        )

    found: list[str] = []

    def check(mart: str, row: Mapping[str, Any], wrong: Sequence[str]) -> None:
        key = [str(row[name]) for name in ("hour_at", "venue", "base_asset") if name in row]
        found.extend(f"{mart} {' '.join(key)}: {one}" for one in wrong)

    for row in rows_of(home, "exchange_breakdown"):
        hours = hours_until(row["hour_at"], row["window_hours"])
        venue, asset = row["venue"], row["base_asset"]
        figures = {}
        for side, name in (("long", "long_usd"), ("short", "short_usd"), ("both", "total_usd")):
            sums = books.of(hours, venue, asset, side)
            figures[name] = (sums.min_usd, sums.max_usd)
        both = books.of(hours, venue, asset, "both")
        figures["events"] = (both.least, both.most)
        wrong = wrong_sums(row, figures, row["is_lower_bound"])
        if is_part(venue, asset, hours) or is_part(ALL, asset, hours):
            ratios = [name for name in ("share", "asset_share", "long_share") if row[name]]
            if ratios and not row["is_incomplete"]:
                wrong.append(f"{', '.join(ratios)} of a part without is_incomplete")
        check(f"exchange_breakdown {row['window_hours']}h", row, wrong)

    for row in rows_of(home, "liquidation_imbalance_hourly"):
        asset = row["base_asset"]
        for count, window in WINDOWS.items():
            hours = hours_until(row["hour_at"], count)
            figures = {}
            for side in ("long", "short"):
                sums = books.of(hours, ALL, asset, side)
                figures[f"{side}_{window}_usd"] = (sums.min_usd, sums.max_usd)
                figures[f"{side}_{window}_events"] = (sums.least, sums.most)
            wrong = wrong_sums(row, figures, row[f"is_lower_bound_{window}"])
            ratio = row[f"imbalance_{window}"]
            is_stated = ratio is None or row[f"is_incomplete_{window}"]
            if is_part(ALL, asset, hours) and not is_stated:
                wrong.append(f"imbalance_{window} of a part without is_incomplete")
            check("liquidation_imbalance_hourly", row, wrong)

    for row in rows_of(home, "liquidation_intensity_hourly"):
        asset = row["base_asset"]
        for count, window in WINDOWS.items():
            hours = hours_until(row["hour_at"], count)
            sums = books.of(hours, ALL, asset, "long")
            figures = {f"long_{window}_usd": (sums.min_usd, sums.max_usd)}
            wrong = wrong_sums(row, figures, row[f"is_lower_bound_{window}"])
            matched = [one for one in traded(books.tape) if not is_part(one, asset, hours)]
            if row[f"matched_venues_{window}"] > len(matched):
                wrong.append(f"{row[f'matched_venues_{window}']} venues matched of {matched}")
            if is_part(ALL, asset, hours) and not row[f"is_incomplete_{window}"]:
                wrong.append(f"{window} is of a part without is_incomplete")
            check("liquidation_intensity_hourly", row, wrong)

    for row in rows_of(home, "leverage_hourly"):
        asset = row["base_asset"]
        if asset == ALL:
            continue
        for name, at in (("oi_start_usd", row["hour_at"]), ("oi_usd", row["hour_at"] + HOUR)):
            least = OI_TOLERANCE * books.open_interest_usd(asset, at)
            if row[name] is not None and row[name] < least and not row["is_lower_bound"]:
                problem = f"{name} {row[name]} is below the books' {least} and no lower bound"
                check("leverage_hourly", row, [problem])

    for row in rows_of(home, "liquidations_hourly"):
        figures = {}
        for side in ("long", "short"):
            sums = books.of([row["hour_at"]], row["venue"], row["base_asset"], side)
            figures[f"{side}_usd"] = (sums.min_usd, sums.max_usd)
            figures[f"{side}_events"] = (sums.least, sums.most)
        check("liquidations_hourly", row, wrong_sums(row, figures, row["is_lower_bound"]))

    for row in rows_of(home, "liquidations_minutely"):
        if (row["venue"], row["hour_at"]) not in covered:
            zeros = [name for name in ("long_usd", "short_usd") if row[name] == 0]
            if zeros or not row["is_lower_bound"]:
                check("liquidations_minutely", row, [f"zeros {zeros}, no lower bound"])
    return found


class Built(NamedTuple):
    """A home and its left-out venue-hours."""

    home: Home
    plan: Plan


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed-{seed}")
def built(
    request: pytest.FixtureRequest,
    whole: Home,
    tape: Tape,
    tmp_path_factory: pytest.TempPathFactory,
) -> Built:
    chosen = random.Random(request.param)
    others = [
        (venue, hour_at) for venue in traded(tape) for hour_at in HOURS if hour_at != NOT_LANDED
    ]
    plan = {
        one: chosen.choice(["not_landed", "failed", "partial"])
        for one in chosen.sample(others, LEFT_OUT)
    }
    plan |= {(venue, NOT_LANDED): "not_landed" for venue in venues()}
    return Built(built_without(whole, plan, tmp_path_factory.mktemp("part")), plan)


def of_hour(home: Home, mart: str, **key: Any) -> list[dict[str, Any]]:
    """The rows of the hour that was never landed."""
    return [
        row
        for row in rows_of(home, mart)
        if row["hour_at"] == NOT_LANDED and all(row[name] == key[name] for name in key)
    ]


def test_no_figure_promises_more_than_was_covered(built: Built, books: Books) -> None:
    found = violations(built.home, books, built.plan)
    assert not found, f"{len(found)} figures, the first {found[:5]}"


def test_coverage_lists_what_was_left_out(built: Built, tape: Tape) -> None:
    coverage = {
        (row["venue"], row["hour_at"]): row["landing_outcome"]
        for row in rows_of(built.home, "venue_coverage_hourly")
    }
    expected = {one: built.plan[one] for one in built.plan if one[0] in traded(tape)}
    assert {one: coverage[one] for one in expected} == expected
    not_covered = [
        (row["covered_share"], row["is_complete"], row["is_lower_bound"], row["lower_bound_reason"])
        for row in of_hour(built.home, "venue_coverage_hourly")
    ]
    assert not_covered == [(None, False, True, "not_landed")] * 15


def test_figures_that_are_not_lower_bounds_equal_the_books(built: Built, books: Books) -> None:
    sure = [
        row
        for row in rows_of(built.home, "exchange_breakdown")
        if row["venue"] != ALL and row["window_hours"] == 1 and not row["is_lower_bound"]
    ]
    assert len({row["venue"] for row in sure}) >= 5
    assert sum(row["events"] for row in sure) > 100
    for row in sure:
        sums = books.of([row["hour_at"]], row["venue"], row["base_asset"], "both")
        assert sums.least <= row["events"] <= sums.most


def test_stray_events_of_an_unlanded_hour_are_lower_bounds(built: Built) -> None:
    # Responses of a later hour reach back: their rows count, but do not cover the earlier hour.
    strays = [
        row
        for row in of_hour(built.home, "exchange_breakdown", window_hours=1)
        if row["venue"] != ALL
    ]
    assert any(row["events"] for row in strays)
    assert {row["is_lower_bound"] for row in strays} == {True}
    assert all(row["total_usd"] is None or row["total_usd"] > 0 for row in strays)
    for row in of_hour(built.home, "liquidation_imbalance_hourly"):
        assert row["is_lower_bound_1h"]
        assert row["is_incomplete_1h"]
        assert row["short_1h_usd"] is None or row["short_1h_usd"] > 0


def test_an_unlanded_hour_has_no_intensity(built: Built) -> None:
    intensities = [
        (row["matched_venues_1h"], row["long_intensity_1h_bp"], row["is_incomplete_1h"])
        for row in of_hour(built.home, "liquidation_intensity_hourly")
    ]
    assert intensities
    assert set(intensities) == {(0, None, True)}
