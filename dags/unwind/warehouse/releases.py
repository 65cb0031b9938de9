"""Releases: what readers see. Each is the checkpointed warehouse's file in a folder of its own;
`current` is a symlink to one of them, swapped in one step. The warehouse then goes on in a copy.

A reader who has opened a release stays on it; one who reopens `current` gets the newest. The link
names a folder, not the file: a process that opened the same path before would otherwise be given
its old file again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

import unwind
from unwind.clock import iso, parse_instant
from unwind.database import connect, quoted, row_of
from unwind.durable import atomic_write, sync, write_json
from unwind.errors import UnknownNameError, UnwindError
from unwind.scratch import process_folder
from unwind.settings import KEEP_RELEASE_DAYS, KEEP_RELEASES, PROJECT_ROOT, Home, settings
from unwind.warehouse import as_of_macros, continuity, lineage_macros, revisions, stands_on
from unwind.warehouse.models import model_files
from unwind.warehouse.order import order_of
from unwind.warehouse.state import naive_utc, transaction

# A reader resolves the link and opens the file within milliseconds; the newest three are never
# taken away, so that one who is slow still finds it.
ALWAYS_KEPT = 3
# The folder of a release that is being published.
UNPUBLISHED = ".next.part"
# In a release's folder: the compiled code of its models, one file each.
MODELS = "models"
MACROS_TABLE = (
    "create schema if not exists ops;"
    " create table if not exists ops.macros (made_of varchar);"
    " comment on table ops.macros is 'One row: the checksum of the macros of schema marts.';"
)
# So much is copied by one call to the system, at most.
CHUNK_BYTES = 1024**3

logger = logging.getLogger(__name__)


class NoReleaseError(UnwindError, LookupError):
    """There is no such release; the text says what there is and what to do."""


class UnknownReleaseError(NoReleaseError, UnknownNameError):
    """An argument names a release that is not there."""


@dataclass(frozen=True)
class Release:
    """One published release, as its release.json describes it."""

    release_id: str
    path: Path
    built_at: datetime
    first_hour_at: str | None
    last_hour_at: str | None
    batches: int
    batches_new: int
    gate_outcome: str
    is_current: bool


def publish(home: Home, run_id: str, built_at: datetime, raw_home: Home | None = None) -> str:
    """Makes the judged warehouse's file a new release and swaps `current` to it. Returns its id.

    The warehouse shares the file with readers until `take_own_copy`, which every writer calls
    before it writes. `raw_home` has the raw zone and the ledger, where another home is built from
    them.
    """
    take_own_copy(home)
    release_id = _new_id(home, built_at)
    described = _describe(home, run_id, release_id, built_at)
    beside = home.releases / UNPUBLISHED
    beside.mkdir(parents=True)
    _share(home.warehouse_db, beside / "warehouse.duckdb")
    (beside / "warehouse.duckdb").chmod(0o444)
    write_json(beside / "release.json", described)
    continuity.publish(home, run_id, beside)
    _keep_code(home, beside / MODELS)
    stands_on.write(raw_home or home, home, beside)
    sync(beside)
    beside.replace(home.releases / release_id)
    sync(home.releases)
    _swap(home, release_id)
    return release_id


def take_own_copy(home: Home) -> None:
    """Gives the warehouse a file of its own, if a release has the same one.

    Done after a release is out, off the path that readers wait for; and before anything is written,
    as a kill may have come between.
    """
    for unpublished in home.releases.glob(".*.part"):
        shutil.rmtree(unpublished, ignore_errors=True)
    if home.warehouse_db.exists() and home.warehouse_db.stat().st_nlink > 1:
        with atomic_write(home.warehouse_db, process_folder(home)) as own:
            _copy_bytes(home.warehouse_db, own)


def listed(home: Home) -> list[Release]:
    """Every release, newest first; a folder that is no readable release is logged and left out."""
    current = home.current.resolve().name if home.current.is_symlink() else None
    found = []
    for path in home.releases.glob("[!.]*/release.json"):
        try:
            fields = json.loads(path.read_text())
            release = Release(
                release_id=fields["release_id"],
                path=path.parent,
                built_at=parse_instant(str(fields["built_at"])),
                first_hour_at=fields["first_hour_at"],
                last_hour_at=fields["last_hour_at"],
                batches=fields["batches"],
                batches_new=fields["batches_new"],
                gate_outcome=fields["gate_outcome"],
                is_current=fields["release_id"] == current,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s cannot be read as a release (%s); it is left out", path, error)
            continue
        found.append(release)
    return sorted(found, key=lambda release: order_of(release.release_id), reverse=True)


def carry_verdicts(home: Home) -> None:
    """Copies earlier runs' verdicts into a warehouse that was built from scratch.

    They cannot be rebuilt from the raw zone; nor can the history of releases (revisions.py).
    """
    known = [one for one in listed(home) if (one.path / "warehouse.duckdb").is_file()]
    if not known:
        return
    with connect(home, home.warehouse_db) as warehouse:
        if row_of(warehouse, "select count(*) from marts.gate_results")[0]:
            return
        former = quoted(known[0].path / "warehouse.duckdb")
        try:
            warehouse.execute(f"attach {former} as former (read_only)")
            continuity.carry_rows(warehouse, "gate_results")
        except duckdb.Error as error:
            logger.warning("the verdicts of %s are not carried over: %s", former, error)


def roll_back(home: Home, release_id: str) -> None:
    """Makes a former release the current one, until the next refresh publishes.

    Raises UnknownReleaseError where it is not there.
    """
    folder_of(home, release_id)
    _swap(home, release_id)


def folder_of(home: Home, release_id: str) -> Path:
    """The folder of the release that an argument names. Raises UnknownReleaseError."""
    known = [release.release_id for release in listed(home)]
    folder = home.releases / release_id
    if release_id not in known or not (folder / "warehouse.duckdb").is_file():
        raise UnknownReleaseError(
            f"no release {release_id!r} in {home.releases}; there are: {', '.join(known) or 'none'}"
            f" (older ones are deleted: {KEEP_RELEASES}, {KEEP_RELEASE_DAYS})"
        )
    return folder


def has_current(home: Home) -> bool:
    """Whether there is a release that readers can open."""
    return (home.current / "warehouse.duckdb").is_file()


def current_db(home: Home) -> Path:
    """The file that readers open. Raises NoReleaseError before the first release."""
    path = home.current / "warehouse.duckdb"
    if not has_current(home):
        if home.current.is_symlink():
            raise NoReleaseError(
                f"the current release is gone: {home.current} points at "
                f"{home.current.readlink()}, which has no warehouse.duckdb; `unwind refresh` "
                "publishes again, or `unwind releases --roll-back ID` takes another one"
            )
        raise NoReleaseError(
            f"nothing is published in {home.root} yet; run `unwind demo`, or land or import"
            " something and run `unwind refresh`"
        )
    return path


def prune(home: Home, now: datetime) -> list[str]:
    """Deletes releases beyond the kept count or age; never the current or the newest ones.

    A reader that still has a deleted file open keeps reading it: its bytes are never written again.
    """
    kept = settings().keep_releases
    kept_for = timedelta(days=settings().keep_release_days)
    gone = []
    for place, release in enumerate(listed(home)):
        young = now - release.built_at < kept_for
        if place < ALWAYS_KEPT or release.is_current or (place < kept and young):
            continue
        shutil.rmtree(release.path)
        gone.append(release.release_id)
    return gone


@cache
def code_version() -> str:
    """The package's version, with the commit where the project is a checkout."""
    described = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    commit = described.stdout.strip() if described.returncode == 0 else ""
    return f"{unwind.__version__}+{commit}" if commit else unwind.__version__


