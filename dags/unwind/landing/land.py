"""Landing: one venue's datasets for one batch, each on its own, and sealing the batch.

A dataset that fails costs only itself, and a venue that fails only its own data: both stay on
record as outcomes with a reason. What was asked for before its hour could be complete (the hour's
end and the venue's settling time) is `partial`. Landing again asks only for what is not complete,
so landing twice changes nothing; dumps are looked at again, since a venue may replace one.
"""

from __future__ import annotations

import itertools
import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_attempt
from tenacity.wait import wait_fixed

from unwind.clock import HOUR as ONE_HOUR
from unwind.clock import Clock, parse_day, parse_hour
from unwind.errors import is_of_this_machine
from unwind.http import (
    DAY_BOUNDS,
    HOUR_BOUNDS,
    Download,
    Request,
    Transcript,
    VenueApi,
    VenueStoppedError,
    usable_answers,
)
from unwind.landing.coverage import (
    COMPLETE,
    FAILED,
    LIQUIDATIONS,
    PARTIAL,
    REST,
    STREAM,
    as_of_asking,
    heard_by_asking,
    hour_named,
    settled_at,
    stream_hour,
    was_early,
)
from unwind.landing.ledger import Batch, HeardHour, Landing, Ledger, Seal
from unwind.landing.leftovers import sweep_home
from unwind.landing.raw import RawObject, RawZone
from unwind.recorder.segments import (
    CLOSED,
    RecorderFolder,
    closed_path,
    gaps_in,
    gaps_of,
    missed_by_all,
    open_path,
    recorder_folders,
)
from unwind.recorder.state import read_state
from unwind.scratch import working_folder
from unwind.settings import Home, count_from_env
from unwind.venues import (
    DAILY,
    DAY,
    HOUR,
    Dataset,
    NotKnownError,
    Ranked,
    Venue,
    Window,
    venues,
)

logger = logging.getLogger(__name__)

ONE_DAY = timedelta(days=1)
TRACKED_INSTRUMENTS_VARIABLE = "UNWIND_TRACKED_INSTRUMENTS"
TRACKED_INSTRUMENTS = 50
# 2026-11-25: a segment is closed within a second of its hour's end, unless the disk is busy.
CLOSING_SECONDS = 30
# A recorder that was down for longer is landed by hand: land the hours again.
LATE_SEGMENTS = timedelta(days=7)
# 2026-11-25: BitMEX, the oldest of the venues, opened its perpetual swap in May 2016; the first
# public feeds and statistics of liquidations begin later. The same instant screens every row
# (dbt_project/macros/first_public_at.sql).
FIRST_PUBLIC_AT = datetime(2017, 1, 1, tzinfo=UTC)

__all__ = [
    "Batch",
    "NotLandableError",
    "batch_of",
    "check_landable",
    "day_batch",
    "hour_batch",
    "land_late_segments",
    "land_venue",
    "seal_batch",
    "venues",
]


class NotLandableError(ValueError):
    """An hour or day that cannot be landed: it is not over, or lies before all public data."""


def check_landable(batch: Batch, now: datetime) -> Batch:
    """The batch itself. Raises NotLandableError for time that is not over or cannot be."""
    window = _window(batch)
    told = f"{batch.batch_id} covers {window.from_at:%Y-%m-%d %H:%M} to {window.to_at:%H:%M} UTC"
    if window.to_at > now:
        raise NotLandableError(
            f"{told}, which is not over: it is {now:%Y-%m-%d %H:%M:%S} UTC; land it after its end"
        )
    if window.from_at < FIRST_PUBLIC_AT:
        raise NotLandableError(
            f"{told}, before the first public data ({FIRST_PUBLIC_AT:%Y-%m-%d}); choose a later one"
        )
    return batch


def _check_possible(batch: Batch, now: datetime) -> None:
    """Refuses what no clock can be right about; a running hour lands, as partial."""
    window = _window(batch)
    if window.from_at > now or window.from_at < FIRST_PUBLIC_AT:
        check_landable(batch, now)


