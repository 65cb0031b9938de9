"""The batches that a release was built from, each with the checksum of its entry in the ledger.

An entry names every raw object of its batch by that object's own checksum, so that a release names
all bytes that it was made of.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from unwind.database import connect, quoted
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse.order import order_of

FILE = "batches.parquet"
COLUMNS = ("batch_id", "revision", "entry_sha256")
# An entry that cannot be read, which is left out of the build and named by `unwind doctor`.
UNREADABLE = ""

Batches = dict[tuple[str, int], str]


def write(raw_home: Home, home: Home, folder: Path) -> None:
    """Writes the batches of a home's staging file; the last release knows most checksums."""
    with connect(home) as connection:
        connection.execute(f"attach {quoted(home.staging_db)} as staging (read_only)")
        batches = connection.execute(
            "select batch_id, revision from staging.ops.batches order by all"
        ).fetchall()
    former = max(home.releases.glob(f"[!.]*/{FILE}"), key=_place, default=None)
    known = read(former.parent) if former else {}
    ledger = Ledger(raw_home)
    rows = [
        (*batch, known.get(batch) or _checksum(ledger.entry(*batch)))
        for batch in map(tuple, batches)
    ]
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    table = pa.table(dict(zip(COLUMNS, map(list, columns), strict=True)))
    pq.write_table(table, folder / FILE)


def read(release: Path) -> Batches:
    """The checksum of each batch and revision in a release's folder; none of an older version."""
    path = release / FILE
    if not path.is_file():
        return {}
    rows = pq.read_table(path).to_pylist()
    return {(row["batch_id"], row["revision"]): row["entry_sha256"] for row in rows}


def changed(raw_home: Home, release: Path) -> list[str]:
    """The batches of a release whose entry is gone or another one, as `batch r1`."""
    ledger = Ledger(raw_home)
    return [
        f"{batch_id} r{revision}"
        for (batch_id, revision), checksum in read(release).items()
        if _checksum(ledger.entry(batch_id, revision)) != checksum
    ]


def _checksum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return UNREADABLE


def _place(path: Path) -> tuple[str, int]:
    return order_of(path.parent.name)
