"""A deterministic market: prices, leveraged positions, the liquidations they end in, and what each
venue publishes of them.

The price path is exogenous (a market factor through stated waypoints, and each asset's own noise).
Positions open at the path's price with a leverage tier, close by themselves after a while, and are
liquidated where the mark price touches their liquidation price first. Every liquidation is kept;
`published` marks those that the venue's publication rule lets out.

Units: prices in USD per symbol unit (1000PEPE is one unit), `_usd` in dollars, `_ms` epoch
milliseconds, UTC. Quantities and prices are whole numbers of steps (`quantity_steps`,
`price_ticks`), so that the text on the wire is exact.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
STEP_SECONDS = 10
STEPS_PER_MINUTE = 60 // STEP_SECONDS
RIPPLE_STEPS = 15 * STEPS_PER_MINUTE
MAINTENANCE_MARGIN = 0.004
LEVERAGES = np.array([5, 10, 25, 50, 100], dtype=np.float64)
LEVERAGE_WEIGHTS = np.array([0.15, 0.30, 0.25, 0.20, 0.10])
LIFETIME_HOURS = np.array([120.0, 72.0, 30.0, 8.0, 3.0])
_WORD = 2**64 - 1
LONG, SHORT = 0, 1
SIDES = ("long", "short")

# Funding pulls the average premium towards the interest rate of eight hours, within a band.
INTEREST_8H = 0.0001
DEAD_BAND = 0.00004
# Where a fifth of a large position is closed first: above this size, the rest after a cool-down.
PARTIAL_USD = 100_000.0
COOLDOWN_MS = 30_000
LIQUIDATION, BACKSTOP, DELEVERAGING = 0, 1, 2


@dataclass(frozen=True)
class Asset:
    """One asset. `anchor_price` is its price at the scenario's anchor instant.

    `supply` gives its market cap. Without `has_spot` no venue has a spot market for it.
    """

    symbol: str
    name: str
    coingecko_id: str
    coinpaprika_id: str
    anchor_price: float
    supply: float
    sector: str
    beta: float = 1.0
    own_volatility: float = 0.015
    ripple: float = 0.0022
    drift_24h: float = 0.0
    oi_usd: float = 0.0
    volume_24h_usd: float = 1e8
    activity: float = 0.0
    position_usd: float = 0.0
    price_decimals: int = 2
    has_spot: bool = True

    @property
    def has_derivatives(self) -> bool:
        return self.activity > 0


@dataclass(frozen=True)
class Instrument:
    """One contract of one venue.

    `contract_size` is what one unit of quantity means: base units (linear) or USD (inverse).
    `multiplier` is the number of coins in one unit of base (1000 for 1000PEPE). `flow_share` and
    `oi_share` are shares of the asset's positions and OI.
    """

    venue: str
    market: str
    symbol: str
    asset: str
    base_asset: str
    quote_asset: str
    inverse: bool
    contract_size: float
    multiplier: float
    quantity_decimals: int
    price_decimals: int
    funding_interval_hours: int
    flow_share: float
    oi_share: float
    size_scale: float = 1.0


@dataclass(frozen=True)
class Waypoint:
    """The market factor's level (BTC price in USD) at an instant."""

    at: datetime
    level: float


@dataclass(frozen=True)
class Appetite:
    """How eagerly positions are opened from an instant on (until the next one), relative to a calm
    market.
    """

    at: datetime
    longs: float
    shorts: float
    size: float = 1.0


@dataclass(frozen=True)
class Wave:
    """Holders without leverage closing too.

    A share of their open interest between two instants, rebuilt by `rebuilt_at`.
    """

    from_at: datetime
    to_at: datetime
    oi_drop_share: float
    rebuilt_at: datetime
    rebuilt_share: float


@dataclass(frozen=True)
class PublicationRule:
    """What a venue lets out of its liquidations, and how it closes.

    `kind`: `all`, or of one contract and one second the `largest`, the `latest` or the
    `largest_per_side`; `changes` are later kinds, each with the instant from which it holds
    (ascending). `price` is the
    one it publishes (`fill`, `bankruptcy` or `mark`), which gives the published value. `fills`: an
    order's fills are published one by one. `partial`: a fifth of a large position is closed first
    and the rest after a cool-down. `backstop`: some orders are taken over by the venue's own
    backstop, or end in deleveraging.
    """

    kind: str
    price: str = "fill"
    fills: bool = False
    partial: bool = False
    backstop: bool = False
    changes: tuple[tuple[datetime, str], ...] = ()


@dataclass(frozen=True)
class Scenario:
    """Everything a tape is made of; two equal scenarios give the same tape."""

    seed: int
    from_at: datetime
    to_at: datetime
    anchor_at: datetime
    assets: tuple[Asset, ...]
    instruments: tuple[Instrument, ...]
    waypoints: tuple[Waypoint, ...]
    appetites: tuple[Appetite, ...]
    waves: tuple[Wave, ...]
    rules: dict[str, PublicationRule]
    factor_volatility: float = 0.014
    positions_per_minute: float = 25.0
    backstop_share: float = 0.03
    stress_from_at: datetime | None = None