def hour_batch(hour_at: datetime) -> Batch:
    """The batch of one UTC hour, `hour-2026-01-29T14` for 14:00 to 15:00."""
    return Batch(f"hour-{hour_at:%Y-%m-%dT%H}", "hour", hour_at, hour_at + ONE_HOUR)


def day_batch(day_at: datetime) -> Batch:
    """The batch of one UTC day of dumps and histories, `day-2026-01-28`."""
    start = day_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Batch(f"day-{start:%Y-%m-%d}", "day", start, start + ONE_DAY)


def batch_of(batch_id: str) -> Batch:
    """The batch that an id of an hour or a day names; raises ValueError for any other id."""
    kind, _, when = batch_id.partition("-")
    if kind == "hour":
        return hour_batch(parse_hour(when))
    if kind == "day":
        return day_batch(parse_day(when))
    raise ValueError(
        f"{batch_id!r} is no batch that can be landed; write hour-2026-01-29T14 or day-2026-01-28"
    )


def land_venue(
    home: Home,
    batch: Batch,
    venue: str,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Landing]:
    """Lands what is missing of a venue's part of a batch, and returns all its landings.

    Never raises for what a venue does. Raises ValueError for a venue or setting that is unknown,
    NotLandableError for an hour or day that has not begun or lies before all public data.
    """
    known_venue = _venue(venue)
    _check_possible(batch, clock())
    sweep_home(home, batch.batch_id)
    ledger = Ledger(home)
    landings = {landing.dataset: landing for landing in ledger.landed(batch.batch_id, venue)}
    with working_folder(home, "landing") as scratch:
        folder = Path(scratch)
        api = VenueApi(
            venue,
            known_venue.connections,
            known_venue.signals,
            known_venue.paces,
            folder=folder,
            clock=clock,
            sleep=sleep,
            monotonic=monotonic,
            bounds=DAY_BOUNDS if batch.kind == "day" else HOUR_BOUNDS,
        )
        with closing(api):
            known = LandedKnowledge(home, batch, known_venue, folder, api, landings)
            for dataset in due_datasets(home, batch, known_venue):
                before = landings.get(dataset.name)
                if before and _is_complete(before, dataset, batch, known_venue):
                    continue
                landing = _land_dataset(home, batch, known_venue, dataset, api, known, before)
                landings[dataset.name] = landing
                # After each one: what has landed stays landed if the next one ends the process.
                ledger.record_landing(batch.batch_id, venue, list(landings.values()))
                logger.info(
                    "%s %s %s: %s, %d requests, %d objects. %s",
                    batch.batch_id,
                    venue,
                    dataset.name,
                    landing.status,
                    landing.requests,
                    len(landing.objects),
                    landing.detail,
                )
    before = landings.get("liquidations")
    with_segments = _with_segments(home, batch, known_venue, before, clock, sleep)
    if with_segments is not None:
        landings["liquidations"] = with_segments
    if landings:
        ledger.record_landing(batch.batch_id, venue, list(landings.values()))
    return ledger.landed(batch.batch_id, venue)


def seal_batch(home: Home, batch: Batch, clock: Clock, expected: Iterable[str] = ()) -> Seal:
    """Seals what has landed of a batch, complete or not.

    What an `expected` venue owes the batch and never landed is put on record as failed. Raises
    NotLandableError for an hour or day that has not begun or lies before all public data.
    """
    _check_possible(batch, clock())
    ledger = Ledger(home)
    for venue in expected:
        landed = ledger.landed(batch.batch_id, venue)
        there = {landing.dataset for landing in landed}
        missing = [
            Landing(
                dataset.name,
                "failed",
                f"the landing of {venue} {dataset.name} did not run to its end; land again",
                0,
                (),
                clock(),
            )
            for dataset in due_datasets(home, batch, _venue(venue))
            if dataset.name not in there
        ]
        if missing:
            ledger.record_landing(batch.batch_id, venue, [*landed, *missing])
    return ledger.seal(batch, clock())


