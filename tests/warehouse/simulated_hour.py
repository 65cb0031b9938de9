"""An hour of the simulated market, landed from three venues: observations as well as events."""

from __future__ import annotations

import os
from unittest import mock

from tests.warehouse.hand_made import at
from unwind.landing.land import hour_batch, land_venue, seal_batch
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator

VENUES = ("binance", "bybit", "okx")


def land_simulated(home: Home, hour: int) -> None:
    tape, now = short_tape(), at(hour + 1, 1)
    write_segments(tape, home.recorder, at(hour), at(hour + 1))
    with Simulator(tape, now=now) as server:
        settings = {**server.environment(), "UNWIND_TRACKED_INSTRUMENTS": "2"}
        with mock.patch.dict(os.environ, settings):
            for venue in VENUES:
                land_venue(home, hour_batch(at(hour)), venue, lambda: now)
    seal_batch(home, hour_batch(at(hour)), lambda: now, VENUES)
