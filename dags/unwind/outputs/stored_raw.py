"""The raw zone and the ledger in object storage, so that a lost disk loses nothing.

Objects are named by their checksum, and entries of the ledger are never changed: both are uploaded
once. What an entry names is uploaded before it. Lines are not: they are derived from the objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from unwind.durable import atomic_write, sync
from unwind.landing.ledger import Ledger, LedgerError, SealRef
from unwind.landing.raw import RawObject, RawZone, is_sound
from unwind.outputs.object_store import ObjectStore, Stored, StoreError
from unwind.progress import Progress
from unwind.scratch import process_folder, working_folder
from unwind.settings import Home

# The id of the home whose raw zone it is; a store has one.
IDENTITY = "home-id"
OBJECTS = "raw/objects"
# In this order: landings of open batches, then the entries that sum them up.
LEDGER = ("ledger/landed", "ledger/withdrawals", "ledger/hold_releases", "ledger/batches")
# The only files that are replaced: a venue's landings in a batch.
REPLACED = "ledger/landed/"
FILES_AT_ONCE = 500

Item = TypeVar("Item")


@dataclass(frozen=True)
class Moved:
    """How many files were uploaded or downloaded, of how many; and those that were not sound."""

    files: int
    of: int
    damaged: tuple[str, ...] = ()


def push_raw(home: Home, store: ObjectStore, report: Progress) -> Moved:
    """Uploads what is not there yet; a later call goes on where one was stopped.

    A damaged object is not uploaded, and named. Raises StoreError.
    """
    _claim(home, store)
    # Listed before the objects, so that every object that an entry names is among these.
    entries = [path for folder in LEDGER for path in _files(home.root / folder)]
    objects = _files(home.raw_objects)
    there = store.listed("raw") | store.listed("ledger")
    new = [path for path in objects if _is_new(home, path, there)]
    damaged = tuple(_name(home, path) for path in new if not is_sound(path))
    new = [path for path in new if _name(home, path) not in damaged]
    _put(home, store, new, report, "uploading raw objects")
    changed = [path for path in entries if _is_changed(home, store, path, there)]
    _put(home, store, changed, report, "uploading the ledger")
    return Moved(len(new) + len(changed), len(objects) + len(entries), damaged)


def pull_raw(home: Home, store: ObjectStore, report: Progress) -> Moved:
    """Downloads what the home lacks, verifies it, and derives the lines of its objects.

    Nothing of the home is replaced. Objects come before the entries that name them. What is not
    sound is left out and named. Raises StoreError.
    """
    identity = store.read(IDENTITY)
    if identity is None:
        raise StoreError(f"{store.shown} has no raw zone yet; `unwind push` uploads the home's")
    if home.identity.is_file() and home.identity.read_bytes() != identity:
        raise StoreError(
            f"{store.shown} has the raw zone of another home: pull it into an empty folder, which "
            "UNWIND_HOME names"
        )
    there = [*store.listed(OBJECTS)]
    for folder in LEDGER:
        there += store.listed(folder)
    lacking = [name for name in there if not _path(home, store, name).exists()]
    damaged: list[str] = []
    for place, names in _batched(lacking):
        report("downloading the raw zone", place, len(lacking))
        damaged += _get(home, store, names)
    if not home.identity.is_file():
        with atomic_write(home.identity, process_folder(home)) as beside:
            beside.write_bytes(identity)
    damaged += _derive_lines(home, report)
    return Moved(len(lacking), len(there), tuple(damaged))


def _claim(home: Home, store: ObjectStore) -> None:
    if not home.identity.is_file():
        raise StoreError(f"nothing was built in {home.root} yet; run `unwind refresh` first")
    identity = home.identity.read_bytes()
    known = store.read(IDENTITY)
    if known is None:
        store.write(IDENTITY, identity)
    elif known != identity:
        raise StoreError(
            f"{store.shown} has the raw zone of another home: give each home a prefix of its own"
        )


def _put(home: Home, store: ObjectStore, paths: list[Path], report: Progress, phase: str) -> None:
    for place, some in _batched(paths):
        report(phase, place, len(paths))
        store.put({_name(home, path): path for path in some})


def _get(home: Home, store: ObjectStore, names: Iterable[str]) -> Iterator[str]:
    """Downloads objects and puts those that are sound into place; yields the others' names."""
    with working_folder(home, "pull") as text:
        # By number: names may not lead out of the folder. The name itself is the checksum.
        folders = {name: Path(text) / str(place) for place, name in enumerate(names)}
        beside = {name: folder / Path(name).name for name, folder in folders.items()}
        for folder in folders.values():
            folder.mkdir()
        store.get(beside)
        for name, path in beside.items():
            if name.startswith(f"{OBJECTS}/") and not is_sound(path):
                yield name
                continue
            target = _path(home, store, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            sync(path)
            path.replace(target)
            sync(target.parent)


def _derive_lines(home: Home, report: Progress) -> Iterator[str]:
    """Writes the lines of every object of the ledger that has none; yields lost objects' names."""
    zone, ledger = RawZone(home), Ledger(home)
    refs, seen = ledger.sealed(), set()
    for place, ref in enumerate(refs):
        report("deriving lines", place, len(refs))
        for obj in _objects(ledger, ref):
            if obj.sha256 in seen or zone.damaged_lines(obj) is None:
                continue
            seen.add(obj.sha256)
            if zone.derive_lines(obj):
                yield _name(home, zone.object_path(obj.venue, obj.sha256, obj.packing))


def _objects(ledger: Ledger, newest: SealRef) -> Iterator[RawObject]:
    """The raw objects of all revisions of a batch; entries that cannot be read are left out."""
    for revision in range(1, newest.revision + 1):
        path = ledger.entry(newest.batch_id, revision)
        with suppress(LedgerError):
            seal = ledger.read(SealRef(newest.batch_id, revision, path))
            for landings in seal.landings.values():
                for landing in landings:
                    yield from landing.objects


def _is_new(home: Home, path: Path, there: dict[str, Stored]) -> bool:
    known = there.get(_name(home, path))
    return known is None or known.bytes != path.stat().st_size


def _is_changed(home: Home, store: ObjectStore, path: Path, there: dict[str, Stored]) -> bool:
    name = _name(home, path)
    if _is_new(home, path, there) or not name.startswith(REPLACED):
        return _is_new(home, path, there)
    payload = path.read_bytes()
    if there[name].tag:
        return there[name].tag != hashlib.md5(payload, usedforsecurity=False).hexdigest()
    return store.read(name) != payload


def _batched(listed: Sequence[Item]) -> Iterator[tuple[int, Sequence[Item]]]:
    """Parts of a list, each with the place where it begins."""
    for place in range(0, len(listed), FILES_AT_ONCE):
        yield place, listed[place : place + FILES_AT_ONCE]


def _files(folder: Path) -> list[Path]:
    """Whole files below a folder: half-written ones begin with a dot."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def _name(home: Home, path: Path) -> str:
    return path.relative_to(home.root).as_posix()


def _path(home: Home, store: ObjectStore, name: str) -> Path:
    path = home.root / name
    if ".." in path.parts or not name.startswith((f"{OBJECTS}/", *(f"{one}/" for one in LEDGER))):
        raise StoreError(f"{store.shown} has an object of no home: {name!r}; delete it there")
    return path
