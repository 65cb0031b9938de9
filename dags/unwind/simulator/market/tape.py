"""The tape: everything that happens in a generated market, minute by minute and row by row.

`_ms` are epoch milliseconds, UTC. Quantities and prices of liquidations are whole numbers of steps
(`quantity_steps`, `fill_ticks`), so that their text is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unwind.simulator.decimals import stepped
from unwind.simulator.market.positions import (
    LONG,
    SIDES,
    Columns,
    Contracts,
    Integers,
    executions,
    open_positions,
)
from unwind.simulator.market.prices import (
    STEPS_PER_MINUTE,
    Floats,
    asset_path,
    by_minute,
    mark_bars,
    market_factor,
    steps_of,
    unleveraged_share,
    volume_and_premium,
)
from unwind.simulator.market.publication import published
from unwind.simulator.market.scenario import Asset, Instrument, Scenario
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS, epoch_ms, generator, steady

# Funding pulls the average premium towards the interest rate of eight hours, within a band.
INTEREST_8H = 0.0001
DEAD_BAND = 0.00004
RATIO_BASES = {"accounts": 1.75, "top_accounts": 1.55, "positions": 1.02, "top_positions": 1.25}


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
    contract: Instrument

    @property
    def is_long(self) -> bool:
        return self.side == LONG

    @property
    def order_side(self) -> str:
        """`sell` closes a long, `buy` a short."""
        return "sell" if self.side == LONG else "buy"

    @property
    def size(self) -> str:
        """Exact text of the quantity in the venue's unit."""
        return stepped(self.quantity_steps, self.contract.quantity_decimals)

    @property
    def quantity(self) -> float:
        return self.quantity_steps / 10.0**self.contract.quantity_decimals

    @property
    def price_scale(self) -> float:
        """Ticks in one unit of price."""
        return 10.0**self.contract.price_decimals

    def price(self, ticks: int) -> str:
        """Exact text of a price."""
        return stepped(ticks, self.contract.price_decimals)


@dataclass(frozen=True)
class Liquidations:
    """Columns of all liquidation executions of a tape, in time order.

    One entry is one row as its venue reports it.
    """

    instrument: NDArray[np.int32]
    at_ms: Integers
    side: NDArray[np.int8]
    quantity_steps: Integers
    fill_ticks: Integers
    bankruptcy_ticks: Integers
    mark_ticks: Integers
    notional_usd: Floats
    order_number: Integers
    position_number: Integers
    position_steps: Integers
    kind: NDArray[np.int8]
    published: NDArray[np.bool_]
    pushed_ms: Integers

    def __len__(self) -> int:
        return len(self.at_ms)


