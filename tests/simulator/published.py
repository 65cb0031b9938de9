"""The totals that a tape's venues published, and the frames that they send."""

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
    """Instants and texts of the frames that a venue's only stream pushes in [from, to)."""
    [stream] = exchanges()[venue].streams
    return stream.frames(tape, from_ms, to_ms, symbols)


def windows_from_order(tape: Tape, venue: str, from_ms: int, to_ms: int) -> list[list[int]]:
    """A venue's liquidations by contract and window; the first after a window opens the next."""
    at_ms, instrument = tape.liquidations.at_ms, tape.liquidations.instrument
    windows: dict[int, list[list[int]]] = {}
    # Rows are ordered by time.
    for row in tape.rows(venue, from_ms, to_ms, published=False).tolist():
        of_contract = windows.setdefault(int(instrument[row]), [])
        if of_contract and at_ms[row] < at_ms[of_contract[-1][0]] + 1000:
            of_contract[-1].append(row)
        else:
            of_contract.append([row])
    return [window for of_contract in windows.values() for window in of_contract]
