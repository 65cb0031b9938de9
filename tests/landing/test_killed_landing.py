"""A landing killed repeatedly, at any moment, ends up the same as an undisturbed one."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from unwind.landing.ledger import Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator

HOUR_AT = datetime(2026, 1, 29, 14, tzinfo=UTC)
NOW = HOUR_AT + timedelta(hours=1, minutes=1)
VENUES = ("binance", "bybit", "deribit", "okx")
# `make chaos` runs more kills.
KILLS = 12 if os.environ.get("UNWIND_CHAOS") == "all" else 4

LAND_AND_SEAL = f"""
import sys
from datetime import datetime
from pathlib import Path
from unwind.landing.land import hour_batch, land_venue, seal_batch
from unwind.settings import Home
home, now = Home(Path(sys.argv[1])), datetime.fromisoformat({NOW.isoformat()!r})
batch = hour_batch(datetime.fromisoformat({HOUR_AT.isoformat()!r}))
print("begins", flush=True)
for venue in {VENUES!r}:
    land_venue(home, batch, venue, lambda: now)
seal_batch(home, batch, lambda: now, {VENUES!r})
"""


def landed(
    home: Home, environment: dict[str, str], seconds: float | None = None
) -> tuple[int, float]:
    """Lands the hour in a process that gets SIGKILL after `seconds`; returns its exit code and how
    long it ran, in seconds."""
    with subprocess.Popen(
        [sys.executable, "-c", LAND_AND_SEAL, str(home.root)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout.readline() == "begins\n"
        started = time.monotonic()
        if seconds is not None:
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
        return process.wait(timeout=120), time.monotonic() - started


def sealed(home: Home) -> dict[str, list[tuple]]:
    """Datasets, outcomes and raw objects of each venue in the hour's newest seal."""
    seal = Ledger(home).last_seal("hour-2026-01-29T14")
    return {
        venue: sorted(
            (one.dataset, one.status, sorted((obj.name, obj.sha256) for obj in one.objects))
            for one in landings
        )
        for venue, landings in seal.landings.items()
    }


def home_with_segments(root: Path) -> Home:
    home = Home(root)
    write_segments(short_tape(), home.recorder, HOUR_AT, HOUR_AT + timedelta(hours=1))
    return home


def landed_twice(folder: Path, environment: dict[str, str]) -> tuple[Home, Home]:
    """A home where the hour landed undisturbed, and one where landings were killed on the way."""
    undisturbed = home_with_segments(folder / "undisturbed")
    code, takes_seconds = landed(undisturbed, environment)
    assert code == 0
    killed = home_with_segments(folder / "killed")
    codes = [
        landed(killed, environment, seconds=takes_seconds * place / KILLS)[0]
        for place in range(KILLS)
    ]
    # The first kills certainly hit the landing; the last may come after its end.
    assert codes[: KILLS // 4] == [-signal.SIGKILL] * (KILLS // 4)
    assert landed(killed, environment)[0] == 0
    return undisturbed, killed


def test_a_landing_killed_at_any_moment_seals_the_same(tmp_path):
    with Simulator(short_tape(), now=NOW) as server:
        environment = {**server.environment(), "UNWIND_TRACKED_INSTRUMENTS": "2"}
        undisturbed, killed = landed_twice(tmp_path, environment)
    assert sealed(killed) == sealed(undisturbed)
    zone = RawZone(killed)
    objects = [
        obj
        for landings in Ledger(killed).last_seal("hour-2026-01-29T14").landings.values()
        for one in landings
        for obj in one.objects
    ]
    assert len(objects) > len(VENUES)
    for obj in objects:
        assert hashlib.sha256(zone.read(obj)).hexdigest() == obj.sha256
        assert zone.lines_path(obj.venue, obj.sha256).is_file()