class Liquidation(NamedTuple):
    """One row of `Liquidations`; `instrument` is an index, `row` the position in the columns."""

    row: int
    instrument: int
    at_ms: int
    side: int
    quantity_steps: int
    fill_ticks: int
    bankruptcy_ticks: int
    mark_ticks: int
    notional_usd: float
    order_number: int
    position_number: int
    position_steps: int
    kind: int
    pushed_ms: int


@dataclass(frozen=True)
class Liquidations:
    """Columns of all liquidation executions of a tape, in time order.

    One entry is one row as its venue reports it.
    """

    instrument: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    side: NDArray[np.int8]
    quantity_steps: NDArray[np.int64]
    fill_ticks: NDArray[np.int64]
    bankruptcy_ticks: NDArray[np.int64]
    mark_ticks: NDArray[np.int64]
    notional_usd: NDArray[np.float64]
    order_number: NDArray[np.int64]
    position_number: NDArray[np.int64]
    position_steps: NDArray[np.int64]
    kind: NDArray[np.int8]
    published: NDArray[np.bool_]
    pushed_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at_ms)


def epoch_ms(at: datetime) -> int:
    """Epoch milliseconds of an aware instant."""
    return round(at.timestamp() * 1000)


def instant(at_ms: int) -> datetime:
    """The aware UTC instant of epoch milliseconds."""
    seconds, millis = divmod(int(at_ms), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=millis * 1000)


def scrambled(key: NDArray[np.int64] | int, salt: int = 0) -> NDArray[np.uint64]:
    """A fixed pseudo-random 64-bit value for each key (splitmix64).

    Jitter that needs no generator state.
    """
    with np.errstate(over="ignore"):
        mixed = np.asarray(key).astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 & _WORD)
        mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def jitter(key: NDArray[np.int64] | int, low: int, high: int, salt: int = 0) -> NDArray[np.int64]:
    """A fixed pseudo-random integer in [low, high] for each key."""
    return (scrambled(key, salt) % np.uint64(high - low + 1)).astype(np.int64) + low


def steady(*key: int | str) -> float:
    """A fixed pseudo-random number in [0, 1) for a key: stable between runs."""
    mixed = zlib.crc32(repr(key).encode()) * 0x9E3779B97F4A7C15 & _WORD
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _WORD
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


def liquidation_price(entry_price: NDArray, leverage: NDArray, side: NDArray) -> NDArray:
    """Price at which an isolated linear position is liquidated (maintenance margin 0.4%, no tier
    amount).
    """
    long_price = entry_price * (1 - 1 / leverage) / (1 - MAINTENANCE_MARGIN)
    short_price = entry_price * (1 + 1 / leverage) / (1 + MAINTENANCE_MARGIN)
    return np.where(side == LONG, long_price, short_price)


def bankruptcy_price(entry_price: NDArray, leverage: NDArray, side: NDArray) -> NDArray:
    """Price at which a position's margin is exhausted."""
    return entry_price * np.where(side == LONG, 1 - 1 / leverage, 1 + 1 / leverage)


def first_at_or_below(
    path: NDArray, start: NDArray, stop: NDArray, level: NDArray
) -> NDArray[np.int64]:
    """For each (start, stop, level) the first index in [start, stop) where the path is at or below
    the level; -1 if none.
    """
    minima = [path]
    width = 1
    while 2 * width <= len(path):
        last = minima[-1]
        minima.append(np.minimum(last[: len(last) - width], last[width:]))
        width *= 2
    position = start.copy()
    for power in range(len(minima) - 1, -1, -1):
        table = minima[power]
        inside = position < len(table)
        above = inside & (table[np.where(inside, position, 0)] > level)
        position = position + (above.astype(np.int64) << power)
    return np.where(position < stop, position, -1)


