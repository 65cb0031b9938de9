"""The ledger: which batches are sealed, with what in them. It is the refresh's work list.

A batch is what landed together. While it is open, each venue's landings lie in
`ledger/landed/<batch>/<venue>.json`; sealing unites them into `ledger/batches/<batch>.r0001.json`.
A revision is never changed: what comes later makes the next one, which names what changed.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from unwind.clock import iso, parse_instant
from unwind.durable import link_new, write_json
from unwind.landing.raw import RawObject
from unwind.scratch import process_folder
from unwind.settings import Home

STATUSES = ("ok", "partial", "failed", "empty")
SOURCE_KINDS = ("rest", "stream", "dump")
OUTCOMES = ("complete", "partial", "failed")


@dataclass(frozen=True)
class HeardHour:
    """What one source of a venue's liquidations reported of one hour.

    `covered_share` is the part of the hour that was heard, 0 to 1; null where it is not known.
    """

    hour_at: datetime
    source_kind: str
    outcome: str
    covered_share: float | None
    detail: str = ""

    def __post_init__(self) -> None:
        if self.source_kind not in SOURCE_KINDS or self.outcome not in OUTCOMES:
            raise ValueError(
                f"a source is one of {SOURCE_KINDS} and an outcome one of {OUTCOMES}, not "
                f"{self.source_kind!r} and {self.outcome!r}"
            )

    def as_json(self) -> dict[str, Any]:
        """The ledger's form of it."""
        return {**asdict(self), "hour_at": iso(self.hour_at)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> HeardHour:
        """The inverse of `as_json`."""
        return cls(**{**fields, "hour_at": parse_instant(fields["hour_at"])})


@dataclass(frozen=True)
class Landing:
    """The outcome of one venue's dataset: its objects, or why there are none.

    `status` is ok, partial (some requests failed, or the time was not over), failed (nothing
    usable) or empty (the venue had nothing); `detail` is a plain sentence for the reader of
    `landing_outcomes`. `asked_at` is when the venue was asked, before the first request, and
    `heard` is what each source reported per hour; both are null in older ledgers. `is_only_early`
    says that it is partial for no other reason than that it was asked too early.
    """

    dataset: str
    status: str
    detail: str
    requests: int
    objects: tuple[RawObject, ...]
    landed_at: datetime
    asked_at: datetime | None = None
    heard: tuple[HeardHour, ...] | None = None
    is_only_early: bool = False

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"a landing's status is one of {STATUSES}, not {self.status!r}")

    def as_json(self) -> dict[str, Any]:
        """The ledger's form of it."""
        return {
            **asdict(self),
            "objects": [obj.as_json() for obj in self.objects],
            "landed_at": iso(self.landed_at),
            "asked_at": iso(self.asked_at) if self.asked_at else None,
            "heard": None if self.heard is None else [one.as_json() for one in self.heard],
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Landing:
        """The inverse of `as_json`; also for ledgers that older code has written."""
        asked_at, heard = fields.get("asked_at"), fields.get("heard")
        return cls(
            **{
                **fields,
                "objects": tuple(RawObject.from_json(obj) for obj in fields["objects"]),
                "landed_at": parse_instant(fields["landed_at"]),
                "asked_at": parse_instant(asked_at) if asked_at else None,
                "heard": None if heard is None else tuple(map(HeardHour.from_json, heard)),
            }
        )


@dataclass(frozen=True)
class Batch:
    """What lands together: an hour of all venues, a day of dumps, or one import.

    `covers_from_at` and `covers_to_at` (exclusive) bound an hour or a day; an import has none.
    """

    batch_id: str
    kind: str
    covers_from_at: datetime | None = None
    covers_to_at: datetime | None = None


@dataclass(frozen=True)
class SealRef:
    """A sealed revision by name alone, cheap to list."""

    batch_id: str
    revision: int
    path: Path


@dataclass(frozen=True)
class Seal:
    """One sealed revision of a batch: every venue's landings, failures included."""

    batch: Batch
    revision: int
    sealed_at: datetime
    landings: dict[str, tuple[Landing, ...]]
    changed: tuple[str, ...]


class Ledger:
    """Reads and writes the ledger's files; every write is whole or absent."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def record_landing(self, batch_id: str, venue: str, landings: Sequence[Landing]) -> None:
        """Replaces what is noted of a venue in an open batch, one landing per dataset."""
        write_json(
            self._home.landed / batch_id / f"{venue}.json",
            [landing.as_json() for landing in sorted(landings, key=lambda one: one.dataset)],
            folder=process_folder(self._home),
        )

    def landed(self, batch_id: str, venue: str) -> list[Landing]:
        """What is noted of a venue in a batch, sealed or not; empty when it never landed."""
        path = self._home.landed / batch_id / f"{venue}.json"
        if not path.exists():
            return []
        return [Landing.from_json(fields) for fields in json.loads(path.read_text())]

    def seal(self, batch: Batch, sealed_at: datetime) -> Seal:
        """Seals what has landed. Nothing new since the last revision: that one is returned.

        Two processes may seal at once: the revision's file is made exclusively, so one of them
        wins and the other goes on to the next revision or finds nothing to change.
        """
        folder = self._home.landed / batch.batch_id
        landings = {
            path.stem: tuple(self.landed(batch.batch_id, path.stem))
            for path in sorted(folder.glob("*.json"))
        }
        while True:
            last = self.last_seal(batch.batch_id)
            changed = _changes(last.landings if last else {}, landings)
            if last and not changed:
                return last
            seal = Seal(batch, last.revision + 1 if last else 1, sealed_at, landings, changed)
            try:
                self._write(seal)
            except FileExistsError:
                continue
            return seal

    def last_seal(self, batch_id: str) -> Seal | None:
        """The newest revision of one batch."""
        paths = sorted(self._home.batches.glob(f"{batch_id}.r[0-9]*.json"))
        return _read_seal(paths[-1]) if paths else None

    def sealed(self, as_of: datetime | None = None) -> list[SealRef]:
        """The newest revision of every batch (sealed at or before `as_of`), in order of its id."""
        newest: dict[str, SealRef] = {}
        if not self._home.batches.exists():
            return []
        for entry in os.scandir(self._home.batches):
            batch_id, dot, tail = entry.name.rpartition(".r")
            if not dot or not tail.endswith(".json") or entry.name.startswith("."):
                continue
            ref = SealRef(batch_id, int(tail.removesuffix(".json")), Path(entry.path))
            if as_of is not None and self.read(ref).sealed_at > as_of:
                continue
            if batch_id not in newest or newest[batch_id].revision < ref.revision:
                newest[batch_id] = ref
        return sorted(newest.values(), key=lambda ref: ref.batch_id)

    def read(self, ref: SealRef) -> Seal:
        """The revision behind a reference."""
        return _read_seal(ref.path)

    def objects_landed(self, venue: str) -> Iterable[RawObject]:
        """Every object of a venue in any import batch; tells an import what is there already."""
        for ref in self.sealed():
            if ref.batch_id.startswith("import-"):
                for landing in self.read(ref).landings.get(venue, ()):
                    yield from landing.objects

    def _write(self, seal: Seal) -> None:
        batch = seal.batch
        target = self._home.batches / f"{batch.batch_id}.r{seal.revision:04d}.json"
        self._home.batches.mkdir(parents=True, exist_ok=True)
        beside = process_folder(self._home) / f"{target.name}.{uuid.uuid4().hex[:8]}.seal"
        write_json(
            beside,
            {
                "batch_id": batch.batch_id,
                "kind": batch.kind,
                "covers_from_at": iso(batch.covers_from_at) if batch.covers_from_at else None,
                "covers_to_at": iso(batch.covers_to_at) if batch.covers_to_at else None,
                "revision": seal.revision,
                "sealed_at": iso(seal.sealed_at),
                "changed": list(seal.changed),
                "landings": {
                    venue: [landing.as_json() for landing in landings]
                    for venue, landings in seal.landings.items()
                },
            },
        )
        try:
            link_new(beside, target)
        finally:
            beside.unlink()


def _read_seal(path: Path) -> Seal:
    fields = json.loads(path.read_text())
    covers = [
        parse_instant(fields[bound]) if fields[bound] else None
        for bound in ("covers_from_at", "covers_to_at")
    ]
    return Seal(
        batch=Batch(fields["batch_id"], fields["kind"], *covers),
        revision=fields["revision"],
        sealed_at=parse_instant(fields["sealed_at"]),
        landings={
            venue: tuple(Landing.from_json(one) for one in landings)
            for venue, landings in fields["landings"].items()
        },
        changed=tuple(fields["changed"]),
    )


def _changes(
    before: dict[str, tuple[Landing, ...]], after: dict[str, tuple[Landing, ...]]
) -> tuple[str, ...]:
    """What differs, in words; the time of landing alone is no difference."""

    def content(landings: dict[str, tuple[Landing, ...]]) -> dict[tuple[str, str], Any]:
        return {
            (venue, landing.dataset): (
                landing.status,
                landing.detail,
                frozenset(
                    (obj.sha256, obj.name, obj.format, json.dumps(obj.reading, sort_keys=True))
                    for obj in landing.objects
                ),
            )
            for venue, parts in landings.items()
            for landing in parts
        }

    was, now = content(before), content(after)
    words = []
    for venue, dataset in sorted(was.keys() | now.keys()):
        old, new = was.get((venue, dataset)), now.get((venue, dataset))
        if old == new:
            continue
        if old is None:
            words.append(f"{venue} {dataset}: {new[0]}, {len(new[2])} objects")
        elif new is None:
            words.append(f"{venue} {dataset}: removed")
        else:
            words.append(
                f"{venue} {dataset}: {old[0]} -> {new[0]}, "
                f"{len(new[2] - old[2])} objects added, {len(old[2] - new[2])} removed"
            )
    return tuple(words)
