"""The lines of raw objects: unpacked, decoded, numbered, and kept as Parquet.

DuckDB reads neither zip nor lz4 and cannot number lines reliably while reading. The lines of an
object that is a table itself (Parquet) are its rows as CSV, after a header.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

import lz4.frame
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

# 2026-11-22: the largest real member seen is an hour of a venue's fills, about 45 MB packed and
# 600 MB unpacked. A text that packs a thousandfold is no market data; one that packs as market data
# does may be as large as its own bytes explain.
MAX_UNPACKED_BYTES = 8 * 2**30
MAX_UNPACK_RATIO = 1_000
EXPLAINED_RATIO = 100
# 2026-11-25: the longest lines seen are REST answers of some 10 MB, and none above 48 MiB is
# landed. 2026-11-28: packed, a made frame takes 29 bytes (zstd) or 39 (gzip), and the shortest
# recorded rows 9. The bounds keep an archive of a few megabytes from taking gigabytes of memory, or
# hours.
MAX_LINE_BYTES = 64 * 2**20
MAX_LINES = 64_000_000
EXPLAINED_BYTES_OF_LINE = 16
SHOWN_OF_LONG_LINE = 100
# So many bytes of whole lines are read at a time, and are one row group: DuckDB reads row groups
# side by side. 2026-11-28: some 12,000 frames.
BLOCK_BYTES = 4 * 2**20
LINES_PER_READ = 16_384
TOO_LARGE = "not taken for market data, check where the file came from"
Item = TypeVar("Item")
LINES_SCHEMA = pa.schema([("raw_line", pa.int64()), ("text", pa.string())])


class UnreadableObjectError(ValueError):
    """An object's bytes are kept but cannot be unpacked into lines; the text says why."""


def write_lines(stream: IO[bytes], target: Path, packing: str, packed_bytes: int) -> None:
    """Writes the lines of an object as Parquet (`raw_line`, `text`). Raises as `texts_of` does."""
    with pq.ParquetWriter(target, LINES_SCHEMA, compression="zstd") as writer:
        blocks = _blocks(stream, packing, packed_bytes)
        each_beside(writer.write_table, _numbered(blocks))