class Tape:
    """A generated market. Minute arrays are indexed [asset or instrument, minute].

    `liquidations` holds the truth.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.assets = scenario.assets
        self.instruments = scenario.instruments
        self.start_ms = epoch_ms(scenario.from_at)
        self.end_ms = epoch_ms(scenario.to_at)
        self.minutes = (self.end_ms - self.start_ms) // MINUTE_MS
        self.asset_index = {asset.symbol: number for number, asset in enumerate(self.assets)}
        count = len(self.assets)
        self.mark_open = np.empty((count, self.minutes))
        self.mark_high = np.empty((count, self.minutes))
        self.mark_low = np.empty((count, self.minutes))
        self.mark_close = np.empty((count, self.minutes))
        self.premium = np.zeros((count, self.minutes))
        self.volume_usd = np.zeros((count, self.minutes))
        self.oi_units = np.zeros((len(self.instruments), self.minutes))
        self.liquidations = _generate(self)

    @cached_property
    def instrument_number(self) -> dict[tuple[str, str], int]:
        """(venue, symbol) to the instrument's index."""
        return {(item.venue, item.symbol): number for number, item in enumerate(self.instruments)}

    @property
    def rules(self) -> list[PublicationRule]:
        """The publication rule of each instrument index."""
        return [self.scenario.rules[item.venue] for item in self.instruments]

    @cached_property
    def venue_of(self) -> NDArray[np.str_]:
        """Venue name of each instrument index."""
        return np.array([item.venue for item in self.instruments])

    @cached_property
    def _premium_sums(self) -> NDArray[np.float64]:
        zeros = np.zeros((len(self.assets), 1))
        return np.concatenate([zeros, np.cumsum(self.premium, axis=1)], axis=1)

    def instruments_of(self, venue: str, market: str | None = None) -> list[Instrument]:
        """The venue's instruments, in listing order."""
        return [i for i in self.instruments if i.venue == venue and market in (None, i.market)]

    def minute_of(self, at_ms: int) -> int:
        """Index of the last minute that is complete at an instant, clipped to the tape."""
        return min(max((at_ms - self.start_ms) // MINUTE_MS - 1, 0), self.minutes - 1)

    def mark_price(self, instrument: Instrument, minute: int) -> float:
        """Mark price at a minute's end.

        Venues differ by a few hundredths of a percent from Binance, whose mark is the path's.
        """
        close = self.mark_close[self.asset_index[instrument.asset], minute]
        return float(close * instrument.multiplier * (1 + _venue_offset(instrument.venue, minute)))

    def index_price(self, instrument: Instrument, minute: int) -> float:
        """Index price (spot) at a minute's end."""
        number = self.asset_index[instrument.asset]
        spot = self.mark_close[number, minute] / (1 + self.premium[number, minute])
        return float(spot * instrument.multiplier)

    def funding_rate(self, instrument: Instrument, at_ms: int) -> float:
        """Funding rate per interval of the contract, set from the average premium of the interval
        that ends at the instant.
        """
        hours = instrument.funding_interval_hours
        last = int(np.clip((at_ms - self.start_ms) // MINUTE_MS, 1, self.minutes))
        first = max(0, last - 480)
        sums = self._premium_sums[self.asset_index[instrument.asset]]
        average = float(sums[last] - sums[first]) / (last - first)
        average += 0.00002 * (steady(instrument.symbol, at_ms // HOUR_MS) - 0.5)
        eight_hours = average + min(max(INTEREST_8H - average, -DEAD_BAND), DEAD_BAND)
        return eight_hours * hours / 8

    def funding_times_ms(self, instrument: Instrument, from_ms: int, to_ms: int) -> list[int]:
        """Settlement instants of the contract in [from, to], ascending, within the tape."""
        step = instrument.funding_interval_hours * HOUR_MS
        first = -(-max(from_ms, self.start_ms + step) // step) * step
        return list(range(first, min(to_ms, self.end_ms) + 1, step))

    def oi_contracts(self, instrument: Instrument, minute: int) -> float:
        """One-sided open interest in the venue's unit of quantity at a minute's end."""
        return float(
            self.oi_units[self.instrument_number[(instrument.venue, instrument.symbol)], minute]
        )

    def oi_usd(self, instrument: Instrument, minute: int) -> float:
        """One-sided open interest in USD at a minute's end."""
        contracts = self.oi_contracts(instrument, minute) * instrument.contract_size
        return contracts if instrument.inverse else contracts * self.mark_price(instrument, minute)

    def oi_base(self, instrument: Instrument, minute: int) -> float:
        """One-sided open interest in base units (1000PEPE is one unit) at a minute's end."""
        contracts = self.oi_contracts(instrument, minute) * instrument.contract_size
        return contracts / self.mark_price(instrument, minute) if instrument.inverse else contracts

    def traded_usd_24h(self, instrument: Instrument, minute: int) -> float:
        """What was traded of the contract in the 24 hours up to a minute's end, in USD."""
        volumes = self.volume_usd[self.asset_index[instrument.asset]]
        return float(volumes[max(0, minute - 1439) : minute + 1].sum()) * instrument.oi_share

    def long_short_ratio(self, instrument: Instrument, at_ms: int, kind: str) -> float:
        """Long over short of one kind at an instant; see `long_short_ratios`."""
        return self.long_short_ratios(instrument, [at_ms], kind)[0]

    def long_short_ratios(
        self, instrument: Instrument, instants_ms: Sequence[int], kind: str
    ) -> list[float]:
        """Long over short at each instant: accounts lean long when prices fall.

        `kind` is `accounts`, `top_accounts`, `positions`, `top_positions` or `taker_volume`.
        """
        window = 5 if kind == "taker_volume" else 720
        closes = self.mark_close[self.asset_index[instrument.asset]]
        minutes = np.array([self.minute_of(at_ms) for at_ms in instants_ms], dtype=np.int64)
        change = closes[minutes] / closes[np.maximum(minutes - window, 0)] - 1
        if kind == "taker_volume":
            levels = np.clip(1 + 40 * change, 0.3, 3.0)
        else:
            bases = {
                "accounts": 1.75,
                "top_accounts": 1.55,
                "positions": 1.02,
                "top_positions": 1.25,
            }
            levels = bases[kind] * np.clip(1 - 9 * change, 0.6, 1.8)
        name = f"{instrument.venue} {instrument.symbol} {kind}"
        return [
            level * (0.98 + 0.04 * steady(name, at_ms // (5 * MINUTE_MS)))
            for level, at_ms in zip(levels.tolist(), instants_ms, strict=True)
        ]

    def bars(
        self, asset: str, first: int, last: int, width: int, *, spot: bool = True
    ) -> NDArray[np.float64]:
        """Bars of `width` minutes over minutes [first, last).

        Columns: open, high, low, close, volume_usd. `first` must lie on a bar's start; a last bar
        may be unfinished.
        """
        number = self.asset_index[asset]
        divisor = 1 + self.premium[number, first:last] if spot else 1.0
        edges = np.arange(0, last - first, width)
        if not len(edges):
            return np.empty((0, 5))
        opens = (self.mark_open[number, first:last] / divisor)[edges]
        highs = np.maximum.reduceat(self.mark_high[number, first:last] / divisor, edges)
        lows = np.minimum.reduceat(self.mark_low[number, first:last] / divisor, edges)
        ends = np.minimum(edges + width, last - first) - 1
        closes = (self.mark_close[number, first:last] / divisor)[ends]
        volumes = np.add.reduceat(self.volume_usd[number, first:last], edges)
        return np.column_stack([opens, highs, lows, closes, volumes])

    def market_cap_usd(self, asset: Asset, minute: int) -> float:
        """Market cap at a minute's end."""
        return float(self.mark_close[self.asset_index[asset.symbol], minute] * asset.supply)

    def rows(
        self, venue: str, from_ms: int, to_ms: int, *, published: bool = True
    ) -> NDArray[np.int64]:
        """Positions in `liquidations` of the venue's rows with event time in [from, to), in time
        order.
        """
        all_rows = self.liquidations
        first, last = np.searchsorted(all_rows.at_ms, [from_ms, to_ms])
        wanted = (self.venue_of == venue)[all_rows.instrument[first:last]]
        if published:
            wanted &= all_rows.published[first:last]
        return np.flatnonzero(wanted) + first

    def pushed_rows(self, venue: str, from_ms: int, to_ms: int) -> NDArray[np.int64]:
        """Positions of the venue's published rows that it pushed in [from, to), in order of the
        push.
        """
        numbers = self.rows(venue, from_ms - 10_000, to_ms)
        pushed = self.liquidations.pushed_ms[numbers]
        numbers = numbers[(pushed >= from_ms) & (pushed < to_ms)]
        return numbers[np.argsort(self.liquidations.pushed_ms[numbers], kind="stable")]

    def records(self, numbers: NDArray[np.int64]) -> list[Liquidation]:
        """The rows at these positions as values."""
        columns = (
            getattr(self.liquidations, name)[numbers].tolist() for name in Liquidation._fields[1:]
        )
        return [Liquidation(*values) for values in zip(numbers.tolist(), *columns, strict=True)]

    def liquidated_usd(
        self, instruments: Sequence[Instrument], from_ms: int, to_ms: int, width_ms: int
    ) -> NDArray[np.float64]:
        """USD published as liquidated of some contracts together, in bars of [from, to).

        Shape: bars, and sides in the order of SIDES; a last bar may be cut short.
        """
        all_rows = self.liquidations
        first, last = np.searchsorted(all_rows.at_ms, [from_ms, to_ms])
        numbers = [self.instrument_number[one.venue, one.symbol] for one in instruments]
        wanted = np.isin(all_rows.instrument[first:last], numbers) & all_rows.published[first:last]
        rows = np.flatnonzero(wanted) + first
        sums = np.zeros((-(-max(to_ms - from_ms, 0) // width_ms), len(SIDES)))
        bars = (all_rows.at_ms[rows] - from_ms) // width_ms
        np.add.at(sums, (bars, all_rows.side[rows]), all_rows.notional_usd[rows])
        return sums

    def totals_usd(
        self, from_ms: int, to_ms: int, *, published: bool = True
    ) -> dict[str, dict[str, float]]:
        """Liquidated USD by venue and side in [from, to)."""
        result: dict[str, dict[str, float]] = {}
        for venue in sorted(set(self.venue_of.tolist())):
            numbers = self.rows(venue, from_ms, to_ms, published=published)
            sides = self.liquidations.side[numbers]
            usd = self.liquidations.notional_usd[numbers]
            result[venue] = {
                name: float(usd[sides == code].sum()) for code, name in enumerate(SIDES)
            }
        return result


def _venue_offset(venue: str, minute: int) -> float:
    if venue == "binance":
        return 0.0
    return 0.0003 * (steady(venue, minute // 7) - 0.5)


def _generator(scenario: Scenario, name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([scenario.seed, zlib.crc32(name.encode())]))


def _times(scenario: Scenario, instants: list[datetime]) -> NDArray[np.float64]:
    return np.array(
        [(epoch_ms(at) - epoch_ms(scenario.from_at)) / 1000 / STEP_SECONDS for at in instants]
    )


def _market_factor(scenario: Scenario, steps: int) -> NDArray[np.float64]:
    """Log level of the market factor at each step.

    Straight between waypoints, with a Brownian bridge around the line.
    """
    random = _generator(scenario, "market factor")
    knots = np.clip(
        np.round(_times(scenario, [w.at for w in scenario.waypoints])), 0, steps - 1
    ).astype(np.int64)
    levels = np.log([w.level for w in scenario.waypoints])
    step_volatility = scenario.factor_volatility * np.sqrt(STEP_SECONDS / 86_400)
    walk = np.cumsum(random.standard_normal(steps) * step_volatility)
    grid = np.arange(steps)
    return np.interp(grid, knots, levels) + walk - np.interp(grid, knots, walk[knots])


def _asset_path(
    scenario: Scenario, asset: Asset, factor: NDArray, anchor: int
) -> NDArray[np.float64]:
    """Price at each step; equal to the anchor price at the anchor step."""
    random = _generator(scenario, f"path {asset.symbol}")
    steps = len(factor)
    own = np.cumsum(
        random.standard_normal(steps) * asset.own_volatility * np.sqrt(STEP_SECONDS / 86_400)
    )
    own -= np.interp(np.arange(steps), [0, anchor], [0.0, own[anchor]])
    # Ripples of about a quarter of an hour around the path: what keeps calm hours from being
    # silent.
    knots = np.arange(0, steps + RIPPLE_STEPS, RIPPLE_STEPS)
    ripple = np.interp(np.arange(steps), knots, random.standard_normal(len(knots)) * asset.ripple)
    own += ripple - ripple[anchor]
    # An asset's own drift over the last day sits on top of the factor (a few stay green in a red
    # market).
    own += asset.drift_24h * np.clip((np.arange(steps) - anchor) * STEP_SECONDS / 86_400, -1, 0)
    return asset.anchor_price * np.exp(asset.beta * (factor - factor[anchor]) + own)


def _stepwise(scenario: Scenario, minutes: int, values: list[float]) -> NDArray[np.float64]:
    starts = _times(scenario, [a.at for a in scenario.appetites]) / STEPS_PER_MINUTE
    return np.array(values)[
        np.clip(np.searchsorted(starts, np.arange(minutes), side="right") - 1, 0, None)
    ]


def _patient_share(scenario: Scenario, minutes: int) -> NDArray[np.float64]:
    """Open interest of holders without leverage as a share of its base, over minutes."""
    share = np.ones(minutes)
    grid = np.arange(minutes)
    for wave in scenario.waves:
        knots = _times(scenario, [wave.from_at, wave.to_at, wave.rebuilt_at]) / STEPS_PER_MINUTE
        kept = 1 - wave.oi_drop_share
        share *= np.interp(grid, knots, [1.0, kept, kept + wave.oi_drop_share * wave.rebuilt_share])
    return share


@dataclass(frozen=True)
class _Positions:
    """Columns of one asset's positions."""

    instrument: NDArray[np.int32]
    side: NDArray[np.int8]
    leverage: NDArray[np.float64]
    open_step: NDArray[np.int64]
    close_step: NDArray[np.int64]
    entry_price: NDArray[np.float64]
    size_usd: NDArray[np.float64]


def _open_positions(tape: Tape, asset: Asset, path: NDArray) -> _Positions:
    scenario = tape.scenario
    random = _generator(scenario, f"positions {asset.symbol}")
    listed = [(n, i) for n, i in enumerate(tape.instruments) if i.asset == asset.symbol]
    numbers = np.array([n for n, _ in listed], dtype=np.int32)
    shares = np.cumsum([i.flow_share for _, i in listed])
    scales = np.array([i.size_scale for _, i in listed])
    rate = scenario.positions_per_minute * asset.activity / 2
    growth = _stepwise(scenario, tape.minutes, [a.size for a in scenario.appetites])
    opened, sides = [], []
    for side, eagerness in (
        (LONG, [a.longs for a in scenario.appetites]),
        (SHORT, [a.shorts for a in scenario.appetites]),
    ):
        counts = random.poisson(rate * _stepwise(scenario, tape.minutes, eagerness))
        opened.append(np.repeat(np.arange(tape.minutes), counts))
        sides.append(np.full(counts.sum(), side, dtype=np.int8))
    minute, side = np.concatenate(opened), np.concatenate(sides)
    count = len(minute)
    open_step = minute * STEPS_PER_MINUTE + random.integers(0, STEPS_PER_MINUTE, count)
    tier = np.searchsorted(np.cumsum(LEVERAGE_WEIGHTS), random.random(count) * 0.999999)
    life = random.exponential(1.0, count) * LIFETIME_HOURS[tier] * 3600 / STEP_SECONDS
    choice = np.searchsorted(shares / shares[-1], random.random(count) * 0.999999)
    size = asset.position_usd * scales[choice] * np.exp(random.standard_normal(count) * 1.5)
    size = np.minimum(size * growth[minute], 60 * asset.position_usd * 5)
    entry = path[open_step] * (1 + random.standard_normal(count) * 0.0002)
    return _Positions(
        instrument=numbers[choice],
        side=side,
        leverage=LEVERAGES[tier],
        open_step=open_step,
        close_step=open_step + 1 + life.astype(np.int64),
        entry_price=entry,
        size_usd=size,
    )


def _touched(path: NDArray, positions: _Positions) -> NDArray[np.int64]:
    """Step at which each position is liquidated, or -1."""
    level = liquidation_price(positions.entry_price, positions.leverage, positions.side)
    start = np.minimum(positions.open_step + 1, len(path) - 1)
    stop = np.minimum(positions.close_step, len(path))
    hit = np.full(len(start), -1, dtype=np.int64)
    for side, sign in ((LONG, 1.0), (SHORT, -1.0)):
        rows = positions.side == side
        hit[rows] = first_at_or_below(sign * path, start[rows], stop[rows], sign * level[rows])
    return hit


def _minute_delta(
    tape: Tape, instrument: NDArray, minute: NDArray, amount: NDArray
) -> NDArray[np.float64]:
    shape = (len(tape.instruments), tape.minutes)
    keep = minute < tape.minutes
    flat = instrument[keep].astype(np.int64) * tape.minutes + minute[keep]
    return np.bincount(flat, weights=amount[keep], minlength=shape[0] * shape[1]).reshape(shape)


def _units(tape: Tape, positions: _Positions) -> NDArray[np.float64]:
    """Each position's size in its venue's unit of quantity."""
    contract = np.array([i.contract_size for i in tape.instruments])[positions.instrument]
    multiplier = np.array([i.multiplier for i in tape.instruments])[positions.instrument]
    inverse = np.array([i.inverse for i in tape.instruments])[positions.instrument]
    return positions.size_usd / np.where(
        inverse, contract, contract * multiplier * positions.entry_price
    )


def _split(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Owner and ordinal of each part when row r is divided into counts[r] parts."""
    owner = np.repeat(np.arange(len(counts)), counts)
    ordinal = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, ordinal


def _share_out(
    total: NDArray[np.int64], counts: NDArray, owner: NDArray, ordinal: NDArray
) -> NDArray[np.int64]:
    """Divide whole steps into parts that sum to the total."""
    part = total[owner] // counts[owner]
    return part + np.where(ordinal < (total - (total // counts) * counts)[owner], 1, 0)


def _executions(
    tape: Tape, asset: Asset, path: NDArray, positions: _Positions, hit: NDArray
) -> dict[str, NDArray]:
    """The liquidated positions of one asset as executions.

    Large ones in several orders, and these in several fills where fills are published.
    """
    random = _generator(tape.scenario, f"executions {asset.symbol}")
    rows = np.flatnonzero(hit > 0)
    hit = hit[rows]
    side = positions.side[rows]
    instrument = positions.instrument[rows]
    leverage = positions.leverage[rows]
    entry = positions.entry_price[rows]
    size = positions.size_usd[rows]
    level = liquidation_price(entry, leverage, side)
    before, after = path[hit - 1], path[hit]
    travelled = np.clip((level - before) / np.where(after == before, 1.0, after - before), 0.0, 1.0)
    at_ms = tape.start_ms + ((hit - 1 + travelled) * STEP_SECONDS * 1000).astype(np.int64)

    multiplier = np.array([i.multiplier for i in tape.instruments])[instrument]
    contract = np.array([i.contract_size for i in tape.instruments])[instrument]
    inverse = np.array([i.inverse for i in tape.instruments])[instrument]
    quantity_scale = 10.0 ** np.array([i.quantity_decimals for i in tape.instruments])[instrument]
    price_scale = 10.0 ** np.array([i.price_decimals for i in tape.instruments])[instrument]
    rules = tape.rules
    partial = np.array([rule.partial for rule in rules])[instrument]
    backstop = np.array([rule.backstop for rule in rules])[instrument]
    fill_by_fill = np.array([rule.fills for rule in rules])[instrument]

    unit_usd = np.where(inverse, contract, contract * entry * multiplier)
    steps = np.maximum(1, np.round(size / unit_usd * quantity_scale)).astype(np.int64)

    # Orders: some venues close a fifth first, others cut what one order would move the book with.
    large = partial & (size > PARTIAL_USD) & (steps >= 10)
    cut_usd = 120_000.0 * np.exp(random.standard_normal(len(rows)))
    orders = np.where(partial, np.where(large, 2, 1), np.clip(np.ceil(size / cut_usd), 1, 40))
    orders = np.minimum(orders.astype(np.int64), steps)
    owner, ordinal = _split(orders)
    order_steps = _share_out(steps, orders, owner, ordinal)
    fifth = np.maximum(1, steps[owner] // 5)
    order_steps = np.where(
        large[owner], np.where(ordinal == 0, fifth, steps[owner] - fifth), order_steps
    )
    # Equal parts of one position now and then land in the same millisecond: genuine twins.
    gap = np.where(random.random(len(owner)) < 0.2, 0, random.integers(150, 2600, len(owner)))
    gap = np.where(ordinal == 0, 0, np.where(large[owner], COOLDOWN_MS, gap))
    running = np.cumsum(gap)
    first_of = np.cumsum(orders) - orders
    order_at = at_ms[owner] + running - running[first_of][owner]
    order_kind = np.where(
        backstop[owner] & (random.random(len(owner)) < _backstop_chance(tape, order_at)),
        BACKSTOP,
        LIQUIDATION,
    ).astype(np.int8)
    deleveraged = (order_kind == BACKSTOP) & (random.random(len(owner)) < 0.12)
    order_kind[deleveraged] = DELEVERAGING
    slip = random.exponential(0.0004, len(owner))
    order_number = np.arange(len(owner))

    # Fills: few venues publish them one by one.
    order_usd = order_steps / quantity_scale[owner] * unit_usd[owner]
    fills = np.where(fill_by_fill[owner], np.clip(1 + order_usd // 30_000, 1, 10), 1).astype(
        np.int64
    )
    fills = np.minimum(fills, order_steps)
    order, fill = _split(fills)
    position = owner[order]
    fill_steps = _share_out(order_steps, fills, order, fill)
    direction = np.where(side[position] == LONG, -1.0, 1.0)
    symbol_price = multiplier[position]
    scale = price_scale[position]
    fill_price = level[position] * (1 + direction * (slip[order] + 0.00004 * fill))
    bankruptcy = bankruptcy_price(entry, leverage, side)[position]
    fill_ticks = np.maximum(1, np.round(fill_price * symbol_price * scale)).astype(np.int64)
    bankruptcy_ticks = np.maximum(1, np.round(bankruptcy * symbol_price * scale)).astype(np.int64)
    mark_ticks = np.maximum(1, np.round(level[position] * symbol_price * scale)).astype(np.int64)
    # Published value is what the venue's own price gives.
    own_price = np.array([rule.price for rule in rules])[instrument][position]
    reported_ticks = np.select(
        [own_price == "bankruptcy", own_price == "mark"], [bankruptcy_ticks, mark_ticks], fill_ticks
    )
    reported_price = reported_ticks / scale
    face = fill_steps / quantity_scale[position] * contract[position]
    notional = np.where(inverse[position], face, face * reported_price)
    return {
        "instrument": instrument[position],
        "at_ms": order_at[order],
        "side": side[position],
        "quantity_steps": fill_steps,
        "fill_ticks": fill_ticks,
        "bankruptcy_ticks": bankruptcy_ticks,
        "mark_ticks": mark_ticks,
        "notional_usd": notional,
        "order_number": order_number[order],
        "position_number": rows[position],
        "position_steps": steps[position],
        "kind": order_kind[order],
    }


def _backstop_chance(tape: Tape, at_ms: NDArray) -> NDArray[np.float64]:
    since = tape.scenario.stress_from_at
    share = tape.scenario.backstop_share
    return (
        np.full(len(at_ms), share)
        if since is None
        else np.where(at_ms >= epoch_ms(since), 4 * share, share)
    )


def _published(
    tape: Tape, columns: dict[str, NDArray]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows each venue publishes, and when it pushes them."""
    at_ms, instrument = columns["at_ms"], columns["instrument"]
    published = np.ones(len(at_ms), dtype=bool)
    pushed = at_ms.copy()
    second = at_ms // 1000
    phase = jitter(np.arange(len(tape.instruments)), 0, 90, salt=3)
    for venue in sorted(set(tape.venue_of.tolist())):
        of_venue = np.flatnonzero((tape.venue_of == venue)[instrument])
        for kind, rows in _rows_by_kind(tape.scenario.rules[venue], at_ms, of_venue):
            if kind == "all":
                # A push every half second per symbol carries whatever happened in it.
                window = -(-(at_ms[rows] + 1) // 500) * 500
                pushed[rows] = window + phase[instrument[rows]]
                continue
            weight = at_ms[rows] if kind == "latest" else columns["notional_usd"][rows]
            group = instrument[rows].astype(np.int64)
            if kind == "largest_per_side":
                group = 2 * group + columns["side"][rows]
            order = np.lexsort((rows, weight, second[rows], group))
            keys = group[order] * 10**11 + second[rows][order]
            last_of_group = np.append(keys[1:] != keys[:-1], True)
            published[rows] = False
            published[rows[order[last_of_group]]] = True
            pushed[rows] = (second[rows] + 1) * 1000 + phase[instrument[rows]]
    return published, pushed


def _rows_by_kind(
    rule: PublicationRule, at_ms: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[tuple[str, NDArray[np.int64]]]:
    """A venue's rows, parted at the instants from which another kind of publication holds."""
    starts = [epoch_ms(at) for at, _ in rule.changes]
    kinds = [rule.kind, *(kind for _, kind in rule.changes)]
    period = np.searchsorted(starts, at_ms[rows], side="right")
    parts = [(kind, rows[period == number]) for number, kind in enumerate(kinds)]
    return [(kind, part) for kind, part in parts if len(part)]


def _generate(tape: Tape) -> Liquidations:
    scenario = tape.scenario
    steps = tape.minutes * STEPS_PER_MINUTE
    factor = _market_factor(scenario, steps + 1)
    anchor = min(round(float(_times(scenario, [scenario.anchor_at])[0])), steps)
    patient = _patient_share(scenario, tape.minutes)
    excitement = _stepwise(
        scenario, tape.minutes, [np.sqrt(a.longs * a.size) for a in scenario.appetites]
    )
    parts: list[dict[str, NDArray]] = []
    leveraged = np.zeros((len(tape.instruments), tape.minutes))
    offset = 0
    for asset in tape.assets:
        path = _asset_path(scenario, asset, factor, anchor)
        _fill_bars(tape, asset, path, excitement)
        if not asset.has_derivatives:
            continue
        positions = _open_positions(tape, asset, path)
        hit = _touched(path, positions)
        longs = positions.side == LONG
        ended = np.where(hit > 0, hit, positions.close_step)[longs] // STEPS_PER_MINUTE
        opened = positions.open_step[longs] // STEPS_PER_MINUTE
        units = _units(tape, positions)[longs]
        leveraged += _minute_delta(tape, positions.instrument[longs], opened, units)
        leveraged -= _minute_delta(tape, positions.instrument[longs], ended, units)
        columns = _executions(tape, asset, path, positions, hit)
        columns["order_number"] = columns["order_number"] + offset
        columns["position_number"] = columns["position_number"] + offset
        offset += len(hit) * 2
        parts.append(columns)
    _fill_open_interest(tape, leveraged, patient)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inside = columns["at_ms"] < tape.end_ms
    order = np.lexsort((columns["order_number"], columns["instrument"], columns["at_ms"]))
    order = order[inside[order]]
    columns = {name: values[order] for name, values in columns.items()}
    published, pushed = _published(tape, columns)
    return Liquidations(**columns, published=published, pushed_ms=pushed)


def _fill_bars(tape: Tape, asset: Asset, path: NDArray, excitement: NDArray) -> None:
    number = tape.asset_index[asset.symbol]
    random = _generator(tape.scenario, f"bars {asset.symbol}")
    inner = path[1:].reshape(tape.minutes, STEPS_PER_MINUTE)
    tape.mark_open[number] = path[:-1:STEPS_PER_MINUTE]
    tape.mark_close[number] = inner[:, -1]
    tape.mark_high[number] = np.maximum(inner.max(axis=1), tape.mark_open[number])
    tape.mark_low[number] = np.minimum(inner.min(axis=1), tape.mark_open[number])
    returns = np.diff(np.log(tape.mark_close[number]), prepend=np.log(tape.mark_open[number][0]))
    usual = max(float(np.std(returns)), 1e-9)
    busy = np.clip(np.abs(returns) / usual, 0, 12)
    clock = 1 + 0.35 * np.sin((np.arange(tape.minutes) / 1440 - 0.35) * 2 * np.pi)
    base = asset.volume_24h_usd / 1440
    tape.volume_usd[number] = (
        base * clock * (0.45 + 0.7 * busy) * np.exp(random.standard_normal(tape.minutes) * 0.3)
    )
    drive = 0.00010 + 0.00012 * np.log1p(np.maximum(excitement - 1, 0))
    shocks = random.standard_normal(tape.minutes) * 0.00003
    kernel = 0.97 ** np.arange(200)
    tape.premium[number] = drive * 0.5 + np.convolve(shocks, kernel)[: tape.minutes]


def _fill_open_interest(tape: Tape, leveraged: NDArray, patient: NDArray) -> None:
    """Open interest = holders without leverage + open leveraged longs (every contract has one
    long).
    """
    running = np.cumsum(leveraged, axis=1)
    for number, instrument in enumerate(tape.instruments):
        asset = tape.assets[tape.asset_index[instrument.asset]]
        price = 1.0 if instrument.inverse else asset.anchor_price * instrument.multiplier
        base = asset.oi_usd * instrument.oi_share / (price * instrument.contract_size)
        random = _generator(tape.scenario, f"open interest {instrument.venue} {instrument.symbol}")
        walk = np.cumsum(random.standard_normal(tape.minutes)) * 0.00012
        drift = np.exp(walk - np.linspace(0, walk[-1], tape.minutes))
        tape.oi_units[number] = np.maximum(base * patient * drift + running[number], 0.0)