def _new_id(home: Home, built_at: datetime) -> str:
    """Ids follow the order of publishing, even where a clock stands still or goes back."""
    stem = f"{built_at:%Y%m%dT%H%M%SZ}"
    newest = max(map(order_of, (path.name for path in home.releases.glob("[!.]*-*"))), default=None)
    if newest is None or newest[0] < stem:
        return f"{stem}-00"
    return f"{newest[0]}-{newest[1] + 1:02d}"


def _describe(home: Home, run_id: str, release_id: str, built_at: datetime) -> dict[str, Any]:
    """Writes the release's own row and gate results into it, and folds the log into the file."""
    with connect(home, home.warehouse_db) as warehouse:
        warehouse.execute(f"attach {quoted(home.staging_db)} as staging (read_only)")
        with revisions.former_attached(warehouse, home) as former:
            own = (warehouse, home, run_id, release_id, built_at)
            try:
                row = _write_own_rows(*own, former)
            except duckdb.Error as error:
                if former is None:
                    raise
                # A broken release must not block a sound one.
                logger.warning("release %s cannot be compared with: %s", former, error)
                row = _write_own_rows(*own, None)
        planned = warehouse.execute(
            "select started_at from staging.ops.plan where run_id = ?", [run_id]
        ).fetchone()
        warehouse.execute("detach staging")
        warehouse.execute("checkpoint")
    known_to = iso(planned[0].replace(tzinfo=UTC)) if planned else None
    return {**row, "built_at": iso(built_at), "known_to": known_to}


