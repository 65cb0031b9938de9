"""Synthetic days of a market of many assets: prices, positions, funding, caps and liquidations."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from tests.benchmarks.made_hours import binance_frame
from unwind.landing.csv_files import read_csv
from unwind.landing.csv_reading import ReadOptions
from unwind.landing.land import day_batch
from unwind.landing.ledger import HourCoverage, Landing, Ledger
from unwind.landing.raw import RawObject, RawZone
from unwind.settings import PROJECT_ROOT, Home

FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
HOURS_OF_A_DAY = 24
AFTER_THE_DAY = timedelta(days=1, hours=4)
# An asset's log price moves by this much in an hour: 90% a year.
HOURLY_SIGMA = 0.0095
# Of the way back to an asset's usual open interest, in an hour: half of it in a day and a half.
REVERSION = 0.02
# Of an asset's open interest, in an hour in which its price does not move.
LIQUIDATED_SHARE = 2e-5


class Market:
    """Random walks of a number of assets' prices and open interest, the same for each seed."""

    def __init__(self, assets: int, seed: int = 2026) -> None:
        self._draw = np.random.default_rng(seed)
        self.assets = _names()[:assets]
        self._prices_usd = 90_000.0 / (1 + np.arange(assets)) ** 1.5
        self._usual_open_interest_usd = 8e9 / (1 + np.arange(assets))
        self._open_interest_usd = self._usual_open_interest_usd
        self._supply = 1e12 / self._prices_usd / (1 + np.arange(assets))

    def land_day(self, home: Home, day_at: datetime) -> None:
        """Lands and seals the next day: a file of all assets for each dataset."""
        bars, positions, caps, frames = [], [], [], []
        funding = [
            (f"{asset}USDT", _ms(day_at + timedelta(hours=hour)), f"{rate:.6f}", 8)
            for hour in (0, 8, 16)
            for asset, rate in zip(self.assets, self._draw.normal(1e-4, 1e-4, 50), strict=False)
        ]
        for hour in range(HOURS_OF_A_DAY):
            hour_at = day_at + timedelta(hours=hour)
            opened = self._prices_usd
            moves = HOURLY_SIGMA * self._draw.standard_t(4, len(self.assets)) / 2**0.5
            self._prices_usd = opened * np.exp(moves)
            reach = np.exp(np.abs(self._draw.normal(0, HOURLY_SIGMA / 2, (2, len(self.assets)))))
            highs = np.maximum(opened, self._prices_usd) * reach[0]
            lows = np.minimum(opened, self._prices_usd) / reach[1]
            pull = REVERSION * np.log(self._usual_open_interest_usd / self._open_interest_usd)
            self._open_interest_usd = self._open_interest_usd * np.exp(
                self._draw.normal(0, 0.01, len(self.assets)) - np.minimum(moves, 0) ** 2 * 20 + pull
            )
            for place, asset in enumerate(self.assets):
                name, at_ms = f"{asset}USDT", _ms(hour_at)
                prices = (opened[place], highs[place], lows[place], self._prices_usd[place])
                volume_usd = self._open_interest_usd[place] * (0.1 + 5 * abs(moves[place]))
                bars.append((name, at_ms, *(f"{one:.8g}" for one in prices), f"{volume_usd:.2f}"))
                coins = self._open_interest_usd[place] / self._prices_usd[place]
                positions.append((name, at_ms + 3_599_000, f"{coins:.10g}"))
                cap_usd = self._prices_usd[place] * self._supply[place]
                caps.append((asset, at_ms + 3_590_000, f"{cap_usd:.2f}"))
                frames += self._liquidations(hour_at, place, moves[place], lows[place])
        self._land(home, day_at, bars, positions, funding, caps, frames)

    def _liquidations(
        self, hour_at: datetime, place: int, move: float, low_usd: float
    ) -> Iterable[str]:
        count = int(self._draw.poisson(1 + 40 * abs(move)))
        for moment in np.sort(self._draw.integers(0, 3_599_000, count)):
            at_ms = _ms(hour_at) + int(moment)
            notional_usd = (
                self._open_interest_usd[place] * LIQUIDATED_SHARE * self._draw.lognormal(0, 1)
            )
            side = "SELL" if self._draw.random() < (0.85 if move < 0 else 0.15) else "BUY"
            yield binance_frame(
                f"{self.assets[place]}USDT", side, low_usd, notional_usd / low_usd, at_ms
            )

    def _land(self, home: Home, day_at: datetime, *tables: list) -> None:
        bars, positions, funding, caps, frames = tables
        batch, landed_at = day_batch(day_at), day_at + AFTER_THE_DAY
        zone, ledger = RawZone(home), Ledger(home)
        files = {
            "bars": (
                "bars-csv",
                ("instrument", "open_time", "open", "high", "low", "close", "volume_usd"),
                bars,
                {"bar": "1h", "price_kind": "last"},
            ),
            "open_interest": (
                "oi-csv",
                ("instrument", "time", "open_interest"),
                positions,
                {"unit": "base", "sides": "one"},
            ),
            "funding": (
                "funding-csv",
                ("instrument", "time", "funding_rate", "interval_hours"),
                funding,
                {},
            ),
        }
        landings = [
            Landing(dataset, "ok", "", 0, (_put_csv(zone, dataset, *file, landed_at),), landed_at)
            for dataset, file in files.items()
        ]
        recorded = zone.put(
            "".join(frames).encode(),
            venue="binance",
            dataset="liquidations",
            format="frames",
            name=f"binance/{day_at:%Y-%m-%d}.ndjson",
            received_at=landed_at,
        )
        coverage = tuple(
            HourCoverage(day_at + timedelta(hours=hour), "stream", "complete", 1.0)
            for hour in range(HOURS_OF_A_DAY)
        )
        landings.append(
            Landing("liquidations", "ok", "", 0, (recorded,), landed_at, coverage=coverage)
        )
        ledger.record_landing(batch.batch_id, "binance", landings)
        header = ("asset", "time", "market_cap_usd")
        file = ("market-caps-csv", header, caps, {"source": "made"})
        listed = _put_csv(zone, "market_caps", *file, landed_at, venue="market_caps")
        ledger.record_landing(
            batch.batch_id,
            "market_caps",
            [Landing("market_caps", "ok", "", 0, (listed,), landed_at)],
        )
        ledger.seal(batch, landed_at)


def _put_csv(
    zone: RawZone,
    dataset: str,
    format: str,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    settings: dict[str, str],
    landed_at: datetime,
    venue: str = "binance",
) -> RawObject:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    name = f"{dataset}-{landed_at:%Y-%m-%d}.csv"
    obj = zone.put(
        text.getvalue().encode(),
        venue=venue,
        dataset=dataset,
        format=format,
        name=name,
        imported_at=landed_at,
    )
    lines = zone.lines_path(venue, obj.sha256)
    reading = read_csv(lines, name, venue, format, ReadOptions(settings))
    return RawObject(**{**vars(obj), "reading": reading.as_json()})


def _names() -> list[str]:
    """Assets that perpetual swaps trade: those of the seed that are not a dollar."""
    with (PROJECT_ROOT / "dbt_project/seeds/assets.csv").open() as seed:
        rows = csv.DictReader(seed)
        return [one["base_asset"] for one in rows if one["sector"] != "stablecoin"]


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
