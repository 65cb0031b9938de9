"""Damage in a home, file by file, with what to do about it; and repairs where possible.

Raw objects are read whole and compared with their checksums, lines with their objects, databases
block by block. `quick` looks at all files and reads a sample: each raw object once in
SAMPLED_DAYS days.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from unwind.landing.ledger import (
    SEALED_NAME,
    Landing,
    Ledger,
    LedgerError,
    SealRef,
    read_landed,
    read_withdrawal,
)
from unwind.landing.leftovers import leftovers_of, sweep_home
from unwind.landing.raw import RawObject, RawZone
from unwind.progress import Progress, no_progress
from unwind.settings import Home
from unwind.warehouse import contents, continuity, files, releases
from unwind.warehouse.work_list import HOLD_RELEASE_NAME
from unwind.warehouse.writing import WriterBusyError, writer_lock

# 2026-11-25: a daily `unwind doctor --quick` has read every raw object after so many days.
SAMPLED_DAYS = 20
DIFFERENCES_SHOWN = 5
RAW_NAME = re.compile(r"[0-9a-f]{64}\.(zst|zip|lz4|gz|parquet)")


@dataclass(frozen=True)
class Finding:
    """The result of one check: whether it passed, and otherwise what to do."""

    is_fine: bool
    what: str
    remedy: str = ""


def verify(
    home: Home, now: datetime, quick: bool = False, report: Progress = no_progress
) -> Iterator[Finding]:
    """Every damaged, foreign or left-over file of the home; one line per kind of sound files."""
    yield from _summed("the ledger's entries can be read", _ledger_findings(home))
    yield from _summed("raw objects and their lines", _raw_findings(home, now, quick, report))
    yield from _summed("the warehouse's two files belong together", _pair_findings(home, quick))
    yield from _summed("the releases can be read", _release_findings(home, quick))
    yield from _summed("nothing is left of killed processes", _leftover_findings(home))


def repair(home: Home, now: datetime, report: Progress = no_progress) -> Iterator[str]:
    """Repairs what sound files allow; returns a line for each repair.

    Lines are derived from their raw objects, open parts from sealed batches and the other way
    round, and what killed processes have left is deleted. Nothing else is touched.
    """
    with writer_lock(home):
        for path in [*sweep_home(home), *_swept(home)]:
            yield f"{path} was left by a killed process; it is deleted"
        yield from _repaired_ledger(home, now)
    zone, objects = RawZone(home), _objects(home)
    for place, obj in enumerate(objects):
        report("deriving lines", place, len(objects))
        if zone.damage(obj) is None and zone.damaged_lines(obj, all_of_it=True):
            problem = zone.derive_lines(obj)
            yield problem or f"the lines of {obj.venue} {obj.name} are derived again"


def _summed(sound: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The failed checks; a single line where all passed."""
    found = list(findings)
    bad = [one for one in found if not one.is_fine]
    yield from bad
    if not bad:
        counted = next((one.what for one in found), "")
        yield Finding(True, counted or sound)


def _ledger_findings(home: Home) -> Iterator[Finding]:
    ledger = Ledger(home)
    for path in _visible(home.batches.glob("*")):
        named = SEALED_NAME.fullmatch(path.name)
        if named is None or not path.is_file():
            yield _foreign(path, "a sealed batch")
            continue
        try:
            ledger.read(SealRef(named["batch_id"], int(named["revision"]), path))
        except LedgerError as error:
            yield _from_sentence(error)
    for path in _visible(home.landed.glob("*")):
        if not path.is_dir():
            yield _foreign(path, "an open batch")
    for path in _visible(home.landed.glob("*/*")):
        if path.suffix != ".json":
            yield _foreign(path, "a venue's part of an open batch")
            continue
        try:
            read_landed(path)
        except LedgerError as error:
            yield _from_sentence(error)
    for path in _visible(home.withdrawals.glob("*")):
        try:
            read_withdrawal(path)
        except LedgerError as error:
            yield _from_sentence(error)
    for path in _visible(home.hold_releases.glob("*")):
        # Only the name counts.
        if HOLD_RELEASE_NAME.fullmatch(path.name) is None:
            yield _foreign(path, "a held part that was let through")


