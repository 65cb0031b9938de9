"""What each venue publishes of its liquidations, and when it pushes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unwind.simulator.market.positions import Columns, Integers
from unwind.simulator.market.scenario import PublicationRule, Scenario
from unwind.simulator.market.steady import epoch_ms, jitter

# An order that is published at once, as recorded of Binance until 2026-04: 2 to 6 ms.
PUSH_MS = 5


def published(scenario: Scenario, columns: Columns) -> tuple[NDArray[np.bool_], Integers]:
    """Which rows each venue publishes, and when it pushes them (epoch ms)."""
    at_ms, instrument = columns["at_ms"], columns["instrument"]
    shown = np.ones(len(at_ms), dtype=bool)
    pushed = at_ms.copy()
    phase = jitter(np.arange(len(scenario.instruments)), 0, 90, salt=3)
    venue_of = np.array([one.venue for one in scenario.instruments])
    for venue in sorted(set(venue_of.tolist())):
        of_venue = np.flatnonzero((venue_of == venue)[instrument])
        for kind, rows in _rows_by_kind(scenario.rules[venue], at_ms, of_venue):
            if kind == "all":
                # One push every half second per symbol carries everything that happened in it.
                window = -(-(at_ms[rows] + 1) // 500) * 500
                pushed[rows] = window + phase[instrument[rows]]
                continue
            if kind.endswith("_from_order"):
                window, opened_ms = _windows_from_order(instrument[rows], at_ms[rows])
                weight = (
                    -at_ms[rows] if kind == "first_from_order" else columns["notional_usd"][rows]
                )
            else:
                second = at_ms[rows] // 1000
                window = instrument[rows].astype(np.int64)
                if kind == "largest_per_side":
                    window = 2 * window + columns["side"][rows]
                window = window * 10**11 + second
                weight = at_ms[rows] if kind == "latest" else columns["notional_usd"][rows]
                opened_ms = second * 1000 + phase[instrument[rows]]
            order = np.lexsort((rows, weight, window))
            is_last = np.append(np.diff(window[order]) != 0, True)
            shown[rows] = False
            shown[rows[order[is_last]]] = True
            pushed[rows] = opened_ms + (PUSH_MS if kind == "first_from_order" else 1000)
    return shown, pushed


def _windows_from_order(instrument: Integers, at_ms: Integers) -> tuple[Integers, Integers]:
    """The window of each row, as a number, and when it was opened (epoch ms).

    A contract's first row opens a window of a second; the first one after it opens the next.
    """
    order = np.lexsort((at_ms, instrument))
    at = instrument[order].astype(np.int64) * 10**14 + at_ms[order]
    after = np.searchsorted(at, at + 1000).tolist()
    opens = np.zeros(len(at), dtype=bool)
    place = 0
    while place < len(after):
        opens[place] = True
        place = after[place]
    number, opened = np.empty(len(at), dtype=np.int64), np.empty(len(at), dtype=np.int64)
    number[order] = np.cumsum(opens) - 1
    opened[order] = at_ms[order][opens][np.cumsum(opens) - 1]
    return number, opened


def _rows_by_kind(
    rule: PublicationRule, at_ms: Integers, rows: Integers
) -> list[tuple[str, Integers]]:
    """A venue's rows, parted at the instants from which another kind of publication holds."""
    starts = [epoch_ms(at) for at, _ in rule.changes]
    kinds = [rule.kind, *(kind for _, kind in rule.changes)]
    period = np.searchsorted(starts, at_ms[rows], side="right")
    parts = [(kind, rows[period == number]) for number, kind in enumerate(kinds)]
    return [(kind, part) for kind, part in parts if len(part)]
