"""A file of frames to a published release, against DuckDB alone making one table of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.benchmarks.container import run_within
from tests.benchmarks.made_hours import write_frames
from tests.benchmarks.marts import note_speeds
from tests.benchmarks.memory import CONTAINER, commands
from tests.benchmarks.report import Report
from unwind.settings import Home

FRAMES = 2_000_000

# The floor: read the bytes, extract a fact's fields, give each fact a key, and add up the hours. It
# keeps facts that are there twice: DuckDB drops them from eight million only in more than 1.5 GB.
FLOOR = """
import sys, duckdb
database = duckdb.connect(sys.argv[2])
database.execute(
    "set memory_limit = '1GB'; set threads = 2; set TimeZone = 'UTC';"
    " set preserve_insertion_order = false; set enable_progress_bar = false"
)
database.execute('''
    create table facts as
    with
    frames as (
        select
            received_at,
            json_extract_string(
                frame, ['$.o.s', '$.o.S', '$.o.z', '$.o.ap', '$.o.T', '$.o.p', '$.o.q']
            ) as fields,
        from read_json(
            ?, format='newline_delimited', columns={received_at: 'timestamptz', frame: 'varchar'}
        )
    ),
    typed as (
        select
            try_cast(md5(concat_ws('|', 'binance', array_to_string(fields, '|'))) as uuid)
                as liquidation_id,
            fields[1] as instrument,
            if(fields[2] = 'SELL', 'long', 'short') as liquidated_side,
            try_cast(fields[3] as decimal(38, 12)) as quantity_base,
            try_cast(fields[4] as decimal(38, 12)) as price_usd,
            try_cast(fields[3]::double * fields[4]::double as decimal(38, 4)) as notional_usd,
            epoch_ms(try_cast(fields[5] as bigint)) as event_at,
            received_at,
        from frames
    )
    from typed
''', [sys.argv[1]])
database.execute('''
    create table hours as
    select date_trunc('hour', event_at) as hour_at, instrument, liquidated_side,
        sum(notional_usd) as notional_usd, count(*) as events,
    from facts group by all
''')
database.execute("checkpoint")
"""


def bulk(report: Report, folder: Path, frames: int = FRAMES) -> None:
    """Notes the seconds and the peaks of both, each within 2 GiB, their ratio, and each model.

    Raises RuntimeError where one fails.
    """
    home, file = Home(folder / "home"), folder / "frames.ndjson"
    write_frames(file, frames)
    environment = {**os.environ, "UNWIND_HOME": str(home.root)}
    floor = [sys.executable, "-c", FLOOR, str(file), str(folder / "floor.duckdb")]
    report.note("input", frames=frames, megabytes=file.stat().st_size / 1e6)

    def seconds_of(name: str, argv: list[str], spills_to: Path) -> float:
        outcome = run_within(CONTAINER, argv, environment, spills_to)
        report.note(name, **outcome.figures)
        if outcome.returncode:
            raise RuntimeError(f"{name} ended with exit code {outcome.returncode}")
        return outcome.seconds

    alone = seconds_of("DuckDB alone", floor, folder / "floor.duckdb.tmp")
    seconds = sum(seconds_of(name, argv, home.temp) for name, argv in commands(file).items())
    report.note("bytes to release", seconds=seconds, times_duckdb_alone=seconds / alone)
    note_speeds(report, home)
