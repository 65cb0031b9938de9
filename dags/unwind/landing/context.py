"""What a venue's datasets can look up about each other and about earlier landings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from unwind.http import Request, VenueApi, usable_responses
from unwind.landing.batches import hour_batch, hours_of_the_day_before, window_of
from unwind.landing.ledger import Batch, Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home, settings
from unwind.venues import NotKnownError, Ranked, Venue

# A dataset's answers, and the landing that they are of.
Responses = tuple[Iterator[tuple[Request, Any]], Landing | None]


@dataclass
class BatchContext:
    """What a venue's datasets can look up about each other and about earlier landings."""

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
        for one in _well_formed(ranking.ranking(self.responses(ranking.name))):
            if one.market == market:
                sizes[one.instrument] = max(one.size, sizes.get(one.instrument, 0.0))
        if not sizes:
            raise NotKnownError(
                f"which instruments of {self.venue.name} to track is not known, because its "
                f"{ranking.name} gave nothing usable: {self._failure(ranking.name)}"
            )
        largest = sorted(sizes, key=lambda instrument: (-sizes[instrument], instrument))
        return largest[: settings().tracked_instruments]

    def responses(self, dataset: str) -> Iterator[tuple[Request, Any]]:
        """From this landing, else from the newest landing of the past day.

        Raises NotKnownError if neither has any; partial responses count as a failure of the dataset
        that needs them.
        """
        current = self.folder / f"{dataset}.ndjson"
        sources = [self._current(dataset, current)] if current.exists() else []
        for responses, landing in itertools.chain(sources, self._past(dataset)):
            answered = False
            for one in responses:
                answered = True
                yield one
            if answered:
                if landing and landing.status == "partial" and not landing.is_only_early:
                    self.api.record_failure(
                        f"not all that {self.venue.name} lists is known, because its dataset "
                        f"{dataset} is not complete: {landing.detail}"
                    )
                return
        raise NotKnownError(
            f"what {self.venue.name} lists is not known, because its dataset {dataset} gave "
            f"nothing usable: {self._failure(dataset)}"
        )

    def has(self, url: str, sha256: str | None = None) -> bool:
        """Whether this batch, or an hour's batch of its day, holds the file.

        With its checksum it is the same file at another address too: of a mirror, say.
        """
        objects = (
            one
            for landing in self.landings.values()
            for one in landing.objects
            if one.problem is None
        )
        if sha256 is not None:
            file = _file_name(url)
            return any(one.sha256 == sha256 and _file_name(one.name) == file for one in objects)
        return any(url in self._names(one.name) for one in objects) or url in self._names_of_hours

    def _names(self, name: str) -> tuple[str, str]:
        """An object's name as it is now; older ledgers name a mirror's files by its whole URL."""
        return name, self.api.redacted(name)

    @cached_property
    def _names_of_hours(self) -> frozenset[str]:
        """What the batches of a day's hours hold, read once however many files are asked for."""
        if self.batch.kind != "day":
            return frozenset()
        ledger = Ledger(self.home)
        return frozenset(
            name
            for hour_at in window_of(self.batch).hours
            for landing in ledger.landed(hour_batch(hour_at).batch_id, self.venue.name)
            for one in landing.objects
            if one.problem is None
            for name in self._names(one.name)
        )

    def _failure(self, dataset: str) -> str:
        """The ledger's detail on a dataset of this batch."""
        landings = Ledger(self.home).landed(self.batch.batch_id, self.venue.name)
        reasons = [one.detail for one in landings if one.dataset == dataset and one.detail]
        return reasons[0] if reasons else "no reason is on record; land again"

    def _current(self, dataset: str, lines: Path) -> Responses:
        """The answers of this landing, which is recorded by now."""
        landed = Ledger(self.home).landed(self.batch.batch_id, self.venue.name)
        landing = next((one for one in landed if one.dataset == dataset), None)
        return usable_responses(_lines(lines)), landing

    def _past(self, dataset: str) -> Iterator[Responses]:
        ledger, zone = Ledger(self.home), RawZone(self.home)
        for batch_id in [self.batch.batch_id, *hours_of_the_day_before(self.batch)]:
            for landing in ledger.landed(batch_id, self.venue.name):
                if landing.dataset == dataset and landing.status in ("ok", "partial"):
                    lines = itertools.chain.from_iterable(
                        zone.lines_of(one)
                        for one in landing.objects
                        if one.format == "rest" and not one.problem
                    )
                    yield usable_responses(lines), landing


def _file_name(url: str) -> str:
    return url.rpartition("/")[2]


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        yield from lines


def _well_formed(ranked: Iterator[Ranked]) -> Iterator[Ranked]:
    """Leaves out instruments that cannot be ranked; staging handles values that are not numbers."""
    for one in ranked:
        if one.size == one.size and one.size > 0:
            yield one
