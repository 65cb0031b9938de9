"""Synthetic hours of liquidations for benchmarks: plausible sizes, any number of events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from unwind.landing.land import hour_batch
from unwind.landing.ledger import Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home

FIRST_HOUR = datetime(2026, 1, 19, tzinfo=UTC)
ASSETS = {"BTC": 85_000.0, "ETH": 2_850.0, "SOL": 118.0, "XRP": 1.8, "DOGE": 0.12, "SUI": 1.3}
AFTER_THE_HOUR = timedelta(seconds=20)


def hour_at(place: int) -> datetime:
    """The hour `place` hours after the first."""
    return FIRST_HOUR + timedelta(hours=place)


def land_hour(home: Home, hour: datetime, events: int) -> None:
    """Lands and seals an hour with this many events of two venues (a fifth of them Bybit's)."""
    draw = random.Random(f"{hour:%Y%m%d%H}")
    landed_at = hour + timedelta(hours=1) + AFTER_THE_HOUR
    batch = hour_batch(hour)
    zone, ledger = RawZone(home), Ledger(home)
    counts = {"binance": events - events // 5, "bybit": events // 5}
    for venue, count in counts.items():
        lines = _binance(hour, count, draw) if venue == "binance" else _bybit(hour, count, draw)
        obj = zone.put(
            "".join(lines).encode(),
            venue=venue,
            dataset="liquidations",
            format="frames",
            name=f"{venue}/{hour:%Y-%m-%dT%H}.ndjson",
            received_at=landed_at,
        )
        ledger.record_landing(
            batch.batch_id, venue, [Landing("liquidations", "ok", "", 0, (obj,), landed_at)]
        )
    ledger.seal(batch, landed_at)


def write_frames(path: Path, count: int) -> None:
    """Writes this many of Binance's frames, spread over the day of the first hour."""
    draw = random.Random(count)
    start_ms = int(FIRST_HOUR.timestamp() * 1000)
    with path.open("w") as file:
        for place in range(count):
            at_ms = start_ms + place * 86_400_000 // count
            file.write(_binance_frame(at_ms, draw))


def _moments(hour: datetime, count: int, draw: random.Random) -> Iterator[tuple[int, datetime]]:
    start_ms = int(hour.timestamp() * 1000)
    for place in sorted(draw.sample(range(3_599_000), count)):
        at_ms = start_ms + place
        yield at_ms, datetime.fromtimestamp((at_ms + 40) / 1000, UTC)


def _order(draw: random.Random) -> tuple[str, float, float]:
    asset = draw.choice(list(ASSETS))
    price = ASSETS[asset] * (1 + draw.gauss(0, 0.004))
    return asset, price, draw.lognormvariate(8, 1.3) / price


def _binance(hour: datetime, count: int, draw: random.Random) -> Iterator[str]:
    for at_ms, _ in _moments(hour, count, draw):
        yield _binance_frame(at_ms, draw)


def _binance_frame(at_ms: int, draw: random.Random) -> str:
    asset, price, quantity = _order(draw)
    side = "SELL" if draw.random() < 0.7 else "BUY"
    return binance_frame(f"{asset}USDT", side, price, quantity, at_ms)


def binance_frame(symbol: str, side: str, price_usd: float, quantity: float, at_ms: int) -> str:
    """A recorded line of an order that was filled at one price, received 40 ms afterwards."""
    amount = f"{quantity:.6f}"
    order = {
        **{"s": symbol, "S": side, "o": "LIMIT", "f": "IOC", "q": amount},
        **{"p": f"{price_usd * 0.996:.6f}", "ap": f"{price_usd:.6f}", "X": "FILLED", "l": amount},
        **{"z": amount, "T": at_ms},
    }
    received_at = datetime.fromtimestamp((at_ms + 40) / 1000, UTC)
    return _envelope(received_at, {"e": "forceOrder", "E": at_ms + 4, "o": order, "st": 1})


def _bybit(hour: datetime, count: int, draw: random.Random) -> Iterator[str]:
    for at_ms, received_at in _moments(hour, count, draw):
        asset, price, quantity = _order(draw)
        side = "Buy" if draw.random() < 0.7 else "Sell"
        row = {"T": at_ms, "s": f"{asset}USDT", "S": side, "v": f"{quantity:.6f}"}
        row["p"] = f"{price:.6f}"
        frame = {"topic": f"allLiquidation.{asset}USDT", "type": "snapshot", "ts": at_ms + 9}
        yield _envelope(received_at, {**frame, "data": [row]})


def _envelope(received_at: datetime, frame: dict) -> str:
    return json.dumps({"received_at": received_at.isoformat(), "frame": json.dumps(frame)}) + "\n"
