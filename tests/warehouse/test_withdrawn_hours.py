"""Hours leave the spine with the imports that put them there: increments give what a full build
gives, and both pass the gates against the release that still had these hours."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from tests.warehouse.hand_made import at, marts, query
from unwind.landing.csv_reading import ReadOptions
from unwind.landing.imports import import_files
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

SPINE = "select min(hour_at), max(hour_at), count(*) from marts.dim_hours"
LAST_HOUR = "select last_hour_at from marts.release"
SETTINGS = {
    **{"bar": "1h", "price_kind": "last", "volume_unit": "base"},
    "instrument": "BTC-USDT-SWAP",
}


def clock() -> datetime:
    return at(20)


def of_hour(hour: int) -> datetime:
    """An hour as the warehouse stores it: naive UTC."""
    return at(hour).replace(tzinfo=None)


def import_event(home: Home, folder: Path, hour: int) -> str:
    """A sale of 0.1 BTC at 80,000 in the hour's first second; returns its batch."""
    file = folder / f"{hour}.csv"
    event_ms = int(at(hour, 0, 1).timestamp() * 1000)
    file.write_text(f"BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,{event_ms},8000\n")
    seal = import_files(home, "binance", "force-order-csv", [file], clock).seal
    assert seal
    return seal.batch.batch_id


def import_bars(home: Home, file: Path, zone: str) -> None:
    options = ReadOptions({**SETTINGS, "zone": zone})
    import_files(home, "okx", "bars-csv", [file], clock, options)


def test_a_withdrawn_and_a_reread_import_leave_what_a_full_build_has(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    import_event(home, tmp_path, 14)
    newest = import_event(home, tmp_path, 17)
    bars = tmp_path / "bars.csv"
    bars.write_text(
        "timestamp,open,high,low,close,volume\n"
        "2026-01-29 14:00:00,85000,85100,84900,85050,12\n"
        "2026-01-29 15:00:00,85050,85200,85000,85100,10\n"
    )
    import_bars(home, bars, "UTC")
    refresh(home, clock=clock)
    assert query(home, SPINE) == [(of_hour(14), of_hour(17), 4)]

    # 15:00 to 17:00 go with the newest event, and the bars are of 08:00 and 09:00.
    Ledger(home).withdraw(newest, None, "a wrong file", clock() + timedelta(minutes=1))
    import_bars(home, bars, "+06:00")
    rebuilt = Home(tmp_path / "rebuilt")
    shutil.copytree(home.root, rebuilt.root, symlinks=True)
    refresh(home, clock=clock)
    assert query(home, SPINE) == [(of_hour(8), of_hour(14), 7)]
    assert query(home, LAST_HOUR) == [(of_hour(14),)]
    assert query(
        home, "select hour_at from marts.venue_coverage_hourly group by all order by all"
    ) == [(of_hour(hour),) for hour in range(8, 15)]

    refresh(rebuilt, full=True, clock=clock)
    one, two = marts(home), marts(rebuilt)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
