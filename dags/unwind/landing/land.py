"""Landing: one venue's datasets for one batch, each on its own, and sealing the batch.

A dataset that fails costs only itself, and a venue that fails only its own data: both stay on
record as outcomes with a reason. What was asked for before its hour could be complete (the hour's
end and the venue's settling time) is `partial`. Landing again asks only for what is not complete,
so landing twice changes nothing; dumps are looked at again, since a venue may replace one.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from unwind.clock import Clock
from unwind.errors import is_of_this_machine
from unwind.http import (
    DAY_BOUNDS,
    HOUR_BOUNDS,
    Download,
    FetchLog,
    VenueApi,
    VenueStoppedError,
)
from unwind.landing.batches import (
    NotLandableError,
    batch_of,
    check_landable,
    check_possible,
    day_batch,
    hour_batch,
    hours_of_the_day_before,
    window_of,
)
from unwind.landing.context import BatchContext
from unwind.landing.coverage import (
    LIQUIDATIONS,
    as_of_request,
    requested_coverage,
    settled_at,
    was_early,
)
from unwind.landing.ledger import Batch, Landing, Ledger, Seal
from unwind.landing.leftovers import sweep_home
from unwind.landing.raw import RawObject, RawZone
from unwind.landing.recorded_segments import land_late_segments, with_segments
from unwind.scratch import working_folder
from unwind.settings import Home
from unwind.venues import DAILY, DAY, HOUR, Dataset, NotKnownError, Venue, venues

logger = logging.getLogger(__name__)

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
    known_venue = venue_of(venue)
    check_possible(batch, clock())
    sweep_home(home, batch.batch_id)
    ledger = Ledger(home)
    landings = {landing.dataset: landing for landing in ledger.landed(batch.batch_id, venue)}
    with working_folder(home, "landing") as scratch:
        folder = Path(scratch)
        api = VenueApi(
            venue,
            known_venue.connections,
            known_venue.error_rules,
            known_venue.rate_limits,
            folder=folder,
            clock=clock,
            sleep=sleep,
            monotonic=monotonic,
            bounds=DAY_BOUNDS if batch.kind == "day" else HOUR_BOUNDS,
        )
        with closing(api):
            context = BatchContext(home, batch, known_venue, folder, api, landings)
            for dataset in due_datasets(home, batch, known_venue):
                before = landings.get(dataset.name)
                if before and _is_complete(before, dataset, batch, known_venue):
                    continue
                landing = _land_dataset(home, batch, known_venue, dataset, api, context, before)
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
    liquidations = with_segments(home, batch, known_venue, before, clock, sleep)
    if liquidations is not None:
        landings["liquidations"] = liquidations
    if landings:
        ledger.record_landing(batch.batch_id, venue, list(landings.values()))
    return ledger.landed(batch.batch_id, venue)


def seal_batch(home: Home, batch: Batch, clock: Clock, expected: Iterable[str] = ()) -> Seal:
    """Seals the landed part of a batch, complete or not.

    Datasets of an `expected` venue that never landed are recorded as failed. Raises
    NotLandableError for an hour or day that has not begun or lies before all public data.
    """
    check_possible(batch, clock())
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
            for dataset in due_datasets(home, batch, venue_of(venue))
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
    """When the last of the venues has settled a batch's time."""
    return max(settled_at(batch, venue) for venue in venues().values())


