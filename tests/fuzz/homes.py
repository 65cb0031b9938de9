"""A home filled with mutated records and refreshed once, and the invariants it must meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import duckdb

from tests.fuzz.mutations import EVALUATED, MARKER, mutants
from tests.fuzz.seeds import RECEIVED_AT, Seed, all_seeds
from unwind.landing.csv_reading import ReadOptions
from unwind.landing.imports import ImportRefusedError, import_files
from unwind.landing.ledger import Batch, Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.warehouse import refresh

NOW = datetime(2026, 7, 1, tzinfo=UTC)
# A file name with everything that SQL, templates, markup or format strings would interpret.
FILE_NAME = "{{ 191 * 7 }} {0} '; drop table marts.fct_prices; -- [link]"
OBSERVED = (
    *("open_interest", "funding", "prices", "volumes", "long_short_ratio", "market_caps"),
    "reported_liquidations",
)
JSON_FORMATS = ("frames", "rest", "node-fills")


@dataclass
class Filled:
    """The input of a home: mutants by format, and the files refused by the import, with reasons."""

    records: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: list[str] = field(default_factory=list)


def clock() -> datetime:
    return NOW


def fill(home: Home, folder: Path, records: int, seed: int) -> Filled:
    """Puts about as many mutants of every seed into a home, in one file per venue and format.

    Each file also holds its unmodified seeds: without a good row nothing would be built from it.
    """
    seeds = all_seeds()
    filled, random = Filled(), Random(seed)
    groups: dict[tuple, list[Seed]] = defaultdict(list)
    for one in seeds:
        groups[one.group].append(one)
    each = max(records // len(seeds), 1)
    for number, members in enumerate(groups.values()):
        first = members[0]
        path = folder / f"{number:03d} {first.venue} {FILE_NAME}.{first.format}"
        with path.open("wb") as file:
            if first.header:
                file.write(first.header.encode() + b"\n")
            for one in members:
                file.write(one.line.encode() + b"\n")
            for one in members:
                for line in _some(one, each, random):
                    file.write(line + b"\n")
        filled.records[first.format] += each * len(members)
        if first.dataset:
            _land(home, first, path)
        else:
            try:
                options = ReadOptions(settings=dict(first.settings))
                import_files(home, first.venue, first.format, [path], clock, options)
            except ImportRefusedError as error:
                filled.refused.append(str(error))
        path.unlink()
    return filled


def _some(seed: Seed, count: int, random: Random) -> Iterator[bytes]:
    separator = ";" if ";" in seed.header else ","
    endless = mutants(seed.line, seed.format in JSON_FORMATS, separator, random)
    for _ in range(count):
        yield next(endless)


def _land(home: Home, seed: Seed, path: Path) -> None:
    """Records a file as landed, on a separate day."""
    obj = RawZone(home).put(
        path.read_bytes(),
        venue=seed.venue,
        dataset=seed.dataset,
        format=seed.format,
        name=path.name,
        received_at=RECEIVED_AT,
    )
    day = datetime(2026, 6, 30, tzinfo=UTC)
    batch = Batch(f"day-{day:%Y-%m-%d}", "day", day, day + timedelta(days=1))
    ledger = Ledger(home)
    landing = Landing(seed.dataset, "ok", "", 1, (obj,), RECEIVED_AT)
    ledger.record_landing(
        batch.batch_id, seed.venue, [*ledger.landed(batch.batch_id, seed.venue), landing]
    )
    ledger.seal(batch, RECEIVED_AT + timedelta(hours=2))


def refresh_with_all(home: Home) -> None:
    """Refreshes with the landed gate open: it would hold files that are mostly mutants, and these
    would reach no mart. Raises what the refresh raises."""
    home.hold_releases.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(home)
    for ref in ledger.sealed():
        for venue in ledger.read(ref).landings:
            name = f"{ref.batch_id}.r{ref.revision:04d}.{venue}.json"
            (home.hold_releases / name).write_text("{}")
    refresh.refresh(home, clock=clock)


def broken_promises(home: Home, outside: Path) -> list[str]:
    """The invariants that a refreshed home violates; empty if none.

    `outside` is the home's parent folder, which contains nothing else.
    """
    found = []
    with duckdb.connect() as reader:
        reader.execute("set TimeZone = 'UTC'")
        release = home.current / "warehouse.duckdb"
        reader.execute(f"attach '{release}' as release (read_only)")
        reader.execute(f"attach '{home.staging_db}' as staging (read_only)")
        found += _accounting(reader)
        found += _unstaged_lines(reader)
        found += _unbounded_numbers(reader)
        found += _evaluated_texts(reader)
    strangers = [path for path in outside.iterdir() if path != home.root]
    strangers += [*outside.rglob(f"*{MARKER}*"), *Path.cwd().glob(f"*{MARKER}*")]
    found += [f"{path} was written" for path in strangers]
    return found


def _accounting(reader: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, columns in (
        ("liquidation_accounting", "batch_id, venue"),
        ("observation_accounting", "batch_id, venue, dataset"),
    ):
        for row in reader.execute(
            f"select {columns}, staged, accepted, repeated, quarantined"
            f" from release.marts.{table} where staged != accepted + repeated + quarantined"
        ).fetchall():
            yield f"{table} does not add up: {row}"
    # Everything staged is accounted for: no row is lost between two tables.
    rows = sum(
        _count(reader, f"select count(*) from staging.landed.{table} where line_class = 'row'")
        for table in _landed_tables(reader)
        if table.endswith("__liquidations")
    )
    accounted = _count(
        reader, "select coalesce(sum(staged), 0) from release.marts.liquidation_accounting"
    )
    if rows != accounted:
        yield f"{rows} liquidation rows are staged and {accounted} accounted for"
    for dataset in OBSERVED:
        rows = sum(
            _count(reader, f"select count(*) from staging.landed.{table}")
            for table in _landed_tables(reader)
            if table.endswith((f"__{dataset}", f"stg_{dataset}"))
        )
        accounted = _count(
            reader,
            "select coalesce(sum(staged), 0) from release.marts.observation_accounting"
            " where dataset = ?",
            dataset,
        )
        if rows != accounted:
            yield f"{rows} rows of {dataset} are staged and {accounted} accounted for"


def _count(reader: duckdb.DuckDBPyConnection, query: str, *values: object) -> int:
    (count,) = reader.execute(query, list(values)).fetchone() or (0,)
    return int(count)


def _landed_tables(reader: duckdb.DuckDBPyConnection) -> list[str]:
    found = reader.execute(
        "select table_name from duckdb_tables() where database_name = 'staging'"
        " and schema_name = 'landed'"
    ).fetchall()
    return [name for (name,) in found]


def _unstaged_lines(reader: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Lost lines: each line of frames is a row or has another line class, and an unreadable line of
    responses is quarantined, whatever its endpoint."""
    objects = reader.execute(
        "select distinct batch_id, venue, lines_path, lines, format from staging.ops.build_objects"
        " where format in ('frames', 'rest') and lines > 0"
    ).fetchall()
    unreadable = " union ".join(
        f"select raw_object, raw_line from staging.landed.{table}"
        " where reject_reason = 'unreadable_json'"
        for table in _landed_tables(reader)
    )
    reader.execute(f"create temp table unreadable as {unreadable}")
    for batch_id, venue, lines_path, lines, format in objects:
        if format == "frames":
            staged = _count(
                reader,
                "select count(distinct (raw_object, raw_line))"
                f" from staging.landed.stg_{venue}__liquidations where batch_id = ?",
                batch_id,
            )
            if staged != lines:
                yield f"{lines} lines of {venue}'s frames, {staged} staged"
        else:
            lost = _count(
                reader,
                "select count(*) from read_parquet(?) where not json_valid(text)"
                " and (?, raw_line) not in (select (raw_object, raw_line) from unreadable)",
                lines_path,
                Path(lines_path).stem,
            )
            if lost:
                yield f"{lost} lines of {venue}'s answers are no JSON and not quarantined"


