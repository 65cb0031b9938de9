"""Small hand-made batches, and functions to compare the contents of two warehouses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from unwind.landing.land import hour_batch
from unwind.landing.ledger import Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home

DAY = datetime(2026, 1, 29, tzinfo=UTC)

# The release's id and times, its runs and its revisions differ by design.
ABOUT_THE_RUN = {"release", "gate_results", "published_releases", "mart_revisions"}


def at(hour: int, minute: int = 0, second: int = 0, millisecond: int = 0) -> datetime:
    """An instant on the day that all tests use."""
    return DAY + timedelta(hours=hour, minutes=minute, seconds=second, milliseconds=millisecond)


def ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def enveloped(frame: str, event_at: datetime) -> str:
    received_at = event_at + timedelta(milliseconds=40)
    return json.dumps({"received_at": received_at.isoformat(), "frame": frame})


def binance(symbol: str, side: str, quantity: str, price: str, event_at: datetime) -> str:
    order = {
        **{"s": symbol, "S": side, "o": "LIMIT", "f": "IOC", "q": quantity, "p": price},
        **{"ap": price, "X": "FILLED", "l": quantity, "z": quantity, "T": ms(event_at)},
    }
    frame = {"e": "forceOrder", "E": ms(event_at) + 5, "o": order, "st": 1}
    return enveloped(json.dumps(frame), event_at)


def bybit(symbol: str, side: str, quantity: str, price: str, event_at: datetime) -> str:
    row = {"T": ms(event_at), "s": symbol, "S": side, "v": quantity, "p": price}
    topic = f"allLiquidation.{symbol}"
    frame = {"topic": topic, "type": "snapshot", "ts": ms(event_at) + 9, "data": [row]}
    return enveloped(json.dumps(frame), event_at)


def okx(instrument: str, side: str, contracts: str, price: str, event_at: datetime) -> str:
    position = "long" if side == "sell" else "short"
    detail = {
        **{"bkLoss": "0", "bkPx": price, "ccy": "", "posSide": position, "side": side},
        **{"sz": contracts, "ts": str(ms(event_at))},
    }
    item = {"details": [detail], "instId": instrument, "instType": "SWAP"}
    arg = {"channel": "liquidation-orders", "instType": "SWAP"}
    return enveloped(json.dumps({"arg": arg, "data": [item]}), event_at)


def okx_instruments(instrument: str, contract_value: str, received_at: datetime) -> str:
    """A REST response that lists one linear swap."""
    base = instrument.split("-", maxsplit=1)[0]
    row = {
        **{"instId": instrument, "instType": "SWAP", "instFamily": f"{base}-USDT"},
        **{"uly": f"{base}-USDT", "ctVal": contract_value, "ctMult": "1", "ctValCcy": base},
        **{"ctType": "linear", "settleCcy": "USDT", "state": "live", "listTime": "1611916828000"},
    }
    request = {
        "url": "https://www.okx.com/api/v5/public/instruments",
        "params": {"instType": "SWAP"},
        "status": 200,
    }
    body = json.dumps({"code": "0", "msg": "", "data": [row]})
    return json.dumps({"received_at": received_at.isoformat(), "request": request, "body": body})


def land(
    home: Home,
    hour: int,
    venue: str,
    lines: Sequence[str],
    dataset: str = "liquidations",
    format: str = "frames",
    landed_at: datetime | None = None,
) -> None:
    """Records one venue's lines as the landing of an hour; by default 20 seconds after its end."""
    landed_at = landed_at or at(hour + 1, 0, 20)
    obj = RawZone(home).put(
        "".join(f"{line}\n" for line in lines).encode(),
        venue=venue,
        dataset=dataset,
        format=format,
        name=f"{venue}/{hour:02d}.ndjson",
        received_at=landed_at,
    )
    batch = hour_batch(at(hour))
    ledger = Ledger(home)
    others = [one for one in ledger.landed(batch.batch_id, venue) if one.dataset != dataset]
    landing = Landing(dataset, "ok", "", 1, (obj,), landed_at)
    ledger.record_landing(batch.batch_id, venue, [*others, landing])


def seal(home: Home, hour: int, sealed_at: datetime | None = None) -> None:
    Ledger(home).seal(hour_batch(at(hour)), sealed_at or at(hour + 1, 0, 30))


def marts(home: Home) -> dict[str, list[tuple]]:
    """Every row of every mart of the current release, sorted, without the marts about the run."""
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        names = [
            row[0]
            for row in release.execute(
                "select table_name from information_schema.tables where table_schema = 'marts'"
            ).fetchall()
        ]
        return {
            name: sorted(release.execute(f"select * from marts.{name}").fetchall(), key=repr)
            for name in names
            if name not in ABOUT_THE_RUN
        }


def query(home: Home, sql: str) -> list[tuple]:
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        return release.execute(sql).fetchall()


def copied(source: Home, target: Path) -> Home:
    """A new home with the same raw zone and ledger, and nothing built."""
    import shutil

    for part in ("raw", "ledger"):
        shutil.copytree(source.root / part, target / part)
    return Home(target)
