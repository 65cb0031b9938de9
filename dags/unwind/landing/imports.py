"""Files that a user already has, taken into the raw zone as one sealed batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unwind.clock import Clock
from unwind.landing.ledger import Batch, Landing, Ledger, Seal
from unwind.landing.raw import RawObject, RawZone
from unwind.settings import Home

# Which dataset a file of this format holds; `mixed` is sorted out by the venue's staging models.
DATASET_OF_FORMAT = {
    "frames": "mixed",
    "rest": "mixed",
    "force-order-csv": "liquidations",
    "liquidation-snapshot": "liquidations",
    "tardis-csv": "liquidations",
    "node-fills": "liquidations",
    "metrics-csv": "metrics",
    "klines-csv": "spot_bars",
    "funding-csv": "funding",
}
# A format that only one venue writes; frames, rest and tardis-csv are every venue's.
VENUE_OF_FORMAT = {
    "force-order-csv": "binance",
    "liquidation-snapshot": "binance",
    "metrics-csv": "binance",
    "klines-csv": "binance",
    "funding-csv": "binance",
    "node-fills": "hyperliquid",
}


class ImportRefusedError(ValueError):
    """Nothing was imported; the text says which file or argument, why, and what to do."""


@dataclass(frozen=True)
class ImportReport:
    """What an import did: the sealed batch (null when every file was there already)."""

    seal: Seal | None
    imported: tuple[RawObject, ...]
    already_there: tuple[str, ...]


def import_files(
    home: Home, venue: str, format: str, files: Sequence[Path], clock: Clock
) -> ImportReport:
    """Takes the files as one sealed batch; a file imported before is left out.

    Rows that cannot be used go to quarantine at the next refresh. Raises ImportRefusedError where a
    file cannot be read at all; then nothing is sealed. Venue and format are checked before, by
    `check_venue_and_format`.
    """
    if not files:
        raise ImportRefusedError("no file given; name at least one file to import")
    imported_at = clock()
    zone, ledger = RawZone(home), Ledger(home)
    there = {(obj.sha256, obj.format) for obj in ledger.objects_landed(venue)}
    taken: dict[str, RawObject] = {}
    already_there = []
    for file in files:
        _check_readable(file)
        obj = zone.put(
            file.resolve(),
            venue=venue,
            dataset=DATASET_OF_FORMAT[format],
            format=format,
            name=file.name,
            imported_at=imported_at,
        )
        if obj.problem:
            raise ImportRefusedError(f"{obj.problem}; nothing was imported")
        if (obj.sha256, format) in there or obj.sha256 in taken:
            already_there.append(file.name)
        else:
            taken[obj.sha256] = obj
    if not taken:
        return ImportReport(None, (), tuple(already_there))
    objects = tuple(sorted(taken.values(), key=lambda obj: obj.sha256))
    batch = Batch(_batch_id(venue, format, objects), "import")
    ledger.record_landing(
        batch.batch_id,
        venue,
        [Landing(DATASET_OF_FORMAT[format], "ok", "imported", 0, objects, imported_at)],
    )
    return ImportReport(ledger.seal(batch, clock()), objects, tuple(already_there))


def check_venue_and_format(venue: str, format: str, venues: Sequence[str]) -> str | None:
    """What is wrong with the pair, as a sentence; None when it can be imported."""
    if venue not in venues:
        return f"no venue {venue!r}; the venues are {', '.join(venues)}"
    if format not in DATASET_OF_FORMAT:
        return f"no format {format!r}; the formats are {', '.join(DATASET_OF_FORMAT)}"
    only = VENUE_OF_FORMAT.get(format)
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
    if not head:
        raise ImportRefusedError(f"{file} is empty; nothing was imported, leave it out")


def _batch_id(venue: str, format: str, objects: Sequence[RawObject]) -> str:
    content = "\n".join([venue, format, *(obj.sha256 for obj in objects)])
    return f"import-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