def unsettled_venues(home: Home, batch: Batch) -> list[str]:
    """The venues with a landing in a batch that was asked for before the hour could be complete."""
    ledger = Ledger(home)
    return [
        name
        for name, venue in venues().items()
        if any(was_early(one, batch, venue) for one in ledger.landed(batch.batch_id, name))
    ]


def all_settled_at(batch: Batch) -> datetime:
    """When the last of the venues is through with a batch's time."""
    return max(settled_at(batch, venue) for venue in venues().values())


def due_datasets(home: Home, batch: Batch, venue: Venue) -> list[Dataset]:
    """The datasets that belong to a batch; daily ones when a day has none yet.

    A source that wants a key, and has none, owes nothing.
    """
    if venue.missing_keys:
        return []
    if batch.kind == "day":
        return [dataset for dataset in venue.datasets if DAY in dataset.cadences]
    return [
        dataset
        for dataset in venue.datasets
        if HOUR in dataset.cadences
        or (DAILY in dataset.cadences and _daily_is_due(home, batch, venue, dataset.name))
    ]


def tracked_instruments() -> int:
    """How many instruments of each market are followed one by one (liquidations: always all)."""
    return count_from_env(TRACKED_INSTRUMENTS_VARIABLE, TRACKED_INSTRUMENTS)


# A dataset's answers, and the landing that they are of.
Told = tuple[Iterator[tuple[Request, Any]], Landing | None]


@dataclass
class LandedKnowledge:
    """What a venue's datasets may ask about each other and about what has landed already."""

    home: Home
    batch: Batch
    venue: Venue
    folder: Path
    api: VenueApi
    # What has landed of this batch so far, by dataset.
    landings: Mapping[str, Landing]

    def tracked(self, market: str = "") -> list[str]:
        """The largest instruments of a market; raises NotKnownError when sizes are not known."""
        ranking = next((one for one in self.venue.datasets if one.ranking), None)
        if ranking is None or ranking.ranking is None:
            raise NotKnownError(f"{self.venue.name} has no dataset that ranks its instruments")
        sizes: dict[str, float] = {}
        for one in _well_formed(ranking.ranking(self.answers(ranking.name))):
            if one.market == market:
                sizes[one.instrument] = max(one.size, sizes.get(one.instrument, 0.0))
        if not sizes:
            raise NotKnownError(
                f"which instruments of {self.venue.name} to track is not known, because its "
                f"{ranking.name} gave nothing usable: {self._failure(ranking.name)}"
            )
        largest = sorted(sizes, key=lambda instrument: (-sizes[instrument], instrument))
        return largest[: tracked_instruments()]

    def answers(self, dataset: str) -> Iterator[tuple[Request, Any]]:
        """From this landing, else from the newest landing of the past day.

        Raises NotKnownError where neither has any; what is known only in part counts as a failure
        of whoever asks.
        """
        current = self.folder / f"{dataset}.ndjson"
        sources = [self._current(dataset, current)] if current.exists() else []
        for answers, landing in itertools.chain(sources, self._past(dataset)):
            answered = False
            for one in answers:
                answered = True
                yield one
            if answered:
                if landing and landing.status == "partial" and not landing.is_only_early:
                    self.api.transcript.failures.append(
                        f"not all that {self.venue.name} lists is known, because its dataset "
                        f"{dataset} is not complete: {landing.detail}"
                    )
                return
        raise NotKnownError(
            f"what {self.venue.name} lists is not known, because its dataset {dataset} gave "
            f"nothing usable: {self._failure(dataset)}"
        )

    def has(self, url: str, sha256: str | None = None) -> bool:
        """Whether this batch, or an hour's batch of its day, holds the file."""
        if any(
            url in self._names(one.name) and one.problem is None and sha256 in (None, one.sha256)
            for landing in self.landings.values()
            for one in landing.objects
        ):
            return True
        return sha256 is None and url in self._names_of_hours

    def _names(self, name: str) -> tuple[str, str]:
        """An object's name as it is now; older ledgers name a mirror's files by its whole URL."""
        return name, self.api.struck_out(name)

    @cached_property
    def _names_of_hours(self) -> frozenset[str]:
        """What the batches of a day's hours hold, read once however many files are asked for."""
        if self.batch.kind != "day":
            return frozenset()
        ledger = Ledger(self.home)
        return frozenset(
            name
            for hour_at in _window(self.batch).hours
            for landing in ledger.landed(hour_batch(hour_at).batch_id, self.venue.name)
            for one in landing.objects
            if one.problem is None
            for name in self._names(one.name)
        )

    def _failure(self, dataset: str) -> str:
        """What the ledger says of a dataset of this batch."""
        landings = Ledger(self.home).landed(self.batch.batch_id, self.venue.name)
        told = [one.detail for one in landings if one.dataset == dataset and one.detail]
        return told[0] if told else "no reason is on record; land again"

    def _current(self, dataset: str, lines: Path) -> Told:
        """The answers of this landing, which is on record by now."""
        landed = Ledger(self.home).landed(self.batch.batch_id, self.venue.name)
        landing = next((one for one in landed if one.dataset == dataset), None)
        return usable_answers(_lines(lines)), landing

    def _past(self, dataset: str) -> Iterator[Told]:
        ledger, zone = Ledger(self.home), RawZone(self.home)
        for batch_id in [self.batch.batch_id, *_hours_of_the_day_before(self.batch)]:
            for landing in ledger.landed(batch_id, self.venue.name):
                if landing.dataset == dataset and landing.status in ("ok", "partial"):
                    lines = itertools.chain.from_iterable(
                        zone.lines_of(one)
                        for one in landing.objects
                        if one.format == "rest" and not one.problem
                    )
                    yield usable_answers(lines), landing


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        yield from lines


