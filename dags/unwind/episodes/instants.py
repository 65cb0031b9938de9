"""Instants of events, from the whole seconds or milliseconds that venues date them by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SECOND, MILLISECOND = 1_000_000, 1_000
NANOSECOND = 1e-9


def spread_ties(venue: Integers, microseconds: Integers) -> Floats:
    """The instants of events in seconds, in order, those of one unit of a clock spread over it.

    `venue` numbers each event's clock and `microseconds` is its instant, both of shape (events,).
    A venue whose events all fall on whole seconds dates to the second, any other one to the
    millisecond. The m events of all such venues in one unit are placed at its 1/(2m), 3/(2m), ...:
    their order within it is not known, and at one instant they would have no likelihood. Where two
    kinds of clocks still place events at one instant, these follow each other by a nanosecond.
    """
    unit = np.full(len(venue), MILLISECOND, dtype=np.int64)
    for one in np.unique(venue):
        of_venue = venue == one
        if np.all(microseconds[of_venue] % SECOND == 0):
            unit[of_venue] = SECOND
    start = microseconds - microseconds % unit
    order = np.lexsort((start, unit))
    keys = np.stack([unit[order], start[order]], axis=1)
    _, first, sizes = np.unique(keys, axis=0, return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, sizes)
    within = (place + 0.5) / np.repeat(sizes, sizes)
    instants: Floats = np.sort((start[order] + within * unit[order]) / SECOND)
    while np.any(tied := np.append(False, np.diff(instants) <= 0)):
        instants[tied] += NANOSECOND
    return instants