def each_beside(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Does the work of each item in order, in a thread, while the next one is read.

    It gains where both leave the interpreter: compression, checksums, Arrow. Raises what they do.
    """
    with ThreadPoolExecutor(1) as thread:
        working = Future[object]()
        working.set_result(None)
        for item in items:
            working.result()
            working = thread.submit(work, item)
        working.result()


def _numbered(blocks: Iterable[pa.StringArray]) -> Iterator[pa.Table]:
    first = 1
    for texts in blocks:
        numbers = pa.array(range(first, first + len(texts)), pa.int64())
        yield pa.table([numbers, texts], schema=LINES_SCHEMA)
        first += len(texts)


def texts_of(stream: IO[bytes], packing: str, packed_bytes: int) -> Iterator[str]:
    """Every line without its line end; bytes that are no UTF-8 show as \\xNN.

    `packed_bytes` is the object's size as it arrived. Raises UnreadableObjectError for what is
    broken, or too large to be market data.
    """
    for texts in _blocks(stream, packing, packed_bytes):
        yield from texts.to_pylist()


def _blocks(stream: IO[bytes], packing: str, packed_bytes: int) -> Iterator[pa.StringArray]:
    """The same, some thousands at a time."""
    limit = min(
        max(MAX_UNPACKED_BYTES, packed_bytes * EXPLAINED_RATIO),
        max(packed_bytes, 1 << 16) * MAX_UNPACK_RATIO,
    )
    max_lines = max(MAX_LINES, packed_bytes // EXPLAINED_BYTES_OF_LINE)
    unpacked = count = 0
    try:
        for block, size in _unpacked(stream, packing, limit):
            unpacked += size
            if unpacked > limit:
                raise UnreadableObjectError(f"it unpacks to more than {limit:,} bytes; {TOO_LARGE}")
            texts = _lines_of(block)
            count += len(texts)
            if count > max_lines:
                raise UnreadableObjectError(f"it has more than {max_lines:,} lines; {TOO_LARGE}")
            yield texts
    except (UnreadableObjectError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        # Each library has its own errors for damaged bytes; struct.error is one of zipfile's.
        raise UnreadableObjectError(
            f"it is a broken {packing} file ({error}); fetch or export it again"
        ) from error


def _unpacked(stream: IO[bytes], packing: str, limit: int) -> Iterator[tuple[bytes, int]]:
    """Whole lines with their ends, and how many bytes they are unpacked."""
    if packing == "zip":
        with zipfile.ZipFile(stream) as archive, archive.open(_only_member(archive)) as member:
            yield from _whole_lines(member, limit)
    elif packing == "lz4":
        with lz4.frame.open(stream, "rb") as frames:
            yield from _whole_lines(frames, limit)
    elif packing == "gz":
        with gzip.open(stream, "rb") as unzipped:
            yield from _whole_lines(unzipped, limit)
    elif packing == "parquet":
        yield from ((lines, len(lines)) for lines in _table_lines(stream))
    else:
        yield from _whole_lines(stream, limit)


def _whole_lines(stream: IO[bytes] | gzip.GzipFile, limit: int) -> Iterator[tuple[bytes, int]]:
    """A stream in blocks that end where a line does, and how many bytes each was.

    Of a line that is too long a placeholder is left, without the whole line in memory.
    """
    rest = b""
    while block := stream.read(BLOCK_BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            lines = rest + block[:end]
            yield lines, len(lines)
            rest = block[end:]
        elif len(rest) + len(block) <= MAX_LINE_BYTES:
            rest += block
        else:
            size = len(rest) + len(block)
            beginning = (rest + block)[:SHOWN_OF_LONG_LINE]
            rest = block = b""
            while size <= limit and (piece := stream.readline(1 << 20)):
                size += len(piece)
                if piece.endswith(b"\n"):
                    break
            yield _placeholder(size, beginning), size
    if rest:
        yield rest, len(rest)


def _lines_of(block: bytes) -> pa.StringArray:
    """The lines of a block as texts, without their ends."""
    import pyarrow.compute as pc

    if len(block) <= MAX_LINE_BYTES:
        try:
            whole = pa.array([block], pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            # Not all of it is UTF-8.
            pass
        else:
            texts = pc.split_pattern(whole, "\n").flatten()
            if block.endswith(b"\n"):
                texts = texts[:-1]
            return pc.ascii_rtrim(texts, "\r") if b"\r" in block else texts
    lines = (
        line if len(line) <= MAX_LINE_BYTES else _placeholder(len(line), line[:SHOWN_OF_LONG_LINE])
        for line in io.BytesIO(block)
    )
    return pa.array(
        [line.rstrip(b"\r\n").decode("utf-8", errors="backslashreplace") for line in lines],
        pa.string(),
    )


def _placeholder(size: int, beginning: bytes) -> bytes:
    """For a line that is too long: staging rejects it, its bytes are in the object, and its
    neighbours are read."""
    return b"a line of %d bytes, cut: %s\n" % (size, beginning)


def _table_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """A header and the rows of a Parquet file as CSV, some thousands at a time; times with their
    zone, in ISO 8601."""
    try:
        table = pq.ParquetFile(stream)
        yield b",".join(b'"%s"' % name.encode() for name in table.schema_arrow.names) + b"\n"
        for batch in table.iter_batches(batch_size=LINES_PER_READ):
            rows = io.BytesIO()
            options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
            pyarrow.csv.write_csv(batch, rows, options)
            yield rows.getvalue()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise UnreadableObjectError(
            f"it is a Parquet file that cannot be read as a plain table ({error}); export it as CSV"
        ) from error


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [info for info in archive.infolist() if not info.is_dir()]
    if len(members) != 1:
        raise UnreadableObjectError(f"the zip holds {len(members)} files where one is expected")
    path = PurePosixPath(members[0].filename)
    if path.is_absolute() or len(path.parts) != 1 or "\\" in members[0].filename:
        raise UnreadableObjectError(f"the zip's member is a path ({path}), not a plain file name")
    return members[0]
