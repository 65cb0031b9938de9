"""A dry run of an import: its result, computed by running it on a copy of the warehouse."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from unwind.clock import Clock
from unwind.database import connect, quoted, row_of
from unwind.landing.csv_reading import ReadOptions
from unwind.landing.imports import ImportRefusedError, ImportReport, import_files
from unwind.landing.ledger import Ledger, Seal
from unwind.landing.leftovers import sweep_home
from unwind.landing.raw import RawZone
from unwind.progress import Progress, no_progress
from unwind.scratch import working_folder
from unwind.settings import Home
from unwind.warehouse import files as warehouse_files
from unwind.warehouse import left_out, refresh
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.rebuilding import rebuild_reason
from unwind.warehouse.state import append_rows, staging_state
from unwind.warehouse.work_list import hold_releases
from unwind.warehouse.writing import writer_lock

# The kind of a staging model's rows, by the end of its name.
FACTS_OF = {
    "prices": "fct_prices",
    "open_interest": "fct_open_interest",
    "funding": "fct_funding",
    "long_short_ratio": "fct_long_short_ratio",
    "market_caps": "fct_market_caps",
    "reported_liquidations": "reported_liquidations",
}
# Why a line is rejected that is nothing of the stated venue and format.
UNRECOGNISED = ("unreadable_json", "unrecognised_frame", "unrecognised_answer")


@dataclass(frozen=True)
class Count:
    """The outcome of the rows of one kind: staged = facts + repeats + quarantined.

    `reasons` are the quarantined rows by their reason, the commonest first.
    """

    kind: str
    staged: int
    facts: int
    repeats: int
    quarantined: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Rehearsal:
    """What an import would do, and the outcome of its rows in the current warehouse."""

    report: ImportReport
    counts: tuple[Count, ...]

    @property
    def is_recognised(self) -> bool:
        """Whether any row was something of the stated venue and format."""
        return any(
            count.staged > sum(rows for reason, rows in count.reasons if reason in UNRECOGNISED)
            for count in self.counts
        )


def rehearse_import(
    home: Home,
    venue: str,
    format: str,
    files: Sequence[Path],
    clock: Clock,
    options: ReadOptions,
    progress: Progress = no_progress,
) -> Rehearsal:
    """Imports the files into a copy of the warehouse and builds their facts there.

    The copy of the warehouse's two files is made next to them and removed afterwards. The home
    itself is only read: sealed batches that are not built yet stay out. Where nothing was built
    yet, the copy begins empty. Raises ImportRefusedError as the import would.
    """
    sweep_home(home)
    with working_folder(home, "rehearsal") as folder:
        beside = Home(Path(folder))
        progress("copying the warehouse", 0, 1)
        _copy(home, beside)
        report = import_files(beside, venue, format, files, clock, options)
        seals = [seal for seal in (report.seal, *report.reread) if seal]
        if not seals:
            return Rehearsal(report, ())
        if _is_new(home):
            warehouse_files.prepare(beside)
        _only_these(home, beside, seals)
        changed = rebuild_reason(beside)
        if changed:
            raise ImportRefusedError(
                f"the warehouse cannot be built on ({changed}), so the import cannot be tried in a "
                "copy of it; run `unwind refresh` first, which rebuilds it"
            )
        progress("staging", 0, 1)
        refresh.stage(beside, clock)
        refresh.gate_landed(beside, clock)
        batches = [seal.batch.batch_id for seal in seals]
        kinds = _staged_kinds(beside, batches)
        progress("counting", 0, 1)
        targets = [
            *(["+liquidation_accounting"] if "liquidations" in kinds else []),
            *(f"+{FACTS_OF[kind]}" for kind in kinds if kind in FACTS_OF),
        ]
        if targets:
            run_dbt(
                beside,
                [
                    *("run", "--select", *targets),
                    *("--exclude", "path:models/staging", "resource_type:seed"),
                ],
            )
        return Rehearsal(report, tuple(_count(beside, kind, batches) for kind in kinds))


def _copy(home: Home, beside: Home) -> None:
    """The ledger and the warehouse's files, copied while no process writes them."""
    if home.batches.exists():
        shutil.copytree(home.root / "ledger", beside.root / "ledger")
    if not home.staging_db.exists():
        return
    beside.warehouse_dir.mkdir(parents=True)
    if home.identity.exists():
        shutil.copy2(home.identity, beside.identity)
    with writer_lock(home):
        for path in (home.warehouse_db, home.staging_db):
            for file in (path, path.with_name(path.name + ".wal")):
                if file.exists():
                    shutil.copy2(file, beside.warehouse_dir / file.name)


def _is_new(home: Home) -> bool:
    """Whether nothing was ever built: a warehouse that was lost has releases, or one file left."""
    has_file = any(path.exists() for path in warehouse_files.pair(home))
    return not (has_file or any(home.releases.glob("[!.]*/release.json")))


