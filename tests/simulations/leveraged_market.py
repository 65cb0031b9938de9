"""A market of leveraged positions, made by mechanism: what the liquidation map is tried on.

Every contract has a long and a short, each with a leverage of its own. Positions open at prices of
their bar, close at random, and are liquidated where the mark price reaches their liquidation
price, at that price. A closed or liquidated side passes its contract to somebody new, or meets the
other side closing, and then open interest falls. Open interest, bars and liquidations are all that
is published.

The parameters were fixed before the first graded run; one in which openings were in proportion to
the open positions, and so grew without end, was thrown away. The mix of leverage and where in a
bar positions open differ from what the map assumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVERAGES = np.array([3.0, 8.0, 10.0, 20.0, 25.0, 40.0, 50.0, 75.0, 100.0])
# Not the map's: 3x, 8x, 20x, 40x and 75x are no leverages of it, and 20x to 50x are most of it.
TRUE_MIX = np.array([0.05, 0.05, 0.10, 0.20, 0.15, 0.20, 0.15, 0.05, 0.05])
MAINTENANCE_RATE = 0.004
BAR_SECONDS = 300
BARS_OF_A_DAY = 288
BARS_OF_AN_HOUR = 12
# Daily volatility of a calm and of a moving day, and the share of moving days.
CALM_SIGMA, MOVING_SIGMA, MOVING_DAYS = 0.015, 0.05, 0.25
# Contracts opened in an hour, and the share of the open positions that close on their own in it.
OPENED_PER_HOUR, CLOSED_PER_HOUR = 24, 0.012
# How often a leaving side passes its contract on instead of meeting the other side closing.
PASSED_ON = 0.4
POSITION_USD = 50_000.0
START_POSITIONS = 1_200
FIRST_AT = datetime(2026, 1, 1)  # noqa: DTZ001


@dataclass
class Side:
    """The open positions of one side; sizes in coins."""

    is_long: bool
    entry: Floats
    liquidation: Floats
    size: Floats

    def open(self, entry: Floats, size: Floats, draw: np.random.Generator) -> None:
        """Adds positions, each with a leverage of the true mix."""
        leverage = draw.choice(LEVERAGES, len(entry), p=TRUE_MIX)
        sign = -1.0 if self.is_long else 1.0
        liquidation = entry * (1 + sign / leverage) / (1 + sign * MAINTENANCE_RATE)
        self.entry = np.append(self.entry, entry)
        self.liquidation = np.append(self.liquidation, liquidation)
        self.size = np.append(self.size, size)

    def take_out(self, leaving: npt.NDArray[np.bool_]) -> None:
        """Removes positions."""
        kept = ~leaving
        self.entry, self.liquidation = self.entry[kept], self.liquidation[kept]
        self.size = self.size[kept]

    def reduce(self, coins: float, draw: np.random.Generator) -> None:
        """Closes random positions of so many coins."""
        order = draw.permutation(len(self.size))
        before = np.cumsum(self.size[order]) - self.size[order]
        leaving = np.zeros(len(order), dtype=bool)
        leaving[order[before + self.size[order] <= coins]] = True
        self.take_out(leaving)


@dataclass(frozen=True)
class Tape:
    """What the market published: bars and open interest by bar, liquidations."""

    bars: Floats  # open, high, low, close, traded USD
    open_interest: Floats  # coins at each bar's end, one more at the start
    liquidations: list[tuple[int, str, float, float]]  # bar, side, price, USD


def simulate(seed: int, days: int) -> Tape:
    """A market of so many days."""
    draw = np.random.default_rng(seed)
    price = 100.0
    sides = {"long": _side(True, price, draw), "short": _side(False, price, draw)}
    bars = np.zeros((days * BARS_OF_A_DAY, 5))
    open_interest = np.zeros(len(bars) + 1)
    open_interest[0] = sides["long"].size.sum()
    liquidations: list[tuple[int, str, float, float]] = []
    for bar in range(len(bars)):
        if bar % BARS_OF_A_DAY == 0:
            sigma = MOVING_SIGMA if draw.random() < MOVING_DAYS else CALM_SIGMA
        steps = draw.normal(0, sigma / np.sqrt(BARS_OF_A_DAY * 10), 10)
        path = price * np.exp(np.append(0.0, np.cumsum(steps)))
        low, high, close = path.min(), path.max(), path[-1]
        forced = 0.0
        for name, other in (("long", "short"), ("short", "long")):
            forced += _liquidate(sides, name, other, bar, (low, high), draw, liquidations)
        traded = _trade(sides, (low, high, close), draw) + forced
        bars[bar] = (price, high, low, close, traded * close)
        price = close
        open_interest[bar + 1] = sides["long"].size.sum()
    return Tape(bars, open_interest, liquidations)


def _side(is_long: bool, price: float, draw: np.random.Generator) -> Side:
    side = Side(is_long, np.zeros(0), np.zeros(0), np.zeros(0))
    side.open(np.full(START_POSITIONS, price), np.full(START_POSITIONS, POSITION_USD / price), draw)
    return side


def _liquidate(
    sides: dict[str, Side],
    name: str,
    other: str,
    bar: int,
    bounds: tuple[float, float],
    draw: np.random.Generator,
    liquidations: list[tuple[int, str, float, float]],
) -> float:
    side, (low, high) = sides[name], bounds
    dead = side.liquidation >= low if side.is_long else side.liquidation <= high
    if not dead.any():
        return 0.0
    prices = np.clip(side.liquidation[dead], low, high)
    sizes = side.size[dead].copy()
    side.take_out(dead)
    liquidations += [
        (bar, name, float(price), float(price * size))
        for price, size in zip(prices, sizes, strict=True)
    ]
    _leave(sides, name, other, prices, sizes, draw)
    return float(sizes.sum())


def _leave(
    sides: dict[str, Side],
    name: str,
    other: str,
    prices: Floats,
    sizes: Floats,
    draw: np.random.Generator,
) -> None:
    """Passes contracts on to new positions of the same side, or closes the other side's."""
    passed = draw.random(len(sizes)) < PASSED_ON
    sides[name].open(prices[passed], sizes[passed], draw)
    before = sides[other].size.sum()
    sides[other].reduce(float(sizes[~passed].sum()), draw)
    rest = sizes[~passed].sum() - (before - sides[other].size.sum())
    if rest > 0:
        # Positions do not divide evenly: the rest is somebody new's.
        sides[name].open(np.array([prices.mean()]), np.array([rest]), draw)


