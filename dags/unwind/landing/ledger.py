"""The ledger: which batches are sealed, with what in them. It is the refresh's work list.

A batch is what landed together. While it is open, each venue's landings lie in
`ledger/landed/<batch>/<venue>.json`; sealing unites them into `ledger/batches/<batch>.r0001.json`.
A revision is never changed: what comes later makes the next one, which names what changed.

A person may withdraw a batch, or one venue's part: `ledger/withdrawals/<batch>.w0001.json` takes it
out of the warehouse, and a later entry puts it back. Nothing that landed is deleted by it.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from unwind.clock import iso, parse_instant
from unwind.durable import write_json, write_once
from unwind.errors import UnwindError
from unwind.landing.raw import RawObject
from unwind.scratch import process_folder
from unwind.settings import Home

STATUSES = ("ok", "partial", "failed", "empty")
SOURCE_KINDS = ("rest", "stream", "dump")
OUTCOMES = ("complete", "partial", "failed")
# In place of a venue's name: the whole batch.
EVERY_VENUE = "*"
SEALED_NAME = re.compile(r"(?P<batch_id>[^.].*)\.r(?P<revision>\d+)\.json")
WITHDRAWAL_NAME = re.compile(r"(?P<batch_id>[^.].*)\.w(?P<number>\d+)\.json")

logger = logging.getLogger(__name__)


class LedgerError(UnwindError, ValueError):
    """A file of the ledger cannot be read, or an entry cannot be made; the text says what to do."""


@dataclass(frozen=True)
class HourCoverage:
    """How much of an hour one source of a venue's liquidations covers.

    `covered_share` is the part of the hour that was covered, 0 to 1; null where it is not known.
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
    def from_json(cls, fields: dict[str, Any]) -> HourCoverage:
        """The inverse of `as_json`."""
        return cls(**{**fields, "hour_at": parse_instant(fields["hour_at"])})


@dataclass(frozen=True)
class Landing:
    """The outcome of one venue's dataset: its objects, or why there are none.

    `status` is ok, partial (some requests failed, or the time was not over), failed (nothing
    usable) or empty (the venue had nothing); `detail` is a plain sentence for the reader of
    `landing_outcomes`. `asked_at` is the time before the first request, and `coverage` states which
    part of each hour each source covers; both are null in older ledgers. `is_only_early` is true
    where the only reason for partial is that the venue was asked too early.
    """

    dataset: str
    status: str
    detail: str
    requests: int
    objects: tuple[RawObject, ...]
    landed_at: datetime
    asked_at: datetime | None = None
    coverage: tuple[HourCoverage, ...] | None = None
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
            "coverage": None if self.coverage is None else [one.as_json() for one in self.coverage],
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Landing:
        """The inverse of `as_json`; also of ledgers of older code, where `coverage` was `heard`."""
        current = {"coverage": fields.get("heard"), **fields}
        current.pop("heard", None)
        asked_at, coverage = current.get("asked_at"), current["coverage"]
        hours = None if coverage is None else tuple(map(HourCoverage.from_json, coverage))
        return cls(
            **{
                **current,
                "objects": tuple(RawObject.from_json(obj) for obj in fields["objects"]),
                "landed_at": parse_instant(fields["landed_at"]),
                "asked_at": parse_instant(asked_at) if asked_at else None,
                "coverage": hours,
            }
        )


@dataclass(frozen=True)
class Batch:
    """Data that lands together: an hour of all venues, a day of dumps, or one import.

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


@dataclass(frozen=True)
class Withdrawal:
    """One entry about a batch or one venue's part: withdrawn by a person, or put back."""

    batch_id: str
    venue: str
    is_withdrawn: bool
    reason: str
    noted_at: datetime