def _is_complete(landing: Landing, dataset: Dataset, batch: Batch, venue: Venue) -> bool:
    """Whether there is nothing to ask for again. Dumps of days may be published again."""
    if dataset.rechecked and batch.kind == "day":
        return False
    return _stands(landing, batch, venue)


def _stands(landing: Landing, batch: Batch, venue: Venue) -> bool:
    """Whether a landing is complete, by its status and by when it was asked for."""
    return landing.status == "ok" and not was_early(landing, batch, venue)


def _venue(name: str) -> Venue:
    try:
        return venues()[name]
    except KeyError:
        raise ValueError(f"no venue is called {name!r}; there are {', '.join(venues())}") from None


def _window(batch: Batch) -> Window:
    if batch.covers_from_at is None or batch.covers_to_at is None:
        raise ValueError(f"{batch.batch_id} covers no stated time, so nothing can be landed for it")
    return Window(batch.covers_from_at, batch.covers_to_at)


def _hours_of_the_day_before(batch: Batch) -> list[str]:
    """Ids of the hour batches of the 24 hours before a batch's end, newest first."""
    newest = _window(batch).to_at - ONE_HOUR
    ids = [hour_batch(newest - back * ONE_HOUR).batch_id for back in range(24)]
    return [batch_id for batch_id in ids if batch_id != batch.batch_id]


def _daily_is_due(home: Home, batch: Batch, venue: Venue, dataset: str) -> bool:
    if _window(batch).from_at.hour == 0:
        return True
    ledger = Ledger(home)
    return not any(
        landing.dataset == dataset and (landing.status == "ok" or landing.is_only_early)
        for batch_id in _hours_of_the_day_before(batch)
        for landing in ledger.landed(batch_id, venue.name)
    )


def _well_formed(ranked: Iterator[Ranked]) -> Iterator[Ranked]:
    """Leaves out what cannot be ranked; a number that is none is staging's business."""
    for one in ranked:
        if one.size == one.size and one.size > 0:
            yield one


