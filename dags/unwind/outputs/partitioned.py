"""Marts as Parquet files by day, for programs that know neither DuckDB nor this project.

`<place>/<release>/<mart>/day=YYYY-MM-DD/rows.parquet`; a mart without dates is one file without a
day. Instants are UTC and say so, ids are text, and each column has its description in its metadata.
`current.json` names the release's folder and is written last, in one step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from unwind.database import connect
from unwind.outputs.object_store import ObjectStore
from unwind.outputs.postgres_tables import Column, Table, quoted, tables_of
from unwind.progress import Progress
from unwind.scratch import working_folder
from unwind.settings import Home
from unwind.warehouse.order import is_release_id, order_of
from unwind.warehouse.releases import ALWAYS_KEPT, current_db

POINTER = "current.json"
ROWS = "rows.parquet"
ROWS_PER_BATCH = 50_000
# Files are uploaded as soon as so many bytes are written.
BYTES_AT_ONCE = 256 * 2**20


def export_partitioned(home: Home, place: ObjectStore, report: Progress) -> int:
    """Writes every mart of the current release by day; returns how many files.

    Readers of the pointer are on the release before until all is there. The newest three releases
    stay. Raises StoreError, NoReleaseError, duckdb.Error.
    """
    path = current_db(home).resolve()
    release_id, files, waiting = path.parent.name, 0, 0
    with (
        connect(home, path, read_only=True) as release,
        working_folder(home, "parquet") as text,
    ):
        tables = tables_of(release)
        written: dict[str, Path] = {}
        for number, table in enumerate(tables):
            report(f"exporting {table.name}", number, len(tables))
            for day in _days(release, table):
                inner = f"{table.name}/day={day}" if day else table.name
                target = Path(text) / f"{len(written)}.parquet"
                _write(release, table, day, target, release_id)
                written[f"{release_id}/{inner}/{ROWS}"] = target
                waiting += target.stat().st_size
                files += 1
                if waiting > BYTES_AT_ONCE:
                    waiting = _upload(place, written)
        _upload(place, written)
    place.write_json(POINTER, {"release_id": release_id, "folder": release_id})
    _prune(place, release_id)
    return files


def _upload(place: ObjectStore, written: dict[str, Path]) -> int:
    place.put(written)
    for path in written.values():
        path.unlink()
    written.clear()
    return 0


def _days(release: duckdb.DuckDBPyConnection, table: Table) -> Iterator[str]:
    """The days of a mart's rows; an empty one for rows without a date."""
    if table.dated_by is None:
        yield ""
        return
    day = f"{quoted(table.dated_by)}::date"
    for (found,) in release.execute(
        f"select distinct {day} from marts.{quoted(table.name)} order by 1 nulls last"
    ).fetchall():
        yield str(found) if found else "__HIVE_DEFAULT_PARTITION__"


def _write(
    release: duckdb.DuckDBPyConnection, table: Table, day: str, path: Path, release_id: str
) -> None:
    where = "true"
    if day and table.dated_by:
        name = quoted(table.dated_by)
        is_day = f"{name} >= date '{day}' and {name} < date '{day}' + 1"
        where = f"{name} is null" if day.startswith("__") else is_day
    listed = ", ".join(_selected(column) for column in table.columns)
    reader = release.execute(
        f"select {listed} from marts.{quoted(table.name)} where {where}"
    ).to_arrow_reader(ROWS_PER_BATCH)
    schema = pa.schema(
        [_field(reader.schema.field(column.name), column) for column in table.columns],
        metadata={"description": table.comment, "unwind.release_id": release_id},
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))


def _selected(column: Column) -> str:
    name = quoted(column.name)
    if column.duckdb_type == "UUID":
        return f"{name}::varchar as {name}"
    if column.duckdb_type == "TIMESTAMP":
        # An instant: as Parquet has it, adjusted to UTC.
        return f"{name}::timestamptz as {name}"
    return name


def _field(field: Any, column: Column) -> Any:
    return field.with_metadata({"description": column.comment}) if column.comment else field


def _prune(place: ObjectStore, current: str) -> None:
    """Deletes releases but the newest three and the one that the pointer names.

    Whatever else is in the place stays, and so does a release's folder with anything else in it.
    """
    files: dict[str, set[str]] = defaultdict(set)
    for name in map(PurePosixPath, place.listed("")):
        files[name.parts[0]].add(name.name)
    ids = sorted(filter(is_release_id, files), key=order_of, reverse=True)
    for release_id in ids[ALWAYS_KEPT:]:
        if release_id != current and files[release_id] == {ROWS}:
            place.remove_below(release_id)