class Tape:
    """A generated market. Minute arrays are indexed [asset or instrument, minute].

    `liquidations` has every liquidation, published or not.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.assets = scenario.assets
        self.instruments = scenario.instruments
        self.start_ms = epoch_ms(scenario.from_at)
        self.end_ms = epoch_ms(scenario.to_at)
        self.minutes = (self.end_ms - self.start_ms) // MINUTE_MS
        self.asset_index = {asset.symbol: number for number, asset in enumerate(self.assets)}
        shape = (len(self.assets), self.minutes)
        self.mark_open, self.mark_high = np.empty(shape), np.empty(shape)
        self.mark_low, self.mark_close = np.empty(shape), np.empty(shape)
        self.premium, self.volume_usd = np.zeros(shape), np.zeros(shape)
        self.oi_units = np.zeros((len(self.instruments), self.minutes))
        self.liquidations = self._generate()
        self._lists: dict[tuple[str, str | None], list[Instrument]] = {}

    # -- generation --------------------------------------------------------------------------------

    def _generate(self) -> Liquidations:
        scenario, minutes = self.scenario, self.minutes
        steps = minutes * STEPS_PER_MINUTE
        factor = market_factor(scenario, steps + 1)
        anchor = min(round(float(steps_of(scenario, [scenario.anchor_at])[0])), steps)
        excitement = by_minute(
            scenario, minutes, [np.sqrt(a.longs * a.size) for a in scenario.appetites]
        )
        contracts = Contracts(
            self.instruments, [scenario.rules[item.venue] for item in self.instruments]
        )
        parts: list[Columns] = []
        leveraged = np.zeros((len(self.instruments), minutes))
        offset = 0
        for asset in self.assets:
            path = asset_path(scenario, asset, factor, anchor)
            self._fill_bars(asset, path, excitement)
            if not asset.has_derivatives:
                continue
            positions = open_positions(scenario, contracts, asset, path, minutes)
            hit = positions.touched(path)
            longs = positions.side == LONG
            ended = np.where(hit > 0, hit, positions.close_step)[longs] // STEPS_PER_MINUTE
            opened = positions.open_step[longs] // STEPS_PER_MINUTE
            units = positions.units(contracts)[longs]
            self._add_by_minute(leveraged, positions.instrument[longs], opened, units)
            self._add_by_minute(leveraged, positions.instrument[longs], ended, -units)
            columns = executions(scenario, contracts, asset, path, positions, hit)
            columns["order_number"] = columns["order_number"] + offset
            columns["position_number"] = columns["position_number"] + offset
            offset += len(hit) * 2
            parts.append(columns)
        self._fill_open_interest(leveraged)
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        inside = columns["at_ms"] < self.end_ms
        order = np.lexsort((columns["order_number"], columns["instrument"], columns["at_ms"]))
        order = order[inside[order]]
        columns = {name: values[order] for name, values in columns.items()}
        shown, pushed = published(scenario, columns)
        return Liquidations(**columns, published=shown, pushed_ms=pushed)

    def _fill_bars(self, asset: Asset, path: Floats, excitement: Floats) -> None:
        number = self.asset_index[asset.symbol]
        bars = mark_bars(path)
        for column, values in zip(
            (self.mark_open, self.mark_high, self.mark_low, self.mark_close), bars, strict=True
        ):
            column[number] = values
        self.volume_usd[number], self.premium[number] = volume_and_premium(
            self.scenario, asset, self.mark_close[number], self.mark_open[number][0], excitement
        )

    def _add_by_minute(
        self, sums: Floats, instrument: NDArray[np.int32], minute: Integers, amount: Floats
    ) -> None:
        keep = minute < self.minutes
        for number in np.unique(instrument):
            own = keep & (instrument == number)
            sums[number] += np.bincount(minute[own], amount[own], minlength=self.minutes)

    def _fill_open_interest(self, leveraged: Floats) -> None:
        """Open interest = holders without leverage + open leveraged longs (every contract has one
        long).
        """
        unleveraged = unleveraged_share(self.scenario, self.minutes)
        running = np.cumsum(leveraged, axis=1)
        for number, contract in enumerate(self.instruments):
            asset = self.assets[self.asset_index[contract.asset]]
            price = 1.0 if contract.inverse else asset.anchor_price * contract.multiplier
            base = asset.oi_usd * contract.oi_share / (price * contract.contract_size)
            random = generator(
                self.scenario.seed, f"open interest {contract.venue} {contract.symbol}"
            )
            walk = np.cumsum(random.standard_normal(self.minutes)) * 0.00012
            drift = np.exp(walk - np.linspace(0, walk[-1], self.minutes))
            self.oi_units[number] = np.maximum(base * unleveraged * drift + running[number], 0.0)

    # -- contracts ---------------------------------------------------------------------------------

    @cached_property
    def instrument_number(self) -> dict[tuple[str, str], int]:
        """(venue, symbol) to the instrument's index."""
        return {(item.venue, item.symbol): number for number, item in enumerate(self.instruments)}

    @cached_property
    def venue_of(self) -> NDArray[np.str_]:
        """Venue name of each instrument index."""
        return np.array([item.venue for item in self.instruments])

    def instruments_of(self, venue: str, market: str | None = None) -> list[Instrument]:
        """The venue's instruments, in listing order."""
        found = self._lists.get((venue, market))
        if found is None:
            found = self._lists[venue, market] = [
                i for i in self.instruments if i.venue == venue and market in (None, i.market)
            ]
        return found

    # -- prices, by minute -------------------------------------------------------------------------

    def minute_of(self, at_ms: int) -> int:
        """Index of the last minute that is complete at an instant, clipped to the tape."""
        return min(max((at_ms - self.start_ms) // MINUTE_MS - 1, 0), self.minutes - 1)

    def mark_price(self, instrument: Instrument, minute: int) -> float:
        """Mark price at a minute's end.

        Venues differ by a few hundredths of a percent from Binance, whose mark is the path's.
        """
        close = self.mark_close[self.asset_index[instrument.asset], minute]
        return float(
            close * instrument.multiplier * (1 + _venue_offset(instrument.venue, minute // 7))
        )

    def index_price(self, instrument: Instrument, minute: int) -> float:
        """Index price (spot) at a minute's end."""
        number = self.asset_index[instrument.asset]
        spot = self.mark_close[number, minute] / (1 + self.premium[number, minute])
        return float(spot * instrument.multiplier)

    def bars(
        self, asset: str, first: int, last: int, width: int, *, spot: bool = True
    ) -> list[list[float]]:
        """Bars of `width` minutes over minutes [first, last).

        Columns: open, high, low, close, volume_usd. `first` must lie on a bar's start; a last bar
        may be unfinished.
        """
        number = self.asset_index[asset]
        divisor: Any = 1 + self.premium[number, first:last] if spot else 1.0
        edges = np.arange(0, last - first, width)
        if not len(edges):
            return []
        ends = np.minimum(edges + width, last - first) - 1
        columns = (
            (self.mark_open[number, first:last] / divisor)[edges],
            np.maximum.reduceat(self.mark_high[number, first:last] / divisor, edges),
            np.minimum.reduceat(self.mark_low[number, first:last] / divisor, edges),
            (self.mark_close[number, first:last] / divisor)[ends],
            np.add.reduceat(self.volume_usd[number, first:last], edges),
        )
        rows: list[list[float]] = np.column_stack(columns).tolist()
        return rows

    def day_of(self, asset: str, minute: int, minutes: int = 1440) -> tuple[float, float, float]:
        """High, low and volume in USD of an asset's last `minutes` (a day) to a minute's end."""
        number, first = self.asset_index[asset], max(0, minute + 1 - minutes)
        day = slice(first, minute + 1)
        return (
            float(self.mark_high[number, day].max()),
            float(self.mark_low[number, day].min()),
            float(self.volume_usd[number, day].sum()),
        )

    def traded_usd_24h(self, instrument: Instrument, minute: int) -> float:
        """What was traded of the contract in the 24 hours up to a minute's end, in USD."""
        volumes = self.volume_usd[self.asset_index[instrument.asset]]
        return float(volumes[max(0, minute - 1439) : minute + 1].sum()) * instrument.oi_share

    def market_cap_usd(self, asset: Asset, minute: int) -> float:
        """Market cap at a minute's end."""
        return float(self.mark_close[self.asset_index[asset.symbol], minute] * asset.supply)

    # -- funding, open interest, ratios ------------------------------------------------------------

    @cached_property
    def _premium_sums(self) -> Floats:
        zeros = np.zeros((len(self.assets), 1))
        return np.concatenate([zeros, np.cumsum(self.premium, axis=1)], axis=1)

    def funding_rate(self, instrument: Instrument, at_ms: int) -> float:
        """Funding rate per interval of the contract, set from the average premium of the interval
        that ends at the instant.
        """
        last = min(max((at_ms - self.start_ms) // MINUTE_MS, 1), self.minutes)
        first = max(0, last - 480)
        sums = self._premium_sums[self.asset_index[instrument.asset]]
        average = float(sums[last] - sums[first]) / (last - first)
        average += 0.00002 * (steady(instrument.symbol, at_ms // HOUR_MS) - 0.5)
        eight_hours = average + min(max(INTEREST_8H - average, -DEAD_BAND), DEAD_BAND)
        return eight_hours * instrument.funding_interval_hours / 8

    def funding_times_ms(self, instrument: Instrument, from_ms: int, to_ms: int) -> range:
        """Settlement instants of the contract in [from, to], ascending, within the tape."""
        step = instrument.funding_interval_hours * HOUR_MS
        first = -(-max(from_ms, self.start_ms + step) // step) * step
        return range(first, min(to_ms, self.end_ms) + 1, step)

    def oi_contracts(self, instrument: Instrument, minute: int) -> float:
        """One-sided open interest in the venue's unit of quantity at a minute's end."""
        number = self.instrument_number[instrument.venue, instrument.symbol]
        return float(self.oi_units[number, minute])

    def oi_usd(self, instrument: Instrument, minute: int) -> float:
        """One-sided open interest in USD at a minute's end."""
        contracts = self.oi_contracts(instrument, minute) * instrument.contract_size
        return contracts if instrument.inverse else contracts * self.mark_price(instrument, minute)

    def oi_base(self, instrument: Instrument, minute: int) -> float:
        """One-sided open interest in base units (1000PEPE is one unit) at a minute's end."""
        contracts = self.oi_contracts(instrument, minute) * instrument.contract_size
        return contracts / self.mark_price(instrument, minute) if instrument.inverse else contracts

    def long_short_ratio(self, instrument: Instrument, at_ms: int, kind: str) -> float:
        """Long over short at an instant: accounts lean long when prices fall.

        `kind` is `accounts`, `top_accounts`, `positions`, `top_positions` or `taker_volume`.
        """
        closes, minute = self.mark_close[self.asset_index[instrument.asset]], self.minute_of(at_ms)
        window = 5 if kind == "taker_volume" else 720
        change = float(closes[minute] / closes[max(minute - window, 0)]) - 1
        if kind == "taker_volume":
            level = min(max(1 + 40 * change, 0.3), 3.0)
        else:
            level = RATIO_BASES[kind] * min(max(1 - 9 * change, 0.6), 1.8)
        name = f"{instrument.venue} {instrument.symbol} {kind}"
        return level * (0.98 + 0.04 * steady(name, at_ms // (5 * MINUTE_MS)))

    # -- liquidations ------------------------------------------------------------------------------

    def rows(self, venue: str, from_ms: int, to_ms: int, *, published: bool = True) -> Integers:
        """Positions in `liquidations` of the venue's rows with event time in [from, to), in time
        order; without `published` also those that the venue keeps to itself.
        """
        all_rows = self.liquidations
        first, last = np.searchsorted(all_rows.at_ms, [from_ms, to_ms])
        wanted = (self.venue_of == venue)[all_rows.instrument[first:last]]
        if published:
            wanted &= all_rows.published[first:last]
        found: Integers = np.flatnonzero(wanted) + first
        return found

    def pushed_rows(self, venue: str, from_ms: int, to_ms: int) -> Integers:
        """Positions of the venue's published rows that it pushed in [from, to), in order of the
        push.
        """
        numbers = self.rows(venue, from_ms - 10_000, to_ms)
        pushed = self.liquidations.pushed_ms[numbers]
        numbers = numbers[(pushed >= from_ms) & (pushed < to_ms)]
        return numbers[np.argsort(self.liquidations.pushed_ms[numbers], kind="stable")]

    def records(self, numbers: Integers) -> list[Liquidation]:
        """The rows at these positions as values."""
        columns = [
            getattr(self.liquidations, name)[numbers].tolist() for name in Liquidation._fields[1:-1]
        ]
        contracts = [self.instruments[number] for number in columns[0]]
        rows = zip(numbers.tolist(), *columns, contracts, strict=True)
        return [Liquidation(*values) for values in rows]

    def liquidated_usd(
        self, instruments: Sequence[Instrument], from_ms: int, to_ms: int, width_ms: int
    ) -> Floats:
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


@cache
def _venue_offset(venue: str, seventh_minute: int) -> float:
    return 0.0 if venue == "binance" else 0.0003 * (steady(venue, seventh_minute) - 0.5)
