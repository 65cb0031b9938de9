"""Estimates of what venues hide: instrument-hours and published events per second."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from unwind.estimates.channels import LARGEST, LATEST, Published, estimate
from unwind.estimates.moments import LONG, SHORT

# Instrument-hours, and the events of each: most of a venue's hours are quiet.
HOURS = {"quiet": (20_000, 3), "busy": (500, 1_000)}


def estimates(_folder: Path) -> None:
    """Prints the speed of both rules over quiet and busy hours."""
    rng = np.random.default_rng(1)
    for name, (hours, per_hour) in HOURS.items():
        row = np.repeat(np.arange(hours), rng.poisson(per_hour, hours))
        place = np.unique(row * 3600 + rng.integers(0, 3600, len(row)))
        usd = np.exp(8 + 1.5 * rng.standard_normal(len(place)))
        side = np.where(rng.random(len(place)) < 0.7, LONG, SHORT)
        published = Published(place // 3600, place % 3600, usd, side)
        for rule in (LATEST, LARGEST):
            started = time.perf_counter()
            estimate(published, [rule] * hours)
            seconds = time.perf_counter() - started
            print(
                f"{name} hours, {rule}: {hours / seconds:,.0f} instrument-hours"
                f" and {len(place) / seconds:,.0f} events per second"
            )
