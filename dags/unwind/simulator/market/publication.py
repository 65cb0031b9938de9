"""What each venue publishes of its liquidations, and when it pushes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unwind.simulator.market.positions import Columns, Integers
from unwind.simulator.market.scenario import PublicationRule, Scenario
from unwind.simulator.market.steady import epoch_ms, jitter


def published(scenario: Scenario, columns: Columns) -> tuple[NDArray[np.bool_], Integers]:
    """Which rows each venue publishes, and when it pushes them (epoch ms)."""
    at_ms, instrument = columns["at_ms"], columns["instrument"]
    shown = np.ones(len(at_ms), dtype=bool)
    pushed = at_ms.copy()
    second = at_ms // 1000
    phase = jitter(np.arange(len(scenario.instruments)), 0, 90, salt=3)
    venue_of = np.array([one.venue for one in scenario.instruments])
    for venue in sorted(set(venue_of.tolist())):
        of_venue = np.flatnonzero((venue_of == venue)[instrument])
        for kind, rows in _rows_by_kind(scenario.rules[venue], at_ms, of_venue):
            if kind == "all":
                # A push every half second per symbol carries whatever happened in it.
                window = -(-(at_ms[rows] + 1) // 500) * 500
                pushed[rows] = window + phase[instrument[rows]]
                continue
            weight = at_ms[rows] if kind == "latest" else columns["notional_usd"][rows]
            group = instrument[rows].astype(np.int64)
            if kind == "largest_per_side":
                group = 2 * group + columns["side"][rows]
            order = np.lexsort((rows, weight, second[rows], group))
            keys = group[order] * 10**11 + second[rows][order]
            last_of_group = np.append(keys[1:] != keys[:-1], True)
            shown[rows] = False
            shown[rows[order[last_of_group]]] = True
            pushed[rows] = (second[rows] + 1) * 1000 + phase[instrument[rows]]
    return shown, pushed


def _rows_by_kind(
    rule: PublicationRule, at_ms: Integers, rows: Integers
) -> list[tuple[str, Integers]]:
    """A venue's rows, parted at the instants from which another kind of publication holds."""
    starts = [epoch_ms(at) for at, _ in rule.changes]
    kinds = [rule.kind, *(kind for _, kind in rule.changes)]
    period = np.searchsorted(starts, at_ms[rows], side="right")
    parts = [(kind, rows[period == number]) for number, kind in enumerate(kinds)]
    return [(kind, part) for kind, part in parts if len(part)]
