"""From a fact back to the bytes it was read from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from unwind.database import connect
from unwind.errors import UnwindError
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.warehouse.releases import current_db


class NoSuchLiquidationError(UnwindError, LookupError):
    """The current release has no such fact; the text says so."""


@dataclass(frozen=True)
class Sighting:
    """One raw line that told of a liquidation; `text` is that line as it was landed.

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

    Raises NoSuchLiquidationError, NoReleaseError.
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
    zone = RawZone(home)
    return [Sighting(*row, *_raw_line(home, zone, row[4], row[1], row[5], row[6])) for row in rows]


def _raw_line(
    home: Home, zone: RawZone, batch_id: str, venue: str, raw_object: str, raw_line: int
) -> tuple[str, str]:
    from unwind.landing.ledger import Ledger

    name = raw_object
    seal = Ledger(home).last_seal(batch_id)
    for landing in seal.landings.get(venue, ()) if seal else ():
        for obj in landing.objects:
            if obj.sha256 == raw_object:
                name = obj.name
    with connect(home) as lines:
        text = lines.execute(
            "select text from read_parquet(?) where raw_line = ?",
            [str(zone.lines_path(venue, raw_object)), raw_line],
        ).fetchone()
    return name, text[0] if text else ""
