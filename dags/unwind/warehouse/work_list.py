"""The work list: sealed batches that no release contains, and their left-out parts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from unwind.clock import Clock, parse_instant
from unwind.landing.ledger import Ledger, LedgerError, Seal, SealRef
from unwind.settings import Home
from unwind.warehouse import files, left_out

HOLD_RELEASE_NAME = re.compile(r"(?P<batch_id>[^.].*)\.r(?P<revision>\d+)\.(?P<venue>\w+)\.json")

# A part of a batch that is left out of a build, as (batch, venue, reason).
Part = tuple[str, str, str]


@dataclass(frozen=True)
class Warehouse:
    """Where to read raw data and the ledger, where to build, and as of when.

    `home` holds the raw zone and the ledger; `target` the warehouse and its releases, which is
    the same home unless the past is rebuilt beside it (`as_of`).
    """

    home: Home
    target: Home
    as_of: datetime | None
    clock: Clock


def unbuilt(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> list[SealRef]:
    """The work list: sealed revisions that no release contains yet, and those with other parts held
    or left out than before."""
    built = set(
        connection.execute(
            "select batch_id, revision, holds_released from ops.built_batches"
        ).fetchall()
    )
    releases_of = hold_releases(warehouse.home, warehouse.as_of)
    ledger = Ledger(warehouse.home)
    withdrawals = ledger.withdrawn(warehouse.as_of)
    was_left_out = left_out.noted(connection)
    return [
        ref
        for ref in ledger.sealed(warehouse.as_of)
        if (ref.batch_id, ref.revision, len(releases_of.get(ref.batch_id, ()))) not in built
        or (
            (ref.batch_id in withdrawals or ref.batch_id in was_left_out)
            and left_out.has_changed(
                warehouse.home, ref, was_left_out.get(ref.batch_id, []), withdrawals
            )
        )
    ]


@dataclass(frozen=True)
class Work:
    """The batches to build, with their left-out parts."""

    seals: tuple[Seal, ...]
    left_out: tuple[left_out.LeftOut, ...]
    unreadable: tuple[Part, ...]


def work_of(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> Work:
    """The current work list of the ledger; an unreadable entry affects only itself."""
    ledger = Ledger(warehouse.home)
    built = set(connection.execute("select batch_id, revision from ops.built_batches").fetchall())
    withdrawals = ledger.withdrawn(warehouse.as_of)
    seals, out, unreadable = [], [], []
    for ref in unbuilt(connection, warehouse):
        try:
            seal = ledger.read(ref)
        except LedgerError as error:
            unreadable.append((ref.batch_id, "every venue", str(error)))
            before = ledger.readable(ref)
            if before is None or (before.batch_id, before.revision) in built:
                continue
            seal = ledger.read(before)
        seals.append(seal)
        out += left_out.left_out_of(warehouse.home, seal, withdrawals)
    damaged = [one for one in out if one.kind == left_out.DAMAGED]
    if len(damaged) > 1 and 2 * len(damaged) > sum(len(seal.landings) for seal in seals):
        raise files.WarehouseFileError(
            f"the raw bytes of {len(damaged)} parts are gone, most of what is to be built: "
            f"{damaged[0].reason}. Is the disk of {warehouse.home.root / 'raw'} there? "
            "`unwind doctor` names each file; nothing is built without them"
        )
    return Work(tuple(seals), tuple(out), tuple(unreadable))


def hold_releases(home: Home, as_of: datetime | None = None) -> dict[str, set[tuple[int, str]]]:
    """The (revision, venue) parts of each batch that a person has released, by `as_of`."""
    found: dict[str, set[tuple[int, str]]] = {}
    for path in home.hold_releases.glob("[!.]*.json"):
        named = HOLD_RELEASE_NAME.fullmatch(path.name)
        if named and (as_of is None or _released_at(path) <= as_of):
            part = (int(named["revision"]), named["venue"])
            found.setdefault(named["batch_id"], set()).add(part)
    return found


def _released_at(path: Path) -> datetime:
    """When a part was released; if its file does not state it, when that file was written."""
    try:
        return parse_instant(str(json.loads(path.read_text())["released_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
