"""Marts as Parquet files, for tools that do not read DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unwind.database import connect, quoted
from unwind.durable import atomic_write
from unwind.errors import UnknownNameError
from unwind.progress import Progress
from unwind.settings import Home
from unwind.warehouse.releases import current_db


def export_marts(
    home: Home,
    folder: Path,
    marts: Sequence[str] | None,
    report: Progress,
) -> list[Path]:
    """Writes `<folder>/<mart>.parquet` (zstd) for each mart of the current release.

    All of them come from one release, whatever is published meanwhile. Raises UnknownNameError for
    a mart that the release does not have.
    """
    written = []
    with connect(home, current_db(home).resolve(), read_only=True) as release:
        there = [
            row[0]
            for row in release.execute(
                "select table_name from information_schema.tables where table_schema = 'marts'"
                " order by 1"
            ).fetchall()
        ]
        for unknown in set(marts or ()) - set(there):
            raise UnknownNameError(f"no mart {unknown!r}; there are {', '.join(there)}")
        chosen = [mart for mart in there if not marts or mart in marts]
        for place, mart in enumerate(chosen):
            report(f"exporting {mart}", place, len(chosen))
            target = folder / f"{mart}.parquet"
            with atomic_write(target) as beside:
                release.execute(
                    f"copy marts.{mart} to {quoted(beside)} (format parquet, compression zstd)"
                )
            written.append(target)
    return written