def _land_dataset(
    home: Home,
    batch: Batch,
    venue: Venue,
    dataset: Dataset,
    api: VenueApi,
    known: LandedKnowledge,
    before: Landing | None,
) -> Landing:
    asked_at = api.now()
    with api.recording(dataset.name) as transcript:
        try:
            dataset.fetch(api, _window(batch), known)
        except (VenueStoppedError, NotKnownError) as stopped:
            if str(stopped) not in transcript.failures:
                transcript.failures.append(str(stopped))
        except Exception as error:
            # A full disk is no venue's doing, and would meet the next one as well.
            if is_of_this_machine(error):
                raise
            # The boundary of a dataset: whatever an answer provokes in its code costs only it.
            broke_off = "".join(traceback.format_exception(error))
            logger.error(
                "%s %s %s broke off\n%s",
                batch.batch_id,
                venue.name,
                dataset.name,
                api.struck_out(broke_off),
            )
            transcript.failures.append(
                f"landing {venue.name} {dataset.name} broke off ({type(error).__name__}: {error}); "
                f"an answer is not as venues/{venue.name}.py expects: look at it in the raw zone"
            )
    transcript.failures[:] = map(api.struck_out, transcript.failures)
    if before and _stands(before, batch, venue) and not transcript.downloads:
        return before
    zone = RawZone(home)
    landed_at = api.now()
    files, unreadable = [], []
    for download in transcript.downloads:
        try:
            kept = _put_file(zone, venue, dataset, download)
        except OSError:
            # The disk takes nothing: that is no outcome of a dataset.
            raise
        except Exception as error:
            unreadable.append(
                f"{download.url} cannot be kept ({type(error).__name__}: {error}); land again"
            )
            continue
        files.append(kept)
        if kept.problem and not download.fault:
            unreadable.append(f"{kept.name} is kept but cannot be used: {kept.problem}")
    status, detail = _outcome(
        transcript, transcript.failures + unreadable, transcript.usable - len(unreadable)
    )
    if before and before.status == status == "failed" and before.detail == detail:
        return before
    objects = list(files)
    if transcript.lines:
        objects.append(
            zone.put(
                transcript.path,
                venue=venue.name,
                dataset=dataset.name,
                format="rest",
                name=f"{batch.batch_id}.{venue.name}.{dataset.name}.ndjson",
                received_at=landed_at,
            )
        )
    now = Landing(
        dataset.name, status, detail, transcript.requests, tuple(objects), landed_at, asked_at
    )
    if was_early(now, batch, venue):
        now = as_of_asking(now, batch, venue)
    landing = _united(before, now, batch, venue) if before else now
    if landing is before or dataset.name != LIQUIDATIONS:
        return landing
    return replace(landing, heard=heard_by_asking(batch, venue, landing, transcript.lacks))


def _put_file(zone: RawZone, venue: Venue, dataset: Dataset, download: Download) -> RawObject:
    kept = zone.put(
        download.path,
        venue=venue.name,
        dataset=dataset.name,
        format=download.format,
        name=download.url,
        received_at=download.received_at,
    )
    # Bytes that are not what the venue published are evidence, and no source of rows.
    return replace(kept, problem=download.fault, lines=0) if download.fault else kept


def _outcome(transcript: Transcript, failures: Sequence[str], usable: int) -> tuple[str, str]:
    if failures:
        distinct = list(dict.fromkeys(failures))
        told = "; ".join(distinct[:2])
        more = len(failures) - min(2, len(distinct))
        detail = told + (f"; and {more} more like it" if more else "")
        return ("partial" if usable > 0 else "failed"), detail
    if usable > 0 or transcript.notes:
        absent = [f"{transcript.absent} asked for do not exist"] if transcript.absent else []
        return "ok", "; ".join(dict.fromkeys(transcript.notes + absent))
    return "empty", "the venue had nothing for this time"


def _united(before: Landing, now: Landing, batch: Batch, venue: Venue) -> Landing:
    """What two landings of one dataset give together: nothing that had landed is lost.

    A file that came again under its name takes the older one's place; answers add up. The status is
    the later one's, unless the earlier one was complete.
    """
    if before.status == "failed" or (before.is_only_early and not before.objects):
        return now
    renewed = {one.name for one in now.objects if one.format != "rest" and not one.problem}
    objects = [one for one in before.objects if one.name not in renewed]
    there = {(one.sha256, one.name) for one in objects}
    if now.status in ("failed", "empty") and before.status != "empty":
        return before
    objects += [one for one in now.objects if (one.sha256, one.name) not in there]
    if _stands(before, batch, venue):
        status, detail = before.status, before.detail
        if now.status == "partial":
            # A dump that was replaced, beside one that failed to come: the older one still stands.
            detail = now.detail
    else:
        status, detail = now.status, now.detail
    return replace(
        now,
        status=status,
        detail=detail,
        requests=before.requests + now.requests,
        objects=tuple(objects),
    )