class Ledger:
    """Reads and writes the ledger's files; every write is whole or absent."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def record_landing(self, batch_id: str, venue: str, landings: Sequence[Landing]) -> None:
        """Replaces a venue's landings in an open batch, one per dataset."""
        write_json(
            self._home.landed / batch_id / f"{venue}.json",
            [landing.as_json() for landing in sorted(landings, key=lambda one: one.dataset)],
            folder=process_folder(self._home),
        )

    def landed(self, batch_id: str, venue: str) -> list[Landing]:
        """A venue's landings in a batch, sealed or not; empty when it never landed.

        For an unreadable file, the landings of the last seal; without a seal, the venue lands
        again as if for the first time, which writes the file again.
        """
        path = self._home.landed / batch_id / f"{venue}.json"
        if not path.exists():
            return []
        try:
            return read_landed(path)
        except LedgerError as unreadable:
            logger.warning("%s", unreadable)
            last = self.last_seal(batch_id)
            return list(last.landings.get(venue, ())) if last else []

    def seal(self, batch: Batch, sealed_at: datetime) -> Seal:
        """Seals what has landed. Nothing new since the last revision: that one is returned.

        Two processes may seal at once: the revision's file is made exclusively, so one of them
        wins and the other goes on to the next revision or finds nothing to change.
        """
        folder = self._home.landed / batch.batch_id
        landings = {
            path.stem: self._landed_or_failed(path, sealed_at)
            for path in sorted(folder.glob("[!.]*.json"))
        }
        while True:
            # Listed once: a revision added meanwhile by another process makes the write fail.
            revisions = self._revisions(batch.batch_id)
            last = self._newest_readable(revisions)
            changed = _changes(last.landings if last else {}, landings)
            newest = max((ref.revision for ref in revisions), default=0)
            # An unreadable newest revision is followed by a readable one.
            if last and not changed and last.revision == newest:
                return last
            seal = Seal(batch, newest + 1, sealed_at, landings, changed)
            try:
                self._write(seal)
            except FileExistsError:
                continue
            return seal

    def last_seal(self, batch_id: str) -> Seal | None:
        """The newest revision of one batch that can be read."""
        return self._newest_readable(self._revisions(batch_id))

    def _newest_readable(self, revisions: Sequence[SealRef]) -> Seal | None:
        for ref in reversed(revisions):
            try:
                return self.read(ref)
            except LedgerError as unreadable:
                logger.warning("%s", unreadable)
        return None

    def sealed(self, as_of: datetime | None = None) -> list[SealRef]:
        """The newest revision of every batch (sealed at or before `as_of`), in order of its id."""
        newest: dict[str, SealRef] = {}
        for ref in self._refs():
            before = newest.get(ref.batch_id)
            if before and before.revision > ref.revision:
                continue
            if self._is_sealed_by(ref, as_of):
                newest[ref.batch_id] = ref
        return sorted(newest.values(), key=lambda ref: ref.batch_id)

    def readable(self, ref: SealRef) -> SealRef | None:
        """The revision itself, or the newest one before it that can be read."""
        for one in reversed(self._revisions(ref.batch_id)):
            if one.revision <= ref.revision and self._can_be_read(one):
                return one
        return None

    def read(self, ref: SealRef) -> Seal:
        """The revision behind a reference. Raises LedgerError for any other file."""
        try:
            seal = _read_seal(ref.path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LedgerError(
                f"{ref.path} cannot be read as a sealed batch ({error}); `unwind doctor --repair` "
                "seals the batch again from what had landed, or restore the file from a backup"
            ) from None
        if (seal.batch.batch_id, seal.revision) != (ref.batch_id, ref.revision):
            raise LedgerError(
                f"{ref.path} is the entry of {seal.batch.batch_id} r{seal.revision}, under another "
                "name; move it out of the ledger, or restore the right file from a backup"
            )
        return seal

    def withdraw(
        self, batch_id: str, venue: str | None, reason: str, noted_at: datetime, undo: bool = False
    ) -> Withdrawal:
        """Records that a batch, or one venue's part, is taken out of the warehouse, or put back.

        Raises LedgerError where there is no such part, or nothing would change.
        """
        known = {ref.batch_id: ref for ref in self.sealed()}
        if batch_id not in known:
            raise LedgerError(
                f"no batch {batch_id!r} is sealed; `unwind status` names the newest, as "
                "hour-2026-01-29T14 or import-0123456789ab"
            )
        part = EVERY_VENUE if venue is None else venue
        named = batch_id if venue is None else f"{venue}'s part of {batch_id}"
        now = self.withdrawn().get(batch_id, {})
        if undo and part not in now:
            others = ", ".join(
                f"`--undo {batch_id}{'' if one == EVERY_VENUE else f' --venue {one}'}`"
                for one in now
            )
            raise LedgerError(
                f"{named} is not withdrawn, so there is nothing to undo"
                + (f"; what is withdrawn of it comes back with {others}" if others else "")
            )
        if not undo:
            last = self.last_seal(batch_id)
            if venue is not None and last and venue not in last.landings:
                raise LedgerError(
                    f"{batch_id} lacks {venue!r}; it has {', '.join(sorted(last.landings))}"
                )
            before = now.get(part) or now.get(EVERY_VENUE)
            if before:
                raise LedgerError(
                    f"{named} is withdrawn already, since {iso(before.noted_at)}: {before.reason}"
                )
        return self._note(Withdrawal(batch_id, part, not undo, reason, noted_at))

    def withdrawn(self, as_of: datetime | None = None) -> dict[str, dict[str, Withdrawal]]:
        """The withdrawn parts of each batch (as of an instant): venues, EVERY_VENUE for all.

        An entry that cannot be read is logged and left out; `unwind doctor` names it.
        """
        found: dict[str, dict[str, Withdrawal]] = {}
        for path in sorted(self._home.withdrawals.glob("[!.]*.json")):
            try:
                entry = read_withdrawal(path)
            except LedgerError as unreadable:
                logger.warning("%s", unreadable)
                continue
            if as_of is not None and entry.noted_at > as_of:
                continue
            parts = found.setdefault(entry.batch_id, {})
            if entry.is_withdrawn:
                parts[entry.venue] = entry
            else:
                parts.pop(entry.venue, None)
        return {batch_id: parts for batch_id, parts in found.items() if parts}

    def _note(self, entry: Withdrawal) -> Withdrawal:
        folder = self._home.withdrawals
        fields = {**asdict(entry), "noted_at": iso(entry.noted_at)}
        number = 1 + len(list(folder.glob(f"{entry.batch_id}.w[0-9]*.json")))
        beside = process_folder(self._home)
        while not write_once(folder / f"{entry.batch_id}.w{number:04d}.json", fields, beside):
            number += 1
        return entry

    def _landed_or_failed(self, path: Path, sealed_at: datetime) -> tuple[Landing, ...]:
        """A venue's landings; a failed one where neither its file nor a sealed one can be read."""
        landed = tuple(self.landed(path.parent.name, path.stem))
        if landed:
            return landed
        try:
            return tuple(read_landed(path))
        except LedgerError as unreadable:
            return (Landing("liquidations", "failed", str(unreadable), 0, (), sealed_at),)

    def _refs(self) -> Iterator[SealRef]:
        """Every revision by its file's name; other files do not belong to the ledger."""
        if not self._home.batches.exists():
            return
        for entry in os.scandir(self._home.batches):
            named = SEALED_NAME.fullmatch(entry.name)
            if named:
                yield SealRef(named["batch_id"], int(named["revision"]), Path(entry.path))

    def _revisions(self, batch_id: str) -> list[SealRef]:
        paths = self._home.batches.glob(f"{glob.escape(batch_id)}.r[0-9]*.json")
        named = [(SEALED_NAME.fullmatch(path.name), path) for path in paths]
        refs = [SealRef(batch_id, int(found["revision"]), path) for found, path in named if found]
        return sorted(refs, key=lambda ref: ref.revision)

    def _is_sealed_by(self, ref: SealRef, as_of: datetime | None) -> bool:
        if as_of is None:
            return True
        try:
            return self.read(ref).sealed_at <= as_of
        except LedgerError as unreadable:
            logger.warning("%s", unreadable)
            return False

    def _can_be_read(self, ref: SealRef) -> bool:
        try:
            self.read(ref)
        except LedgerError:
            return False
        return True

    def objects_landed(self, venue: str) -> Iterable[RawObject]:
        """Every object of a venue in any import batch: what an import finds already there."""
        for ref in self.sealed():
            last = self.last_seal(ref.batch_id) if ref.batch_id.startswith("import-") else None
            for landing in last.landings.get(venue, ()) if last else ():
                yield from landing.objects

    def entry(self, batch_id: str, revision: int) -> Path:
        """The file of a sealed revision, which names each of its raw objects by its checksum."""
        return self._home.batches / f"{batch_id}.r{revision:04d}.json"

    def _write(self, seal: Seal) -> None:
        batch, target = seal.batch, self.entry(seal.batch.batch_id, seal.revision)
        if not write_once(
            target,
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
            process_folder(self._home),
        ):
            raise FileExistsError(target)


def read_landed(path: Path) -> list[Landing]:
    """The landings in a file of an open batch. Raises LedgerError where it cannot be read."""
    try:
        return [Landing.from_json(fields) for fields in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(
            f"{path} cannot be read as landings ({error}); `unwind doctor --repair` writes it "
            "again from the sealed batch; where none is sealed, delete it and land again"
        ) from None


def read_withdrawal(path: Path) -> Withdrawal:
    """One entry about a withdrawn part. Raises LedgerError where it cannot be read."""
    named = WITHDRAWAL_NAME.fullmatch(path.name)
    try:
        fields = json.loads(path.read_text())
        entry = Withdrawal(**{**fields, "noted_at": parse_instant(fields["noted_at"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(
            f"{path} cannot be read as a withdrawal ({error}); what it withdrew is in the "
            "warehouse again from the next refresh on: restore it from a backup, or delete it and "
            "run `unwind withdraw` again"
        ) from None
    if named is None or named["batch_id"] != entry.batch_id:
        raise LedgerError(
            f"{path} is about {entry.batch_id}, under another name; move it out of the ledger"
        )
    return entry


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
    """The differences, in words; the time of landing alone is not one."""

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
        if new is None:
            words.append(f"{venue} {dataset}: removed")
        elif old is None:
            words.append(f"{venue} {dataset}: {new[0]}, {len(new[2])} objects")
        else:
            words.append(
                f"{venue} {dataset}: {old[0]} -> {new[0]}, "
                f"{len(new[2] - old[2])} objects added, {len(old[2] - new[2])} removed"
            )
    return tuple(words)
