"""The venues' parts of sealed batches that are left out of the warehouse, and why.

A person has withdrawn them, or their raw bytes are damaged: the lines do not match the ledger and
cannot be derived again. The rest of the batch is built; the part is in `landing_outcomes` as
failed, with the reason, and is built once the reason is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from unwind.clock import iso
from unwind.landing.coverage import FAILED
from unwind.landing.ledger import (
    EVERY_VENUE,
    Landing,
    Ledger,
    LedgerError,
    Seal,
    SealRef,
    Withdrawal,
)
from unwind.landing.raw import RawObject, RawZone, can_be_read
from unwind.settings import Home
from unwind.warehouse.state import naive_utc

WITHDRAWN, DAMAGED = "withdrawn", "damaged"

Withdrawals = dict[str, dict[str, Withdrawal]]


@dataclass(frozen=True)
class LeftOut:
    """One venue's part of a batch that stays out; `kind` is withdrawn or damaged."""

    batch_id: str
    venue: str
    kind: str
    reason: str


def left_out_of(home: Home, seal: Seal, withdrawals: Withdrawals) -> list[LeftOut]:
    """The parts of a sealed batch that stay out now. Derives lines again where they are damaged."""
    entries = withdrawals.get(seal.batch.batch_id, {})
    found = []
    for venue, landings in seal.landings.items():
        entry = entries.get(venue) or entries.get(EVERY_VENUE)
        if entry:
            reason = f"withdrawn at {iso(entry.noted_at)}: {entry.reason}"
            found.append(LeftOut(seal.batch.batch_id, venue, WITHDRAWN, reason))
            continue
        damages = list(_damages(RawZone(home), landings))
        if damages:
            more = f" (and {len(damages) - 1} more)" if len(damages) > 1 else ""
            reason = (
                f"{damages[0]}{more}; restore it from a backup or import the file again, or "
                f"`unwind withdraw {seal.batch.batch_id} --venue {venue}`"
            )
            found.append(LeftOut(seal.batch.batch_id, venue, DAMAGED, reason))
    return found


def without(seal: Seal, left_out: Sequence[LeftOut]) -> Seal:
    """The sealed batch as the warehouse builds it: left-out parts are failed, and have nothing."""
    reasons = {one.venue: one.reason for one in left_out if one.batch_id == seal.batch.batch_id}
    landings = {
        venue: tuple(_failed(one, reasons[venue]) for one in landings)
        if venue in reasons
        else landings
        for venue, landings in seal.landings.items()
    }
    return replace(seal, landings=landings)


def note(state: duckdb.DuckDBPyConnection, left_out: Sequence[LeftOut]) -> None:
    """Makes these the left-out parts of the batches being built."""
    state.execute(
        "delete from ops.left_out where batch_id in (select batch_id from ops.build_batches)"
    )
    for one in left_out:
        state.execute(
            "insert into ops.left_out values (?, ?, ?, ?)",
            [one.batch_id, one.venue, one.kind, one.reason],
        )


def noted(state: duckdb.DuckDBPyConnection) -> dict[str, list[LeftOut]]:
    """The parts left out of each batch when it was last staged."""
    found: dict[str, list[LeftOut]] = {}
    for row in state.execute("from ops.left_out order by all").fetchall():
        found.setdefault(row[0], []).append(LeftOut(*row))
    return found


def hold_damaged(state: duckdb.DuckDBPyConnection, at: datetime) -> list[tuple[str, str, str]]:
    """Marks the damaged parts of the batches being built as held; returns them."""
    state.execute(
        """
        insert into ops.holds
        select batch_id, revision, venue, reason, ?, null
        from ops.left_out
        inner join ops.build_batches using (batch_id)
        anti join ops.holds using (batch_id, venue)
        where kind = ?
        """,
        [naive_utc(at), DAMAGED],
    )
    return state.execute(
        "select batch_id, venue, reason from ops.left_out"
        " semi join ops.build_batches using (batch_id) where kind = ? order by all",
        [DAMAGED],
    ).fetchall()


def has_changed(
    home: Home, ref: SealRef, before: Sequence[LeftOut], withdrawals: Withdrawals
) -> bool:
    """Whether the left-out parts of a built batch differ from when it was built."""
    was = {one.venue for one in before if one.kind == WITHDRAWN}
    try:
        seal = Ledger(home).read(ref)
    except LedgerError:
        # Planning reads it again and reports it.
        return True
    entries = withdrawals.get(ref.batch_id, {})
    is_now = set(seal.landings) if EVERY_VENUE in entries else set(entries) & set(seal.landings)
    if was != is_now:
        return True
    damaged = [one.venue for one in before if one.kind == DAMAGED]
    zone = RawZone(home)
    return any(not list(_damages(zone, seal.landings.get(venue, ()))) for venue in damaged)


def delete_broken_lines(home: Home, seals: Sequence[Seal]) -> list[Path]:
    """Deletes the derived lines of sealed batches that break where they are read; returns them."""
    zone = RawZone(home)
    broken = [
        path
        for seal in seals
        for landings in seal.landings.values()
        for obj in _objects(landings)
        if not obj.problem
        and (path := zone.lines_path(obj.venue, obj.sha256)).exists()
        and not can_be_read(path)
    ]
    for path in broken:
        path.unlink()
    return broken


def _damages(zone: RawZone, landings: tuple[Landing, ...]) -> Iterator[str]:
    """Objects whose lines do not add up to the ledger, after they were derived again."""
    for obj in _objects(landings):
        if zone.damaged_lines(obj):
            damage = zone.derive_lines(obj)
            if damage:
                yield damage


def _objects(landings: tuple[Landing, ...]) -> Iterator[RawObject]:
    for landing in landings:
        yield from landing.objects


def _failed(landing: Landing, reason: str) -> Landing:
    coverage = landing.coverage and tuple(
        replace(one, outcome=FAILED, covered_share=0.0, detail=reason) for one in landing.coverage
    )
    return replace(
        landing, status="failed", detail=reason, objects=(), coverage=coverage, is_only_early=False
    )