def land_late_segments(home: Home, clock: Clock) -> list[Seal]:
    """Lands closed recorder segments that their hour's batch was sealed without, and reseals it.

    That is what a recorder leaves that was down when its hour ended. Hours that are not sealed yet
    are left to their own landing.
    """
    ledger = Ledger(home)
    seals = []
    for hour_at in _recorded_hours(home, since=clock() - LATE_SEGMENTS):
        batch = hour_batch(hour_at)
        if ledger.last_seal(batch.batch_id) is None:
            continue
        late = False
        for venue in filter(lambda venue: venue.recorded, venues().values()):
            landings = {one.dataset: one for one in ledger.landed(batch.batch_id, venue.name)}
            before = landings.get("liquidations")
            after = _with_segments(home, batch, venue, before, clock)
            if after and after.objects != (before.objects if before else ()):
                landings["liquidations"] = after
                ledger.record_landing(batch.batch_id, venue.name, list(landings.values()))
                late = True
        if late:
            seals.append(ledger.seal(batch, clock()))
    return seals


def _recorded_hours(home: Home, since: datetime) -> list[datetime]:
    """The hours, oldest first, of which some recorder of some venue has a closed segment."""
    names = {
        path.name.removesuffix(CLOSED)
        for depth in ("*", "*/*")
        for path in home.recorder.glob(f"{depth}/????-??-??T??{CLOSED}")
    }
    return [hour_at for hour_at in map(parse_hour, sorted(names)) if hour_at >= since]


def _with_segments(
    home: Home,
    batch: Batch,
    venue: Venue,
    landing: Landing | None,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
) -> Landing | None:
    """Adds the closed recorder segments of the batch's hours to the liquidations.

    A segment with gaps makes them partial, unless REST has reported the whole hour as well.
    """
    landed = landing.objects if landing else ()
    segments = {one.name: one for one in landed if one.format == "frames"}
    folders, zone = recorder_folders(home.recorder, venue.name), RawZone(home)
    paths: dict[str, Path] = {}
    lacking, streamed = [], []
    for hour_at in _window(batch).hours:
        closed = _closed_segments(folders, hour_at, clock, sleep)
        if not closed:
            streamed.append(_streamed_before(zone, landing, hour_at))
            continue
        gone = [one for one in segments.values() if one.name not in closed]
        lacks = missed_by_all(
            [gaps_of(path, hour_at) for path in closed.values()]
            + [gaps_in(zone.lines_of(one), hour_at) for one in gone if _is_of(one, hour_at)]
        )
        paths |= closed
        streamed.append(stream_hour(hour_at, lacks))
        if not lacks.is_whole:
            lacking.append(f"{hour_at:%Y-%m-%dT%H}: {lacks}")
    if not paths and landing is None:
        if not venue.recorded or batch.kind != "hour":
            return None
        detail = (
            f"nothing was recorded: {folders[0].path} has no closed segment of this hour; what the "
            "venue published then is not known"
        )
        return Landing(
            "liquidations", "failed", detail, 0, (), clock(), clock(), heard=tuple(streamed)
        )
    for name, path in paths.items():
        # A segment grows when the clock was set back over its hour, or while it is copied from
        # another host; it then takes its own place.
        if name not in segments or segments[name].bytes != path.stat().st_size:
            segments[name] = zone.put(
                path,
                venue=venue.name,
                dataset="liquidations",
                format="frames",
                name=name,
                received_at=clock(),
            )
    held = (*(one for one in landed if one.format != "frames"), *segments.values())
    told = "; ".join(lacking[:3])
    if not paths and landing is not None and not landing.requests:
        return landing
    if landing is None or not landing.requests:
        status = "partial" if lacking else "ok"
        now = clock()
        heard = _with_stream(venue, (landing and landing.heard) or (), streamed)
        return Landing("liquidations", status, told, 0, held, now, now, heard=heard)
    asked = heard_by_asking(batch, venue, landing) if landing.heard is None else landing.heard
    heard = _with_stream(venue, asked, streamed)
    status, details = landing.status, [_without_stream(landing)]
    if paths:
        status = {"failed": "partial", "empty": "ok"}.get(status, status)
        if landing.status == "empty":
            details = []
        if told:
            details.append(told)
    unheard = _unheard(batch, heard)
    if status in ("ok", "empty") and unheard:
        status = "partial"
        details += [one for one in unheard if one not in landing.detail]
    detail = "; ".join(filter(None, details))
    return replace(landing, status=status, detail=detail, objects=held, heard=heard)


