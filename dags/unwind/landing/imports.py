"""Files that a user already has, taken into the raw zone as one sealed batch."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unwind.clock import Clock
from unwind.errors import UnwindError
from unwind.landing.csv_files import read_csv
from unwind.landing.csv_reading import Reading, ReadOptions, UnrecognisedFileError
from unwind.landing.formats import OF_A_MARKET, OF_ANY_SOURCE, dump_of, formats, venue_of_format
from unwind.landing.ledger import Batch, Landing, Ledger, Seal
from unwind.landing.leftovers import sweep_home
from unwind.landing.raw import RawObject, RawZone
from unwind.settings import Home
from unwind.texts import as_utf8
from unwind.venues import venues as known_venues

NO_OPTIONS = ReadOptions()
# How files begin that hold no lines, and what they are.
FOREIGN_MAGIC = {
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ\x00": "packed by xz",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a rar archive",
    b"SQLite format 3\x00": "a SQLite database",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
}


class ImportRefusedError(UnwindError, ValueError):
    """Nothing was imported; the text says which file or argument, why, and what to do."""


class UnrecognisedImportError(ImportRefusedError):
    """The file can be read, but is not in the stated format; wrong usage."""

    exit_code = 2


@dataclass(frozen=True)
class ImportReport:
    """The result of an import: the sealed batch (null if every file was already imported).

    `readings` state how each CSV file is read. `reread` are earlier batches that were sealed again
    because files in them are now read differently.
    """

    seal: Seal | None
    imported: tuple[RawObject, ...]
    already_there: tuple[str, ...]
    readings: tuple[tuple[str, Reading], ...] = ()
    reread: tuple[Seal, ...] = ()


def import_files(
    home: Home,
    venue: str,
    format: str,
    files: Sequence[Path],
    clock: Clock,
    options: ReadOptions = NO_OPTIONS,
) -> ImportReport:
    """Takes the files as one sealed batch; a file imported before is left out.

    Rows that cannot be used go to quarantine at the next refresh. A file that was imported before
    with other options is read as they say now, in the batch that it is in.

    Raises ImportRefusedError where a file cannot be read at all, UnrecognisedImportError where
    nothing of it is recognised; then nothing is sealed.
    Venue and format are checked before, by `check_venue_and_format`.
    """
    if not files:
        raise ImportRefusedError("no file given; name at least one file to import")
    if options and formats()[format].csv is None:
        raise UnrecognisedImportError(
            f"{format} takes no --set, --column or --rename; its lines say all themselves"
        )
    imported_at = clock()
    sweep_home(home)
    zone, ledger = RawZone(home), Ledger(home)
    there = {(obj.sha256, obj.format): obj for obj in ledger.objects_landed(venue)}
    taken: dict[str, RawObject] = {}
    reinterpreted: dict[str, RawObject] = {}
    readings: list[tuple[str, Reading]] = []
    already_there = []
    for file in files:
        _check_readable(file)
        name = as_utf8(file.name)
        obj = zone.put(
            file.resolve(),
            venue=venue,
            dataset=formats()[format].dataset,
            format=format,
            name=name,
            imported_at=imported_at,
        )
        if obj.problem:
            raise ImportRefusedError(f"{obj.problem}; nothing was imported")
        if formats()[format].csv:
            reading = _read(zone, obj, name, options.as_utf8())
            readings.append((name, reading))
            obj = replace(obj, reading=reading.as_json())
        before = there.get((obj.sha256, format))
        if obj.sha256 in taken:
            already_there.append(name)
        elif before is None:
            taken[obj.sha256] = obj
        elif before.reading is not None and before.reading != obj.reading:
            reinterpreted[obj.sha256] = obj
        else:
            already_there.append(name)
    reread = _reread(ledger, venue, format, reinterpreted, clock)
    if not taken:
        return ImportReport(None, (), tuple(already_there), tuple(readings), reread)
    objects = tuple(sorted(taken.values(), key=lambda obj: obj.sha256))
    batch = Batch(_batch_id(venue, format, objects), "import")
    ledger.record_landing(
        batch.batch_id,
        venue,
        [Landing(formats()[format].dataset, "ok", "imported", 0, objects, imported_at)],
    )
    seal = ledger.seal(batch, clock())
    return ImportReport(seal, objects, tuple(already_there), tuple(readings), reread)


def _read(zone: RawZone, obj: RawObject, name: str, options: ReadOptions) -> Reading:
    try:
        reading = read_csv(
            zone.lines_path(obj.venue, obj.sha256), name, obj.venue, obj.format, options
        )
    except UnrecognisedFileError as error:
        raise UnrecognisedImportError(str(error)) from None
    publisher = dump_of(obj.format, reading.columns)
    if publisher and obj.venue != publisher:
        raise UnrecognisedImportError(
            f"{name} is a dump of {publisher.capitalize()}'s {obj.dataset}; nothing was imported, "
            f"use --venue {publisher}"
        )
    return reading


def _reread(
    ledger: Ledger, venue: str, format: str, objects: dict[str, RawObject], clock: Clock
) -> tuple[Seal, ...]:
    """Seals the batches that hold these objects again, with the objects as they are read now."""
    seals = []
    for ref in ledger.sealed() if objects else ():
        if not ref.batch_id.startswith("import-"):
            continue
        landings = ledger.landed(ref.batch_id, venue)
        changed = [
            replace(
                landing,
                objects=tuple(
                    replace(obj, reading=objects[obj.sha256].reading)
                    if obj.format == format and obj.sha256 in objects
                    else obj
                    for obj in landing.objects
                ),
            )
            for landing in landings
        ]
        if changed != landings:
            ledger.record_landing(ref.batch_id, venue, changed)
            seals.append(ledger.seal(ledger.read(ref).batch, clock()))
    return tuple(seals)


def check_venue_and_format(venue: str, format: str, venues: Sequence[str]) -> str | None:
    """What is wrong with the pair, as a sentence; None when it can be imported."""
    if format in OF_ANY_SOURCE:
        if re.fullmatch(r"[a-z][a-z0-9_]*", venue):
            return None
        sources = [one.name for one in known_venues().values() if not one.has_markets]
        return f"--venue names the source in small letters, as {sources[0]}; not {venue!r}"
    if venue not in venues:
        return f"no venue {venue!r}; the venues are {', '.join(venues)}"
    if format not in formats():
        return f"no format {format!r}; the formats are {', '.join(formats())}"
    if format in OF_A_MARKET and not known_venues()[venue].has_markets:
        return f"{venue} is a source and no market; name the venue that the {format} is of"
    only = venue_of_format(format)
    if only and venue != only:
        return f"{format} is a format of {only}, not of {venue}; use --venue {only}"
    return None


def _check_readable(file: Path) -> None:
    if not file.is_file():
        raise ImportRefusedError(f"{file} is not a file; nothing was imported, check the path")
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise ImportRefusedError(
            f"{file} cannot be read ({error.strerror}); nothing was imported, check its permissions"
        ) from error
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ImportRefusedError(
            f"{file.name} is written in UTF-16; nothing was imported, save it as UTF-8"
        )
    packing = next((kind for magic, kind in FOREIGN_MAGIC.items() if head.startswith(magic)), None)
    if packing:
        raise ImportRefusedError(
            f"{file.name} is {packing}, which imports do not unpack; nothing was imported, give "
            "its lines as they are, or as zip, gz or lz4"
        )
    if not head:
        raise ImportRefusedError(f"{file} is empty; nothing was imported, leave it out")


def _batch_id(venue: str, format: str, objects: Sequence[RawObject]) -> str:
    content = "\n".join([venue, format, *(obj.sha256 for obj in objects)])
    return f"import-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