def _only_these(home: Home, beside: Home, seals: Sequence[Seal]) -> None:
    """Makes these sealed batches the only ones to be built, with their lines within reach."""
    batches = {seal.batch.batch_id for seal in seals}
    with staging_state(beside) as state:
        state.execute("delete from ops.built_batches")
        append_rows(
            state,
            "ops.built_batches",
            (
                (ref.batch_id, ref.revision, "", len(releases))
                for ref in Ledger(beside).sealed()
                if ref.batch_id not in batches
                for releases in [hold_releases(beside).get(ref.batch_id, ())]
            ),
        )
    for seal in seals:
        for landings in seal.landings.values():
            for obj in (obj for landing in landings for obj in landing.objects):
                lines = RawZone(beside).lines_path(obj.venue, obj.sha256)
                if not lines.exists():
                    lines.parent.mkdir(parents=True, exist_ok=True)
                    lines.symlink_to(RawZone(home).lines_path(obj.venue, obj.sha256).resolve())


def imports_without_rows(home: Home, batches: Sequence[str]) -> list[str]:
    """Those of the staged batches that are imports and of which nothing at all was recognised.

    Lines that are no JSON, or none of the format, are not: as such an archive is staged.
    """
    imports = {batch_id for batch_id in batches if batch_id.startswith("import-")}
    with staging_state(home, read_only=True) as connection:
        # What was withdrawn or is damaged has no rows for another reason, which was given.
        imports -= left_out.noted(connection).keys()
        for table in _staged_tables(connection) if imports else ():
            found = connection.execute(
                f"select distinct batch_id from landed.{table} where batch_id in (select unnest(?))"
                " and coalesce(reject_reason, '') not in (select unnest(?))",
                [sorted(imports), UNRECOGNISED],
            ).fetchall()
            imports -= {batch_id for (batch_id,) in found}
    return sorted(imports)


def _staged_tables(connection: duckdb.DuckDBPyConnection, kind: str | None = None) -> list[str]:
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'landed'"
        " and table_type = 'BASE TABLE' order by 1"
    ).fetchall()
    return [table for (table,) in rows if kind is None or _kind(table) == kind]


def _kind(table: str) -> str:
    return table.removeprefix("stg_").rpartition("__")[2]


def _staged_kinds(home: Home, batches: Sequence[str]) -> list[str]:
    """The kinds of rows that these batches have; listings of instruments are no rows."""
    with staging_state(home, read_only=True) as connection:
        found = {
            _kind(table)
            for table in _staged_tables(connection)
            if row_of(
                connection,
                f"select count(*) from landed.{table} where batch_id in (select unnest(?))",
                [list(batches)],
            )[0]
        }
    return sorted(found & {"liquidations", *FACTS_OF})


def _count(home: Home, kind: str, batches: Sequence[str]) -> Count:
    with connect(home, home.warehouse_db, read_only=True) as connection:
        connection.execute(f"attach {quoted(home.staging_db)} as staging (read_only)")
        of_batches = f"batch_id in ({', '.join(repr(batch) for batch in batches)})"
        if kind == "liquidations":
            staged, facts, repeats, quarantined = row_of(
                connection,
                "select coalesce(sum(staged), 0)::bigint, coalesce(sum(accepted), 0)::bigint,"
                " coalesce(sum(repeated), 0)::bigint, coalesce(sum(quarantined), 0)::bigint"
                f" from marts.liquidation_accounting where {of_batches}",
            )
            rejected = f"from marts.quarantined_liquidations where {of_batches}"
            reasons = _reasons(connection, rejected)
            return Count(kind, staged, facts, repeats, quarantined, reasons)
        staged = sum(
            row_of(connection, f"select count(*) from staging.landed.{table} where {of_batches}")[0]
            for table in _tables_of(connection, kind)
        )
        (facts,) = row_of(
            connection, f"select count(*) from marts.{FACTS_OF[kind]} where {of_batches}"
        )
        rejected = " union all ".join(
            f"select reject_reason from {relation} where {of_batches} and reject_reason is not null"
            for relation in _judged(connection, kind)
        )
        reasons = _reasons(connection, f"from ({rejected}) as rejected")
        quarantined = sum(rows for _, rows in reasons)
        return Count(kind, staged, facts, staged - facts - quarantined, quarantined, reasons)


def _tables_of(connection: duckdb.DuckDBPyConnection, kind: str) -> list[str]:
    rows = connection.execute(
        "select table_name from information_schema.tables where table_catalog = 'staging'"
        " and table_schema = 'landed' and table_type = 'BASE TABLE' order by 1"
    ).fetchall()
    return [table for (table,) in rows if _kind(table) == kind]


def _judged(connection: duckdb.DuckDBPyConnection, kind: str) -> list[str]:
    """Where the rows of a kind have their reasons: screened, if they are, else as staged."""
    (screened,) = row_of(
        connection,
        "select count(*) from information_schema.tables where table_catalog = 'staging'"
        " and table_schema = 'intermediate' and table_name = ?",
        [f"int_{kind}_screened"],
    )
    if screened:
        return [f"staging.intermediate.int_{kind}_screened"]
    return [f"staging.landed.{table}" for table in _tables_of(connection, kind)]


def _reasons(connection: duckdb.DuckDBPyConnection, rejected: str) -> tuple[tuple[str, int], ...]:
    return tuple(
        connection.execute(
            f"select reject_reason, count(*) {rejected} group by all order by 2 desc, 1"
        ).fetchall()
    )
