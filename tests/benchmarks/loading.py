"""What others do with a file of Binance's frames.

Run as `python -m tests.benchmarks.loading NAME FILE HOURS`. Each parses the frames, gives them
types, keeps one of each event, and writes the sums of each hour, instrument and side as CSV: hour
(UTC), instrument, side, notional in USD, events.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

SIDES = {"SELL": "long", "BUY": "short"}
# The fields of an order by which two reports are of one event.
NATURAL_KEY = ["s", "S", "z", "ap", "T", "p", "q"]

# Tardis's mapper takes a raw message of the combined stream. It gives no key, and takes the order's
# limit as the price, so its dollars are not those of the others.
TARDIS = """
const fs = require('fs')
const readline = require('readline')
const [folder, file, hours] = process.argv.slice(1)
const load = require('module').createRequire(require('path').resolve(folder) + '/')
const mapper = load('tardis-dev').normalizeLiquidations('binance-futures', new Date('2026-01-19'))
async function main() {
  const sums = new Map()
  for await (const line of readline.createInterface({ input: fs.createReadStream(file) })) {
    const { received_at, frame } = JSON.parse(line)
    const data = JSON.parse(frame)
    const message = { stream: data.o.s.toLowerCase() + '@forceOrder', data }
    if (!mapper.canHandle(message)) continue
    for (const one of mapper.map(message, new Date(received_at))) {
      const hour = one.timestamp.toISOString().slice(0, 13).replace('T', ' ') + ':00:00'
      const key = [hour, one.symbol, one.side === 'sell' ? 'long' : 'short'].join(',')
      const sum = sums.get(key) || { usd: 0, events: 0 }
      sum.usd += one.price * one.amount
      sum.events += 1
      sums.set(key, sum)
    }
  }
  const rows = [...sums].map(([key, sum]) => `${key},${sum.usd},${sum.events}\\n`)
  fs.writeFileSync(hours, rows.join(''))
}
main()
"""

TABLE = """
create table facts (
    liquidation_id uuid primary key,
    instrument text,
    liquidated_side text,
    quantity_base numeric(38, 12),
    price_usd numeric(38, 12),
    notional_usd numeric(38, 4),
    event_at timestamptz,
    received_at timestamptz
)
"""
INSERT = "insert into facts values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing"
HOURS = """
select to_char(date_trunc('hour', event_at at time zone 'UTC'), 'YYYY-MM-DD HH24:MI:SS'),
    instrument, liquidated_side, sum(notional_usd), count(*)
from facts group by 1, 2, 3
"""


def with_pandas(file: Path, hours: Path) -> None:
    """In memory, in binary floating point."""
    import pandas as pd

    lines = pd.read_json(file, lines=True, dtype=False)
    orders = pd.DataFrame.from_records([json.loads(frame)["o"] for frame in lines["frame"]])
    orders["received_at"] = pd.to_datetime(lines["received_at"], format="ISO8601", utc=True)
    facts = orders.sort_values("received_at").drop_duplicates(NATURAL_KEY)
    facts = pd.DataFrame(
        {
            "hour_at": pd.to_datetime(facts["T"], unit="ms").dt.floor("h"),
            "instrument": facts["s"],
            "liquidated_side": facts["S"].map(SIDES),
            "notional_usd": facts["z"].astype(float) * facts["ap"].astype(float),
        }
    )
    sums = facts.groupby(["hour_at", "instrument", "liquidated_side"], as_index=False).agg(
        notional_usd=("notional_usd", "sum"), events=("notional_usd", "size")
    )
    sums.to_csv(hours, index=False, header=False, date_format="%Y-%m-%d %H:%M:%S")


def with_polars(file: Path, hours: Path) -> None:
    """Lazily, by the streaming engine, in binary floating point."""
    import polars as pl

    texts = dict.fromkeys([name for name in NATURAL_KEY if name != "T"], pl.String)
    order = pl.Struct({**texts, "T": pl.Int64})
    (
        pl.scan_ndjson(file, schema={"received_at": pl.String, "frame": pl.String})
        .with_columns(pl.col("frame").str.json_decode(pl.Struct({"o": order})))
        .select("received_at", pl.col("frame").struct.field("o").struct.unnest())
        .sort("received_at")
        .unique(NATURAL_KEY, keep="first")
        .select(
            pl.from_epoch("T", time_unit="ms").dt.truncate("1h").alias("hour_at"),
            pl.col("s").alias("instrument"),
            pl.col("S").replace_strict(SIDES).alias("liquidated_side"),
            (pl.col("z").cast(pl.Float64) * pl.col("ap").cast(pl.Float64)).alias("notional_usd"),
        )
        .group_by("hour_at", "instrument", "liquidated_side")
        .agg(pl.col("notional_usd").sum(), pl.len().alias("events"))
        .collect(engine="streaming")
        .write_csv(hours, include_header=False, datetime_format="%Y-%m-%d %H:%M:%S")
    )


def with_postgres(file: Path, hours: Path) -> None:
    """One insert a row, in one transaction; libpq's variables name the server."""
    import psycopg2

    connection = psycopg2.connect("")
    with connection, connection.cursor() as cursor, file.open() as lines:
        cursor.execute(TABLE)
        cursor.executemany(INSERT, rows_to_insert(lines))
        cursor.execute(HOURS)
        with hours.open("w", newline="") as written:
            csv.writer(written).writerows(cursor.fetchall())
    connection.close()


def rows_to_insert(lines: Iterator[str]) -> Iterator[tuple]:
    """The rows of `facts`, one a frame."""
    for line in lines:
        envelope = json.loads(line)
        order = json.loads(envelope["frame"])["o"]
        key = "|".join(str(order[name]) for name in NATURAL_KEY)
        quantity, price = Decimal(order["z"]), Decimal(order["ap"])
        yield (
            hashlib.md5(f"binance|{key}".encode(), usedforsecurity=False).hexdigest(),
            order["s"],
            SIDES[order["S"]],
            quantity,
            price,
            quantity * price,
            datetime.fromtimestamp(order["T"] / 1000, UTC),
            envelope["received_at"],
        )


LOADERS: dict[str, Callable[[Path, Path], None]] = {
    "pandas": with_pandas,
    "polars": with_polars,
    "postgres": with_postgres,
}

if __name__ == "__main__":
    LOADERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
