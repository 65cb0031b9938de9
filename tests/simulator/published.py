"""What a tape's venues published, and what they send of it."""

from __future__ import annotations

from unwind.simulator.exchanges import exchanges
from unwind.simulator.market.positions import SIDES
from unwind.simulator.market.tape import Tape


def totals_usd(
    tape: Tape, from_ms: int, to_ms: int, *, published: bool = True
) -> dict[str, dict[str, float]]:
    """Liquidated USD by venue and side in [from, to)."""
    totals: dict[str, dict[str, float]] = {}
    for venue in sorted(set(tape.venue_of.tolist())):
        numbers = tape.rows(venue, from_ms, to_ms, published=published)
        sides = tape.liquidations.side[numbers]
        usd = tape.liquidations.notional_usd[numbers]
        totals[venue] = {name: float(usd[sides == code].sum()) for code, name in enumerate(SIDES)}
    return totals


def frames(
    venue: str, tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """What a venue's only stream pushes in [from, to): the instants, and the texts."""
    [stream] = exchanges()[venue].streams
    return stream.frames(tape, from_ms, to_ms, symbols)
