"""The raw zone: original bytes, kept permanently, with their numbered lines.

An object is stored once, under the sha256 of its bytes as received. Its decompressed lines are
stored next to it (lines.py): that file is derived and can be recreated from the object.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from unwind.clock import iso, parse_instant
from unwind.durable import atomic_write
from unwind.landing.lines import (
    LINES_PER_READ,
    UnreadableObjectError,
    each_beside,
    texts_of,
    write_lines,
)
from unwind.scratch import process_folder
from unwind.settings import Home

# Formats that arrive compressed are kept as received; everything else is compressed with zstd.
PACKED_MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x1f\x8b": "gz",
    b"PAR1": "parquet",
}


@dataclass(frozen=True)
class RawObject:
    """One raw object as its manifest entry names it.

    `bytes` is the length as received, `lines` the number of decompressed lines (0 if it cannot be
    decompressed, see `problem`). `received_at` is null for imports, which have `imported_at`.
    `reading` states how an imported CSV file is read (csv_reading.Reading as JSON); else null.
    """

    sha256: str
    venue: str
    dataset: str
    format: str
    name: str
    packing: str
    bytes: int
    lines: int
    received_at: datetime | None = None
    imported_at: datetime | None = None
    problem: str | None = None
    reading: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The manifest entry; instants as ISO text."""
        fields = asdict(self)
        for clock in ("received_at", "imported_at"):
            fields[clock] = iso(fields[clock]) if fields[clock] else None
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> RawObject:
        """The inverse of `as_json`."""
        instants = {
            clock: parse_instant(fields[clock]) if fields[clock] else None
            for clock in ("received_at", "imported_at")
        }
        return cls(**{**fields, **instants})


class RawZone:
    """Stores bytes and returns them; stored bytes never change."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def _folder(self) -> Path:
        return process_folder(self._home)

    def put(
        self,
        payload: bytes | Path,
        *,
        venue: str,
        dataset: str,
        format: str,
        name: str,
        received_at: datetime | None = None,
        imported_at: datetime | None = None,
    ) -> RawObject:
        """Keeps the bytes and writes their lines; the same bytes again change nothing.

        A payload that cannot be decompressed is still kept, with the reason in `problem`. A file
        that changes meanwhile is read once: checksum and lines are those of what was kept.
        """
        kept = self._folder / f".{uuid.uuid4().hex}.part"
        try:
            with _opened(payload) as stream:
                digest, size, packing = _store(stream, kept)
            object_path = self.object_path(venue, digest, packing)
            # A damaged copy is written again: these are its original bytes.
            if not object_path.exists() or self._stored_digest(object_path, packing) != digest:
                with atomic_write(object_path, self._folder) as beside:
                    kept.replace(beside)
        finally:
            kept.unlink(missing_ok=True)
        problem = None
        lines_path = self.lines_path(venue, digest)
        if _row_count(lines_path) is None:
            try:
                with (
                    _stored(object_path, packing) as stream,
                    atomic_write(lines_path, self._folder) as beside,
                ):
                    write_lines(stream, beside, packing, size)
            except UnreadableObjectError as error:
                problem = f"{payload.name if isinstance(payload, Path) else name}: {error}"
        lines = pq.read_metadata(lines_path).num_rows if problem is None else 0
        return RawObject(
            sha256=digest,
            venue=venue,
            dataset=dataset,
            format=format,
            name=name,
            packing=packing,
            bytes=size,
            lines=lines,
            received_at=received_at,
            imported_at=imported_at,
            problem=problem,
        )

    def read(self, obj: RawObject) -> bytes:
        """The original bytes, exactly as they arrived."""
        with self.opened(obj) as stream:
            return stream.read()

    def opened(self, obj: RawObject) -> AbstractContextManager[IO[bytes]]:
        """The original bytes as a stream. Raises OSError, zstandard.ZstdError."""
        return _stored(self.object_path(obj.venue, obj.sha256, obj.packing), obj.packing)

    def lines_of(self, obj: RawObject) -> Iterator[bytes]:
        """The lines of an object that arrived as plain text, with their ends; read bit by bit."""
        path = self.object_path(obj.venue, obj.sha256, obj.packing)
        with path.open("rb") as stored:
            if obj.packing != "zst":
                yield from stored
                return
            with zstandard.ZstdDecompressor().stream_reader(stored) as text:
                yield from io.BufferedReader(text)

    def lines_path(self, venue: str, sha256: str) -> Path:
        """The Parquet file of an object's numbered lines."""
        return self._home.raw_lines / venue / sha256[:2] / f"{sha256}.parquet"

    def object_path(self, venue: str, sha256: str, packing: str) -> Path:
        """The file of an object's bytes."""
        return self._home.raw_objects / venue / sha256[:2] / f"{sha256}.{packing}"

    def damage(self, obj: RawObject) -> str | None:
        """What is wrong with an object's bytes, as a sentence; None where they are as they came.

        Reads all of them.
        """
        path = self.object_path(obj.venue, obj.sha256, obj.packing)
        if not path.exists():
            return f"the raw object {path} is missing"
        if self._stored_digest(path, obj.packing) != obj.sha256:
            return f"the raw object {path} is damaged: its bytes have another checksum"
        return None

    def damaged_lines(self, obj: RawObject, all_of_it: bool = False) -> str | None:
        """What is wrong with an object's lines, as a sentence; None where they add up.

        They are counted from the file's own index; `all_of_it` reads and compares each line with
        the raw object, which must be sound.
        """
        if obj.problem:
            return None
        path = self.lines_path(obj.venue, obj.sha256)
        rows = _row_count(path)
        if rows is None:
            return f"the lines {path} are missing or cannot be read"
        if rows != obj.lines:
            return f"the lines {path} are {rows:,}, and the ledger counts {obj.lines:,}"
        if all_of_it and not self._are_lines_of(obj, path):
            return f"the lines {path} are not those of their raw object"
        return None

    def derive_lines(self, obj: RawObject) -> str | None:
        """Writes an object's lines again from its bytes. Returns why not, None when done."""
        damage = self.damage(obj)
        if damage:
            return damage
        path = self.lines_path(obj.venue, obj.sha256)
        try:
            with self.opened(obj) as stream, atomic_write(path, self._folder) as beside:
                write_lines(stream, beside, obj.packing, obj.bytes)
        except UnreadableObjectError as error:
            return f"the raw object of {obj.name}: {error}"
        return self.damaged_lines(obj)

    def line(self, obj: RawObject, number: int) -> str | None:
        """One line of an object, from its bytes; lines count from 1, None beyond the last."""
        with self.opened(obj) as stream:
            texts = texts_of(stream, obj.packing, obj.bytes)
            return next(itertools.islice(texts, number - 1, None), None)

    def _stored_digest(self, path: Path, packing: str) -> str | None:
        """The checksum of stored bytes; None where they cannot be unpacked or read."""
        try:
            with _stored(path, packing) as stream:
                return _digest(stream)
        except (OSError, zstandard.ZstdError):
            return None

    def _are_lines_of(self, obj: RawObject, path: Path) -> bool:
        try:
            with self.opened(obj) as stream:
                derived = enumerate(texts_of(stream, obj.packing, obj.bytes), start=1)
                for batch in pq.ParquetFile(path).iter_batches(LINES_PER_READ):
                    numbers, texts = (column.to_pylist() for column in batch.columns)
                    if list(zip(numbers, texts, strict=True)) != list(
                        itertools.islice(derived, len(numbers))
                    ):
                        return False
        except (OSError, pa.ArrowException, UnreadableObjectError):
            return False
        return True