def _unbounded_numbers(reader: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, column in reader.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'release'"
        " and schema_name = 'marts' and data_type in ('DOUBLE', 'FLOAT')"
    ).fetchall():
        (count,) = reader.execute(
            f'select count(*) from release.marts."{table}" where not isfinite("{column}")'
        ).fetchone()
        if count:
            yield f"{count} values of {table}.{column} are infinite or no number"


def _evaluated_texts(reader: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, column in reader.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'release'"
        " and schema_name = 'marts' and data_type = 'VARCHAR'"
        " and column_name in ('instrument', 'base_asset', 'quote_asset', 'raw_side', 'venue')"
    ).fetchall():
        (count,) = reader.execute(
            f'select count(*) from release.marts."{table}" where "{column}" = ?', [EVALUATED]
        ).fetchone()
        if count:
            yield f"{count} texts of {table}.{column} were evaluated"


def reasons(home: Home) -> dict[str, int]:
    """Quarantined rows by reason."""
    release = home.current / "warehouse.duckdb"
    with duckdb.connect(str(release), read_only=True) as reader:
        return dict(
            reader.execute(
                "select reject_reason, count(*) from"
                " (select reject_reason from marts.quarantined_liquidations union all"
                " select reject_reason from marts.quarantined_observations)"
                " group by all order by 2 desc"
            ).fetchall()
        )