def _closed_segments(
    folders: Sequence[RecorderFolder],
    hour_at: datetime,
    clock: Clock,
    sleep: Callable[[float], None],
) -> dict[str, Path]:
    """The closed segments of an hour, by what they are called in the raw zone: one a recorder."""
    closed = {}
    for folder in folders:
        _wait_until_closed(folder.path, hour_at, clock, sleep)
        path = closed_path(folder.path, hour_at)
        if path.exists():
            closed[f"{folder.object_name}/{path.name}"] = path
    return closed


def _is_of(segment: RawObject, hour_at: datetime) -> bool:
    return segment.problem is None and hour_named(segment.name) == hour_at


def _streamed_before(zone: RawZone, landing: Landing | None, hour_at: datetime) -> HeardHour:
    """What segments of the hour said that have landed and are in no recorder's folder any more."""
    if landing is not None:
        for one in landing.heard or ():
            if one.source_kind == STREAM and one.hour_at == hour_at:
                return one
        landed = [one for one in landing.objects if one.format == "frames" and _is_of(one, hour_at)]
        if landed:
            gaps = [gaps_in(zone.lines_of(one), hour_at) for one in landed]
            return stream_hour(hour_at, missed_by_all(gaps))
    return stream_hour(hour_at, None)


def _without_stream(landing: Landing) -> str:
    """A landing's detail without what it said of the stream, which is worked out again."""
    said = {
        f"{one.hour_at:%Y-%m-%dT%H}: {one.detail}"
        for one in landing.heard or ()
        if one.source_kind == STREAM and one.detail
    }
    return "; ".join(part for part in landing.detail.split("; ") if part not in said)


def _with_stream(
    venue: Venue, asked: Iterable[HeardHour], streamed: Iterable[HeardHour]
) -> tuple[HeardHour, ...]:
    """The rows of answers and files, and those of the recorder where the venue is recorded."""
    rows = [one for one in asked if one.source_kind != STREAM]
    rows += [one for one in streamed if venue.recorded or one.outcome != FAILED]
    return tuple(sorted(rows, key=lambda one: (one.hour_at, one.source_kind)))


def _unheard(batch: Batch, heard: Sequence[HeardHour]) -> list[str]:
    """Why hours that were answered only in part were heard in full by nobody, each reason once."""
    whole = {one.hour_at for one in heard if one.outcome == COMPLETE}
    return list(
        dict.fromkeys(
            one.detail
            for one in heard
            if one.source_kind == REST and one.outcome == PARTIAL and one.hour_at not in whole
        )
    )


def _wait_until_closed(
    folder: Path, hour_at: datetime, clock: Clock, sleep: Callable[[float], None]
) -> None:
    """Gives a recorder that runs the second or two that it takes to close an hour that is over."""

    def is_being_closed() -> bool:
        state = read_state(folder)
        return (
            open_path(folder, hour_at).exists()
            and hour_at + ONE_HOUR <= clock()
            and state is not None
            and state.is_running(clock())
        )

    Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_attempt(CLOSING_SECONDS),
        wait=wait_fixed(1),
        sleep=sleep,
        retry_error_callback=lambda _: None,
    )(is_being_closed)
