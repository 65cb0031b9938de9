"""A file of frames to a published release, against DuckDB alone making one table of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.benchmarks.container import Outcome, run_within
from tests.benchmarks.made_hours import write_frames
from tests.benchmarks.memory import CONTAINER, commands
from unwind.settings import Home

FRAMES = 2_000_000

# The floor: read the bytes, extract a fact's fields, give each fact a key and keep one of each, in
# order of time, and add up the hours.
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
    qualify row_number() over (partition by liquidation_id order by received_at) = 1
    order by event_at
''', [sys.argv[1]])
database.execute('''
    create table hours as
    select date_trunc('hour', event_at) as hour_at, instrument, liquidated_side,
        sum(notional_usd) as notional_usd, count(*) as events,
    from facts group by all
''')
database.execute("checkpoint")
"""


def bulk(folder: Path, frames: int = FRAMES) -> None:
    """Prints the seconds and the peak memory of both, each within 2 GiB, and their ratio."""
    home, file = Home(folder / "home"), folder / "frames.ndjson"
    write_frames(file, frames)
    environment = {**os.environ, "UNWIND_HOME": str(home.root)}
    floor = [sys.executable, "-c", FLOOR, str(file), str(folder / "floor.duckdb")]
    size = file.stat().st_size / 1e6
    print(f"{frames:,} frames, {size:,.0f} MB")
    alone = _measured("DuckDB alone", floor, environment)
    seconds = sum(
        _measured(name, argv, environment).seconds for name, argv in commands(file).items()
    )
    print(f"bytes to release: {seconds:.1f} s, {seconds / alone.seconds:.2f} times DuckDB alone")


def _measured(name: str, argv: list[str], environment: dict[str, str]) -> Outcome:
    outcome = run_within(CONTAINER, argv, environment)
    if outcome.returncode:
        raise RuntimeError(f"{name} ended with exit code {outcome.returncode}")
    within = "" if outcome.was_limited else ", unlimited: no group can be made here"
    peak = f"{outcome.peak / 2**20:,.0f} MiB at most{within}"
    print(f"{name}: {outcome.seconds:.1f} s, {peak}", flush=True)
    return outcome