def due_datasets(home: Home, batch: Batch, venue: Venue) -> list[Dataset]:
    """The datasets that belong to a batch; daily ones when a day has none yet.

    For a source that requires a key and has none: none.
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


def _is_complete(landing: Landing, dataset: Dataset, batch: Batch, venue: Venue) -> bool:
    """Whether nothing needs another request. Dumps of days may be published again."""
    if dataset.refetched and batch.kind == "day":
        return False
    return stands(landing, batch, venue)


def stands(landing: Landing, batch: Batch, venue: Venue) -> bool:
    """Whether a landing is complete, by its status and by the time of its request."""
    return landing.status == "ok" and not was_early(landing, batch, venue)


def venue_of(name: str) -> Venue:
    try:
        return venues()[name]
    except KeyError:
        raise ValueError(f"no venue is called {name!r}; there are {', '.join(venues())}") from None


def _daily_is_due(home: Home, batch: Batch, venue: Venue, dataset: str) -> bool:
    if window_of(batch).from_at.hour == 0:
        return True
    ledger = Ledger(home)
    return not any(
        landing.dataset == dataset and (landing.status == "ok" or landing.is_only_early)
        for batch_id in hours_of_the_day_before(batch)
        for landing in ledger.landed(batch_id, venue.name)
    )


def _land_dataset(
    home: Home,
    batch: Batch,
    venue: Venue,
    dataset: Dataset,
    api: VenueApi,
    context: BatchContext,
    before: Landing | None,
) -> Landing:
    asked_at = api.now()
    with api.recording(dataset.name) as fetch_log:
        try:
            dataset.fetch(api, window_of(batch), context)
        except (VenueStoppedError, NotKnownError) as stopped:
            if str(stopped) not in fetch_log.failures:
                fetch_log.failures.append(str(stopped))
        except Exception as error:
            # A full disk is not a venue's fault, and would fail the next one as well.
            if is_of_this_machine(error):
                raise
            # The boundary of a dataset: an error caused by an answer costs only this dataset.
            broke_off = "".join(traceback.format_exception(error))
            logger.error(
                "%s %s %s broke off\n%s",
                batch.batch_id,
                venue.name,
                dataset.name,
                api.redacted(broke_off),
            )
            fetch_log.failures.append(
                f"landing {venue.name} {dataset.name} broke off ({type(error).__name__}: {error}); "
                f"an answer is not as venues/{venue.name}.py expects: look at it in the raw zone"
            )
    fetch_log.failures[:] = map(api.redacted, fetch_log.failures)
    if before and stands(before, batch, venue) and not fetch_log.downloads:
        return before
    zone = RawZone(home)
    landed_at = api.now()
    files, unreadable = [], []
    for download in fetch_log.downloads:
        try:
            kept = _put_file(zone, venue, dataset, download)
        except OSError:
            # A failing disk is not an outcome of a dataset.
            raise
        except Exception as error:  # noqa: BLE001
            unreadable.append(
                f"{download.url} cannot be kept ({type(error).__name__}: {error}); land again"
            )
            continue
        files.append(kept)
        if kept.problem and not download.fault:
            unreadable.append(f"{kept.name} is kept but cannot be used: {kept.problem}")
    status, detail = _outcome(
        fetch_log, fetch_log.failures + unreadable, fetch_log.usable - len(unreadable)
    )
    if before and before.status == status == "failed" and before.detail == detail:
        return before
    objects = list(files)
    if fetch_log.lines:
        objects.append(
            zone.put(
                fetch_log.path,
                venue=venue.name,
                dataset=dataset.name,
                format="rest",
                name=f"{batch.batch_id}.{venue.name}.{dataset.name}.ndjson",
                received_at=landed_at,
            )
        )
    now = Landing(
        dataset.name, status, detail, fetch_log.requests, tuple(objects), landed_at, asked_at
    )
    if was_early(now, batch, venue):
        now = as_of_request(now, batch, venue)
    landing = _united(before, now, batch, venue) if before else now
    if landing is before or dataset.name != LIQUIDATIONS:
        return landing
    return replace(landing, coverage=requested_coverage(batch, venue, landing, fetch_log.lacks))


def _put_file(zone: RawZone, venue: Venue, dataset: Dataset, download: Download) -> RawObject:
    kept = zone.put(
        download.path,
        venue=venue.name,
        dataset=dataset.name,
        format=download.format,
        name=download.url,
        received_at=download.received_at,
    )
    # Bytes that differ from the published checksum are kept as evidence, and give no rows.
    return replace(kept, problem=download.fault, lines=0) if download.fault else kept


def _outcome(fetch_log: FetchLog, failures: Sequence[str], usable: int) -> tuple[str, str]:
    if failures:
        distinct = list(dict.fromkeys(failures))
        summary = "; ".join(distinct[:2])
        more = len(failures) - min(2, len(distinct))
        detail = summary + (f"; and {more} more like it" if more else "")
        return ("partial" if usable > 0 else "failed"), detail
    if usable > 0 or fetch_log.notes:
        absent = [f"{fetch_log.absent} asked for do not exist"] if fetch_log.absent else []
        return "ok", "; ".join(dict.fromkeys(fetch_log.notes + absent))
    return "empty", "the venue had nothing for this time"


def _united(before: Landing, now: Landing, batch: Batch, venue: Venue) -> Landing:
    """The union of two landings of one dataset: nothing that had landed is lost.

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
    if stands(before, batch, venue):
        status, detail = before.status, before.detail
        if now.status == "partial":
            # Of two dumps one was replaced and one failed to arrive; its older version stays.
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