def _raw_findings(home: Home, now: datetime, quick: bool, report: Progress) -> Iterator[Finding]:
    zone, objects = RawZone(home), _objects(home)
    read = 0
    for place, obj in enumerate(objects):
        report("verifying the raw zone", place, len(objects))
        is_read = not quick or int(obj.sha256[:8], 16) % SAMPLED_DAYS == (
            now.toordinal() % SAMPLED_DAYS
        )
        read += is_read
        yield from _findings_of(zone, obj, is_read)
    report("verifying the raw zone", len(objects), len(objects))
    for path in _visible(home.raw_objects.glob("*/*/*")):
        if RAW_NAME.fullmatch(path.name) is None:
            yield _foreign(path, "a raw object")
    yield Finding(
        True,
        f"{len(objects):,} raw objects are there with their lines, {read:,} of them read whole",
    )


def _findings_of(zone: RawZone, obj: RawObject, is_read: bool) -> Iterator[Finding]:
    path = zone.object_path(obj.venue, obj.sha256, obj.packing)
    damage = None
    if is_read:
        damage = zone.damage(obj)
    elif not path.exists():
        damage = f"the raw object {path} is missing"
    lines = zone.damaged_lines(obj, all_of_it=is_read and damage is None)
    again = "`unwind import` it again" if obj.imported_at else "land it again while it is kept"
    if damage and lines:
        yield Finding(
            False,
            f"{damage}, and {lines}",
            f"restore one of them from a backup, or {again} ({obj.name}); until then a rebuild "
            "leaves this part out and says so",
        )
    elif damage:
        yield Finding(
            False,
            damage,
            f"restore it from a backup, or {again} ({obj.name}); its lines are whole, so its rows "
            "stay in the warehouse",
        )
    elif lines:
        yield Finding(
            False,
            lines,
            "`unwind doctor --repair` derives them from the raw object, which is sound",
        )


def _pair_findings(home: Home, quick: bool) -> Iterator[Finding]:
    if not any(path.exists() for path in files.pair(home)):
        return
    try:
        # A refresh that begins meanwhile waits, where it would find the files open.
        with writer_lock(home, 0, no_progress):
            found = list(_findings_of_the_pair(home, quick))
    except WriterBusyError:
        what = "a refresh is writing the warehouse's files; it looks at them itself"
        found = [Finding(True, what)]
    except OSError:
        # A home that can only be read has no writer.
        found = list(_findings_of_the_pair(home, quick))
    yield from found


def _findings_of_the_pair(home: Home, quick: bool) -> Iterator[Finding]:
    try:
        wrong = files.wrong_with(home)
    except files.WarehouseFileError as error:
        yield _from_sentence(error)
        return
    if wrong:
        yield Finding(
            False,
            wrong,
            "`unwind refresh` rebuilds both files from the raw zone; readers stay on the release",
        )
        return
    for path in files.pair(home) if not quick else ():
        problem = _unreadable_table(home, path)
        if problem:
            yield Finding(
                False, problem, "`unwind refresh --full` rebuilds it; readers stay on the release"
            )


def _release_findings(home: Home, quick: bool) -> Iterator[Finding]:
    again = (
        "delete its folder; `unwind refresh` publishes another where it is the current one, "
        "`unwind releases --roll-back ID` takes one that is there"
    )
    for folder in _visible(home.releases.glob("*")):
        described, database = folder / "release.json", folder / "warehouse.duckdb"
        if not folder.is_dir():
            yield _foreign(folder, "a release")
            continue
        try:
            if json.loads(described.read_text())["release_id"] != folder.name:
                yield Finding(
                    False, f"{described} is of another release", f"restore it, or {again}"
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield Finding(False, f"{described} cannot be read ({error})", f"restore it, or {again}")
        if not database.is_file():
            yield Finding(False, f"{database} is missing", again)
            continue
        problem = _unreadable_table(home, database, counts_only=quick)
        if problem:
            yield Finding(False, problem, again)
        elif not quick:
            yield from _differing_rows(folder, again)
    if home.current.is_symlink() and not releases.has_current(home):
        try:
            releases.current_db(home)
        except releases.NoReleaseError as error:
            yield _from_sentence(error)


def _differing_rows(release: Path, remedy: str) -> Iterator[Finding]:
    """Marts whose rows are not those that were recorded when the release was made."""
    try:
        differences = continuity.verify_release(release)
    except (OSError, duckdb.Error) as error:
        recorded = release / contents.CONTENTS_FILE
        yield Finding(False, f"{recorded} cannot be read ({_first_line(error)})", remedy)
        return
    for difference in differences[:DIFFERENCES_SHOWN]:
        yield Finding(False, f"{release / 'warehouse.duckdb'}: {difference.sentence}", remedy)


def _leftover_findings(home: Home) -> Iterator[Finding]:
    for path in leftovers_of(home):
        yield Finding(
            False,
            f"{path} was left by a process that was killed",
            "`unwind doctor --repair` deletes it; most are deleted by the next landing or refresh",
        )
    rebuilt = files.beside(home)
    if rebuilt.warehouse_dir.exists() and not _is_writing(home):
        yield Finding(
            False,
            f"{rebuilt.warehouse_dir} was left by a rebuild that did not come to its end",
            "the next `unwind refresh` deletes it",
        )


def _is_writing(home: Home) -> bool:
    try:
        with writer_lock(home, 0, no_progress):
            return False
    except WriterBusyError:
        return True
    except OSError:
        return False


def _unreadable_table(home: Home, path: Path, counts_only: bool = False) -> str | None:
    """The first table of a database that cannot be read, as a sentence; None where all can."""
    try:
        with files.opened(home, path) as connection:
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name ="
                " current_database() order by all"
            ).fetchall()
            for schema, table in tables:
                # A checksum of all columns has to read each block.
                wanted = "count(*)" if counts_only else "bit_xor(hash(t))"
                try:
                    connection.execute(f'select {wanted} from "{schema}"."{table}" as t').fetchall()
                except duckdb.Error as error:
                    return f"{path}: {schema}.{table} cannot be read ({_first_line(error)})"
    except (files.UnusableFileError, files.WarehouseFileError) as error:
        return str(error)
    except duckdb.Error as error:
        return f"{path} cannot be read ({_first_line(error)})"
    return None