def _write_own_rows(
    warehouse: duckdb.DuckDBPyConnection,
    home: Home,
    run_id: str,
    release_id: str,
    built_at: datetime,
    former: str | None,
) -> dict[str, Any]:
    """Writes the release's metadata: its row, verdicts, revisions and macros."""
    with transaction(warehouse):
        warehouse.execute("delete from marts.gate_results where run_id = ?", [run_id])
        warehouse.execute(
            "insert into marts.gate_results by name"
            " select * from staging.ops.gate_results where run_id = ?",
            [run_id],
        )
        warehouse.execute("delete from marts.release")
        warehouse.execute(
            """
            insert into marts.release by name
            select
                $release_id as release_id,
                $run_id as run_id,
                $built_at::timestamp as built_at,
                (select min(hour_at) from staging.ops.hours) as first_hour_at,
                coalesce(
                    (select max(last_hour_at) from staging.ops.landed_days),
                    (select max(hour_at) from staging.ops.hours)
                ) as last_hour_at,
                $code_version as code_version,
                (select count(*) from staging.ops.batches)::integer as batches,
                (select count(*) from staging.ops.build_batches)::integer as batches_new,
                if(gate_warnings > 0, 'passed with warnings', 'passed') as gate_outcome,
                gate_warnings,
            from (
                select count(*) filter (where not success)::integer as gate_warnings
                from staging.ops.gate_results where run_id = $run_id
            ) as judged
            """,
            {
                "release_id": release_id,
                "run_id": run_id,
                "built_at": naive_utc(built_at),
                "code_version": code_version(),
            },
        )
        row = row_of(warehouse, "select * from marts.release")
        described = dict(zip([one[0] for one in warehouse.description], row, strict=True))
        publication = revisions.Publication(
            release_id,
            run_id,
            described["built_at"],
            described["first_hour_at"],
            described["last_hour_at"],
            described["code_version"],
        )
        revisions.write(warehouse, home, publication, former)
        _renew_macros(warehouse)
    return described


def _renew_macros(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Creates the macros for readers, where the file's own are not the same already."""
    stated = [*lineage_macros.statements(warehouse), *as_of_macros.statements(warehouse)]
    made_of = hashlib.sha256("".join(stated).encode()).hexdigest()
    warehouse.execute(MACROS_TABLE)
    if warehouse.execute("from ops.macros").fetchone() == (made_of,):
        return
    for statement in stated:
        warehouse.execute(statement)
    warehouse.execute("delete from ops.macros")
    warehouse.execute("insert into ops.macros values (?)", [made_of])


def _keep_code(home: Home, folder: Path) -> None:
    """Copies the compiled code of the models from facts to marts: what made the tables.

    Of what dbt had no need to compile again, the former release has the code.
    """
    folder.mkdir(exist_ok=True)
    models = {path.stem for path in model_files()}
    former = (home.current / MODELS).glob("*")
    kept = {path.name: path for path in former if path.stem in models}
    for path in home.dbt_target.glob("compiled/*/models/*/**/*"):
        is_staging = "staging" in path.relative_to(home.dbt_target).parts
        if path.suffix in {".sql", ".py"} and not is_staging:
            kept[path.name] = path
    for name, path in kept.items():
        shutil.copyfile(path, folder / name)


def _share(source: Path, target: Path) -> None:
    """Gives a file a second name, or a copy that name where the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError:
        _copy_bytes(source, target)
        sync(target)


def _copy_bytes(source: Path, target: Path) -> None:
    """Copies a file within the kernel; a clone where the file system can."""
    with source.open("rb") as reader, target.open("wb") as writer:
        while os.copy_file_range(reader.fileno(), writer.fileno(), CHUNK_BYTES):
            pass


def _swap(home: Home, release_id: str) -> None:
    beside = home.root / f".current.{uuid.uuid4().hex[:8]}.part"
    beside.symlink_to(Path("releases") / release_id)
    beside.replace(home.current)
    sync(home.root)