@contextmanager
def _stored(path: Path, packing: str) -> Iterator[IO[bytes]]:
    """The bytes of an object as they arrived, from its file."""
    with path.open("rb") as stored:
        if packing != "zst":
            yield stored
            return
        decompressor = zstandard.ZstdDecompressor()
        with decompressor.stream_reader(stored, read_across_frames=True) as unpacked:
            yield io.BufferedReader(unpacked, 1 << 20)


def is_sound(path: Path) -> bool:
    """Whether an object's file has the bytes whose checksum it is named after. Reads all of them.

    The file may lie anywhere, under its own name.
    """
    try:
        with _stored(path, path.suffix.removeprefix(".")) as stream:
            return _digest(stream) == path.stem
    except (OSError, zstandard.ZstdError):
        return False


def can_be_read(lines: Path) -> bool:
    """Whether a file of lines can be read from its first to its last row."""
    try:
        for _ in pq.ParquetFile(lines).iter_batches(LINES_PER_READ):
            pass
    except (OSError, pa.ArrowException):
        return False
    return True


def _row_count(path: Path) -> int | None:
    """Rows of a Parquet file by its own index; None where it is missing or broken."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return None


def _opened(payload: bytes | Path) -> IO[bytes]:
    return payload.open("rb") if isinstance(payload, Path) else io.BytesIO(payload)


class _Hashed:
    """A stream that knows the checksum and the size of what was read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hasher, self.size = stream, hashlib.sha256(), 0

    def read(self, size: int = 1 << 20) -> bytes:
        chunk = self._stream.read(size)
        self._hasher.update(chunk)
        self.size += len(chunk)
        return chunk

    @property
    def digest(self) -> str:
        return self._hasher.hexdigest()


def _digest(stream: IO[bytes]) -> str:
    hashed = _Hashed(stream)
    while hashed.read():
        pass
    return hashed.digest


def _packing(head: bytes) -> str:
    return next((kind for magic, kind in PACKED_MAGIC.items() if head.startswith(magic)), "zst")


def _packed(sink: IO[bytes], packing: str) -> AbstractContextManager[Any]:
    if packing != "zst":
        return nullcontext(sink)
    # One thread and a fixed level: the same bytes give the same object everywhere.
    return zstandard.ZstdCompressor(level=3).stream_writer(sink, closefd=False)


def _store(stream: IO[bytes], target: Path) -> tuple[str, int, str]:
    """Keeps a stream's bytes; their checksum, how many they are, and how they are packed."""
    packing = _packing(stream.read(4))
    stream.seek(0)
    hashed = _Hashed(stream)
    with target.open("wb") as sink, _packed(sink, packing) as kept:
        each_beside(kept.write, iter(hashed.read, b""))
    return hashed.digest, hashed.size, packing