def _repaired_ledger(home: Home, now: datetime) -> Iterator[str]:
    ledger = Ledger(home)
    for path in _visible(home.landed.glob("*/*.json")):
        try:
            read_landed(path)
        except LedgerError:
            last = ledger.last_seal(path.parent.name)
            if last and path.stem in last.landings:
                ledger.record_landing(path.parent.name, path.stem, last.landings[path.stem])
                yield f"{path} is written again, from {last.batch.batch_id} r{last.revision}"
    for ref in ledger.sealed():
        try:
            ledger.read(ref)
        except LedgerError:
            seal = _sealed_again(home, ledger, ref, now)
            if seal:
                yield seal


def _sealed_again(home: Home, ledger: Ledger, ref: SealRef, now: datetime) -> str | None:
    from unwind.landing.land import batch_of
    from unwind.landing.ledger import Batch

    last = ledger.last_seal(ref.batch_id)
    is_import = ref.batch_id.startswith("import-")
    try:
        batch = last.batch if last else None
        batch = batch or (Batch(ref.batch_id, "import") if is_import else batch_of(ref.batch_id))
    except ValueError:
        return None
    if not any(home.landed.glob(f"{ref.batch_id}/[!.]*.json")):
        return None
    seal = ledger.seal(batch, now)
    return f"{ref.batch_id} is sealed again as r{seal.revision}, from what had landed"


def _swept(home: Home) -> list[Path]:
    found = list(leftovers_of(home))
    for path in found:
        if path.is_file() or path.is_symlink():
            path.unlink(missing_ok=True)
    return found


def _objects(home: Home) -> list[RawObject]:
    """Every raw object that an open or sealed batch has, once."""
    ledger = Ledger(home)
    found: dict[tuple[str, str], RawObject] = {}

    def add(landings: tuple[Landing, ...] | list[Landing]) -> None:
        for landing in landings:
            for obj in landing.objects:
                known = found.get((obj.venue, obj.sha256))
                if known is None or known.problem:
                    found[obj.venue, obj.sha256] = obj

    for ref in ledger.sealed():
        readable = ledger.readable(ref)
        for landings in ledger.read(readable).landings.values() if readable else ():
            add(landings)
    for path in _visible(home.landed.glob("*/*.json")):
        try:
            add(read_landed(path))
        except LedgerError:
            continue
    return [found[key] for key in sorted(found)]


def _visible(paths: Iterator[Path]) -> list[Path]:
    return sorted(path for path in paths if not path.name.startswith("."))


def _foreign(path: Path, what: str) -> Finding:
    return Finding(
        False, f"{path} is not {what} of this home", "nothing reads it; move it to where it belongs"
    )


def _from_sentence(error: Exception) -> Finding:
    """A sentence of the form 'what is wrong; what to do'."""
    what, _, remedy = str(error).partition("; ")
    return Finding(False, what, remedy or "see docs/operations.md")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