def _trade(
    sides: dict[str, Side], prices: tuple[float, float, float], draw: np.random.Generator
) -> float:
    """Voluntary closings and openings of a bar; the coins traded."""
    low, high, close = prices
    traded = 0.0
    for name, other in (("long", "short"), ("short", "long")):
        side = sides[name]
        leaving = draw.random(len(side.size)) < CLOSED_PER_HOUR / BARS_OF_AN_HOUR / 2
        if leaving.any():
            sizes = side.size[leaving].copy()
            side.take_out(leaving)
            _leave(sides, name, other, np.full(len(sizes), close), sizes, draw)
            traded += sizes.sum()
    count = draw.poisson(OPENED_PER_HOUR / BARS_OF_AN_HOUR)
    sizes = draw.exponential(POSITION_USD, count) / close
    # Not even over the bar: buyers chase its upper third.
    entries = low + (high - low) * draw.beta(4, 2, count)
    for side in sides.values():
        side.open(entries, sizes, draw)
    return traded + float(sizes.sum())


def publish(connection: duckdb.DuckDBPyConnection, asset: str, tape: Tape) -> None:
    """Adds a market's tape, as venue binance's, to the tables that the map's models read."""
    count = len(tape.bars)
    starts = [FIRST_AT + timedelta(seconds=BAR_SECONDS * bar) for bar in range(count)]
    bars = {
        "observed_at": np.array(starts, "datetime64[us]"),
        **{name: tape.bars[:, place] for place, name in enumerate(("o", "h", "l", "c", "v"))},
    }
    hours = np.arange(0, count, BARS_OF_AN_HOUR)
    interest = {
        "hour_at": bars["observed_at"][hours],
        "start_base": tape.open_interest[hours],
        "end_base": tape.open_interest[hours + BARS_OF_AN_HOUR],
        "close": tape.bars[hours + BARS_OF_AN_HOUR - 1, 3],
    }
    bar, side, price, usd = zip(*tape.liquidations, strict=True)
    events = {
        "hour_at": bars["observed_at"][np.array(bar) // BARS_OF_AN_HOUR * BARS_OF_AN_HOUR],
        "side": np.array(side, dtype=str),
        "price": np.array(price),
        "usd": np.array(usd),
    }
    for name, columns in (("bars", bars), ("interest", interest), ("events", events)):
        connection.register(name, columns)
    for statement in PUBLISHED:
        connection.execute(statement.replace("{asset}", asset))
    for name in ("bars", "interest", "events"):
        connection.unregister(name)


PUBLISHED = (
    """
    insert into int_tracked_assets_hourly by name
    select hour_at, '{asset}' as base_asset, hour_at + interval 1 hour as available_at
    from interest
    """,
    """
    insert into fct_prices by name
    select
        'binance' as venue, '{asset}USDT' as instrument, '{asset}' as base_asset,
        'last' as price_kind, observed_at, observed_at + interval 300 second as close_at,
        300 as bar_seconds, o as open_usd, h as high_usd, l as low_usd, c as close_usd,
        v as volume_usd, v / c as volume_base, date_trunc('hour', observed_at) as hour_at
    from bars
    """,
    """
    insert into int_price_series_hourly by name
    select
        date_trunc('hour', observed_at) as hour_at, 'binance' as venue,
        '{asset}USDT' as instrument, '{asset}' as base_asset, 'USDT' as quote_asset, price_kind,
        300 as bar_seconds, arg_min(o, observed_at) as open_usd, max(h) as high_usd,
        min(l) as low_usd, arg_max(c, observed_at) as close_usd,
        max(observed_at) + interval 300 second as close_at, true as is_fresh,
        sum(v) filter (where price_kind = 'last') as volume_usd, 3600 as covered_seconds,
        true as has_range, true as is_best_bars,
        date_trunc('hour', observed_at) + interval 1 hour as available_at
    from bars cross join (values ('mark'), ('last')) as kinds(price_kind)
    group by all
    """,
    """
    insert into int_instrument_open_interest_hourly by name
    select
        hour_at, 'binance' as venue, '{asset}USDT' as instrument, '{asset}' as base_asset,
        start_base as oi_start_base, end_base as oi_end_base, start_base * close as oi_start_usd,
        end_base * close as oi_end_usd, hour_at + interval 1 hour as available_at
    from interest
    """,
    """
    insert into int_instrument_liquidations_hourly by name
    select
        hour_at, 'binance' as venue, '{asset}USDT' as instrument, '{asset}' as base_asset,
        coalesce(sum(usd) filter (where side = 'long'), 0) as long_usd,
        coalesce(sum(usd) filter (where side = 'short'), 0) as short_usd,
        hour_at + interval 1 hour as available_at
    from events group by hour_at
    """,
    """
    insert into int_liquidations_by_bucket by name
    select
        hour_at, '{asset}' as base_asset, 'fill_avg' as price_kind,
        floor(ln(price) / ln(1.0025))::integer as price_bucket,
        coalesce(sum(usd) filter (where side = 'long'), 0) as long_usd,
        coalesce(sum(usd) filter (where side = 'short'), 0) as short_usd,
        hour_at + interval 1 hour as available_at
    from events group by all
    """,
)
TABLES = {
    "int_tracked_assets_hourly": ("hour_at timestamp, base_asset varchar, available_at timestamp"),
    "fct_prices": (
        "venue varchar, instrument varchar, base_asset varchar, price_kind varchar,"
        " observed_at timestamp, close_at timestamp, bar_seconds integer, open_usd double,"
        " high_usd double, low_usd double, close_usd double, volume_usd double,"
        " volume_base double, hour_at timestamp"
    ),
    "int_price_series_hourly": (
        "hour_at timestamp, venue varchar, instrument varchar, base_asset varchar,"
        " quote_asset varchar, price_kind varchar, bar_seconds integer, open_usd double,"
        " high_usd double, low_usd double, close_usd double, close_at timestamp,"
        " is_fresh boolean, volume_usd double, covered_seconds integer, has_range boolean,"
        " is_best_bars boolean, available_at timestamp"
    ),
    "int_instrument_open_interest_hourly": (
        "hour_at timestamp, venue varchar, instrument varchar, base_asset varchar,"
        " oi_start_base double, oi_end_base double, oi_start_usd double, oi_end_usd double,"
        " available_at timestamp"
    ),
    "int_instrument_liquidations_hourly": (
        "hour_at timestamp, venue varchar, instrument varchar, base_asset varchar,"
        " long_usd decimal(38, 4), short_usd decimal(38, 4), available_at timestamp"
    ),
    "int_liquidations_by_bucket": (
        "hour_at timestamp, base_asset varchar, price_kind varchar, price_bucket integer,"
        " long_usd decimal(38, 4), short_usd decimal(38, 4), available_at timestamp"
    ),
}
