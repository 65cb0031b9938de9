"""From a fact back to its raw bytes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from unwind.database import connect
from unwind.errors import UnknownNameError, UnwindError
from unwind.landing.ledger import Ledger
from unwind.landing.raw import RawObject, RawZone
from unwind.settings import Home
from unwind.warehouse.releases import current_db


class NoSuchLiquidationError(UnknownNameError):
    """The current release has no such fact; the text says so."""


class DamagedLineageError(UnwindError, RuntimeError):
    """The raw bytes behind a fact have changed; the text says which and what to do."""


@dataclass(frozen=True)
class Sighting:
    """One raw line that reported a liquidation; `text` is that line as it was landed.

    A line may hold many rows (an answer, a frame): `row_in_line` counts them from 1.
    """

    liquidation_id: str
    venue: str
    source_kind: str
    parser: str
    batch_id: str
    raw_object: str
    raw_line: int
    row_in_line: int
    name: str
    text: str


def sightings_of(home: Home, liquidation_id: str) -> list[Sighting]:
    """Every sighting of a liquidation in the current release, the winner first.

    Each line is read from its raw object, which is verified first. Raises NoSuchLiquidationError,
    NoReleaseError, DamagedLineageError.
    """
    try:
        wanted = uuid.UUID(liquidation_id)
    except ValueError:
        raise NoSuchLiquidationError(
            f"{liquidation_id!r} is no liquidation_id; take one from marts.fct_liquidations"
        ) from None
    with connect(home, current_db(home), read_only=True) as release:
        rows = release.execute(
            "select liquidation_id::varchar, venue, source_kind, parser, batch_id, raw_object,"
            " raw_line, row_in_line from marts.liquidation_sightings where liquidation_id = ?"
            " order by sighting_rank",
            [wanted],
        ).fetchall()
    if not rows:
        raise NoSuchLiquidationError(
            f"the current release has no liquidation {wanted}; take an id from"
            " marts.fct_liquidations"
        )
    reader = RawReader(home)
    lines = [reader.line(batch_id=row[4], sha256=row[5], number=row[6]) for row in rows]
    return [Sighting(*(*row, line.name, line.text)) for row, line in zip(rows, lines, strict=True)]


@dataclass(frozen=True)
class RawLine:
    """A line of a raw object: the object's name, and the line as it was landed."""

    name: str
    text: str


class RawReader:
    """Reads raw lines, each from an object whose bytes have been verified first, once."""

    def __init__(self, home: Home) -> None:
        self._zone = RawZone(home)
        self._ledger = Ledger(home)
        self._objects: dict[tuple[str, str], RawObject] = {}

    def line(self, batch_id: str, sha256: str, number: int) -> RawLine:
        """A line, from 1. Raises DamagedLineageError where its bytes have changed or are gone."""
        obj = self._objects.get((batch_id, sha256))
        if obj is None:
            obj = self._objects[batch_id, sha256] = self._verified(batch_id, sha256)
        return RawLine(obj.name, self._zone.line(obj, number) or "")

    def _verified(self, batch_id: str, sha256: str) -> RawObject:
        obj = self._object(batch_id, sha256)
        damage = self._zone.damage(obj)
        if damage:
            raise DamagedLineageError(
                f"{damage}, so it cannot be shown where this fact comes from ({obj.name}); restore "
                "it from a backup, or import the file again"
            )
        return obj

    def _object(self, batch_id: str, sha256: str) -> RawObject:
        seal = self._ledger.last_seal(batch_id)
        for landings in seal.landings.values() if seal else ():
            for landing in landings:
                for obj in landing.objects:
                    if obj.sha256 == sha256:
                        return obj
        raise DamagedLineageError(
            f"the ledger has no object {sha256} in {batch_id} any longer; `unwind doctor` names "
            "entries that cannot be read, `unwind refresh` builds what the ledger has now"
        )
