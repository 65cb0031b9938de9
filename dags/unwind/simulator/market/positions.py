"""Leveraged positions: how they are opened, and the liquidations that some of them end in.

Positions open at the path's price with a leverage tier, close by themselves after a while, and are
liquidated where the mark price touches their liquidation price first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unwind.simulator.market.prices import (
    STEP_SECONDS,
    STEPS_PER_MINUTE,
    Floats,
    by_minute,
)
from unwind.simulator.market.scenario import Asset, Instrument, PublicationRule, Scenario
from unwind.simulator.market.steady import epoch_ms, generator

Integers = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]
LONG, SHORT = 0, 1
SIDES = ("long", "short")
LIQUIDATION, BACKSTOP, DELEVERAGING = 0, 1, 2
MAINTENANCE_MARGIN = 0.004
LEVERAGES = np.array([5, 10, 25, 50, 100], dtype=np.float64)
LEVERAGE_WEIGHTS = np.array([0.15, 0.30, 0.25, 0.20, 0.10])
LIFETIME_HOURS = np.array([120.0, 72.0, 30.0, 8.0, 3.0])
# Where a fifth of a large position is closed first: above this size, the rest after a cool-down.
PARTIAL_USD = 100_000.0
COOLDOWN_MS = 30_000


def liquidation_price(entry_price: Floats, leverage: Floats, side: NDArray[Any]) -> Floats:
    """Price at which an isolated linear position is liquidated (maintenance margin 0.4%, no tier
    amount).
    """
    long_price = entry_price * (1 - 1 / leverage) / (1 - MAINTENANCE_MARGIN)
    short_price = entry_price * (1 + 1 / leverage) / (1 + MAINTENANCE_MARGIN)
    return np.where(side == LONG, long_price, short_price)


def bankruptcy_price(entry_price: Floats, leverage: Floats, side: NDArray[Any]) -> Floats:
    """Price at which a position's margin is exhausted."""
    return entry_price * np.where(side == LONG, 1 - 1 / leverage, 1 + 1 / leverage)


def first_at_or_below(path: Floats, start: Integers, stop: Integers, level: Floats) -> Integers:
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


class Contracts:
    """Columns of the market's contracts and of their venues' rules, to be indexed by number."""

    def __init__(self, listed: Sequence[Instrument], rules: Sequence[PublicationRule]) -> None:
        self.listed, self.rules = listed, rules
        self.contract_size: Floats = np.array([i.contract_size for i in listed])
        self.multiplier: Floats = np.array([i.multiplier for i in listed])
        self.inverse: NDArray[np.bool_] = np.array([i.inverse for i in listed])
        self.quantity_scale: Floats = 10.0 ** np.array([i.quantity_decimals for i in listed])
        self.price_scale: Floats = 10.0 ** np.array([i.price_decimals for i in listed])

    def ruled(self, name: str) -> NDArray[Any]:
        """An attribute of each contract's publication rule."""
        return np.array([getattr(rule, name) for rule in self.rules])


@dataclass(frozen=True)
class Positions:
    """Columns of one asset's positions."""

    instrument: NDArray[np.int32]
    side: NDArray[np.int8]
    leverage: Floats
    open_step: Integers
    close_step: Integers
    entry_price: Floats
    size_usd: Floats

    @cached_property
    def liquidation_price(self) -> Floats:
        return liquidation_price(self.entry_price, self.leverage, self.side)

    def units(self, contracts: Contracts) -> Floats:
        """Each position's size in its venue's unit of quantity."""
        size = contracts.contract_size[self.instrument]
        multiplier = contracts.multiplier[self.instrument]
        inverse = contracts.inverse[self.instrument]
        units: Floats = self.size_usd / np.where(
            inverse, size, size * multiplier * self.entry_price
        )
        return units

    def touched(self, path: Floats) -> Integers:
        """Step at which each position is liquidated, or -1."""
        start = np.minimum(self.open_step + 1, len(path) - 1)
        stop = np.minimum(self.close_step, len(path))
        level = self.liquidation_price
        hit = np.full(len(start), -1, dtype=np.int64)
        for side, sign in ((LONG, 1.0), (SHORT, -1.0)):
            rows = self.side == side
            hit[rows] = first_at_or_below(sign * path, start[rows], stop[rows], sign * level[rows])
        return hit


def open_positions(
    scenario: Scenario, contracts: Contracts, asset: Asset, path: Floats, minutes: int
) -> Positions:
    """All positions in an asset's contracts."""
    random = generator(scenario.seed, f"positions {asset.symbol}")
    listed = [(n, i) for n, i in enumerate(contracts.listed) if i.asset == asset.symbol]
    numbers = np.array([n for n, _ in listed], dtype=np.int32)
    shares = np.cumsum([i.flow_share for _, i in listed])
    scales = np.array([i.size_scale for _, i in listed])
    rate = scenario.positions_per_minute * asset.activity / 2
    growth = by_minute(scenario, minutes, [a.size for a in scenario.appetites])
    opened, sides = [], []
    for side, eagerness in (
        (LONG, [a.longs for a in scenario.appetites]),
        (SHORT, [a.shorts for a in scenario.appetites]),
    ):
        counts = random.poisson(rate * by_minute(scenario, minutes, eagerness))
        opened.append(np.repeat(np.arange(minutes), counts))
        sides.append(np.full(counts.sum(), side, dtype=np.int8))
    minute, sides_of = np.concatenate(opened), np.concatenate(sides)
    count = len(minute)
    open_step = minute * STEPS_PER_MINUTE + random.integers(0, STEPS_PER_MINUTE, count)
    tier = np.searchsorted(np.cumsum(LEVERAGE_WEIGHTS), random.random(count) * 0.999999)
    life = random.exponential(1.0, count) * LIFETIME_HOURS[tier] * 3600 / STEP_SECONDS
    choice = np.searchsorted(shares / shares[-1], random.random(count) * 0.999999)
    size = asset.position_usd * scales[choice] * np.exp(random.standard_normal(count) * 1.5)
    size = np.minimum(size * growth[minute], 60 * asset.position_usd * 5)
    entry = path[open_step] * (1 + random.standard_normal(count) * 0.0002)
    return Positions(
        instrument=numbers[choice],
        side=sides_of,
        leverage=LEVERAGES[tier],
        open_step=open_step,
        close_step=open_step + 1 + life.astype(np.int64),
        entry_price=entry,
        size_usd=size,
    )


def _split(counts: Integers) -> tuple[Integers, Integers]:
    """Owner and ordinal of each part when row r is divided into counts[r] parts."""
    owner = np.repeat(np.arange(len(counts)), counts)
    ordinal = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, ordinal


def _share_out(total: Integers, counts: Integers, owner: Integers, ordinal: Integers) -> Integers:
    """Divide whole steps into parts that sum to the total."""
    part = total[owner] // counts[owner]
    whole: Integers = part + np.where(ordinal < (total - (total // counts) * counts)[owner], 1, 0)
    return whole


def _ticks(price: Floats, scale: Floats) -> Integers:
    return np.maximum(1, np.round(price * scale)).astype(np.int64)


def executions(
    scenario: Scenario,
    contracts: Contracts,
    asset: Asset,
    path: Floats,
    positions: Positions,
    hit: Integers,
) -> Columns:
    """The liquidated positions of one asset as executions.

    Large ones in several orders, and these in several fills where fills are published.
    """
    random = generator(scenario.seed, f"executions {asset.symbol}")
    rows = np.flatnonzero(hit > 0)
    hit = hit[rows]
    side = positions.side[rows]
    instrument = positions.instrument[rows]
    entry = positions.entry_price[rows]
    size = positions.size_usd[rows]
    level = positions.liquidation_price[rows]
    before, after = path[hit - 1], path[hit]
    travelled = np.clip((level - before) / np.where(after == before, 1.0, after - before), 0.0, 1.0)
    start_ms = epoch_ms(scenario.from_at)
    at_ms = start_ms + ((hit - 1 + travelled) * STEP_SECONDS * 1000).astype(np.int64)

    multiplier = contracts.multiplier[instrument]
    contract_size = contracts.contract_size[instrument]
    inverse = contracts.inverse[instrument]
    quantity_scale = contracts.quantity_scale[instrument]
    partial = contracts.ruled("partial")[instrument]
    unit_usd = np.where(inverse, contract_size, contract_size * entry * multiplier)
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
    # Equal parts of one position now and then land in the same millisecond: genuine duplicates.
    gap = np.where(random.random(len(owner)) < 0.2, 0, random.integers(150, 2600, len(owner)))
    gap = np.where(ordinal == 0, 0, np.where(large[owner], COOLDOWN_MS, gap))
    running = np.cumsum(gap)
    first_of = np.cumsum(orders) - orders
    order_at = at_ms[owner] + running - running[first_of][owner]
    order_kind = _kinds(scenario, random, contracts.ruled("backstop")[instrument][owner], order_at)
    slip = random.exponential(0.0004, len(owner))

    # Fills: few venues publish them one by one.
    order_usd = order_steps / quantity_scale[owner] * unit_usd[owner]
    by_fill = contracts.ruled("fills")[instrument][owner]
    fills = np.where(by_fill, np.clip(1 + order_usd // 30_000, 1, 10), 1).astype(np.int64)
    fills = np.minimum(fills, order_steps)
    order, fill = _split(fills)
    position = owner[order]
    fill_steps = _share_out(order_steps, fills, order, fill)
    direction = np.where(side[position] == LONG, -1.0, 1.0)
    scale = contracts.price_scale[instrument][position]
    symbol_price = multiplier[position]
    fill_price = level[position] * (1 + direction * (slip[order] + 0.00004 * fill))
    bankruptcy = bankruptcy_price(entry, positions.leverage[rows], side)[position]
    fill_ticks = _ticks(fill_price * symbol_price, scale)
    bankruptcy_ticks = _ticks(bankruptcy * symbol_price, scale)
    mark_ticks = _ticks(level[position] * symbol_price, scale)
    # Published value is what the venue's own price gives.
    own_price = contracts.ruled("price")[instrument][position]
    reported_ticks = np.select(
        [own_price == "bankruptcy", own_price == "mark"], [bankruptcy_ticks, mark_ticks], fill_ticks
    )
    face = fill_steps / quantity_scale[position] * contract_size[position]
    return {
        "instrument": instrument[position],
        "at_ms": order_at[order],
        "side": side[position],
        "quantity_steps": fill_steps,
        "fill_ticks": fill_ticks,
        "bankruptcy_ticks": bankruptcy_ticks,
        "mark_ticks": mark_ticks,
        "notional_usd": np.where(inverse[position], face, face * (reported_ticks / scale)),
        "order_number": order,
        "position_number": rows[position],
        "position_steps": steps[position],
        "kind": order_kind[order],
    }


def _kinds(
    scenario: Scenario, random: np.random.Generator, backstop: NDArray[np.bool_], at_ms: Integers
) -> NDArray[np.int8]:
    """Whether each order is a liquidation, taken over by a backstop, or ends in deleveraging."""
    share = scenario.backstop_share
    chance = np.full(len(at_ms), share)
    if scenario.stress_from_at is not None:
        chance = np.where(at_ms >= epoch_ms(scenario.stress_from_at), 4 * share, share)
    taken = backstop & (random.random(len(at_ms)) < chance)
    kinds = np.where(taken, BACKSTOP, LIQUIDATION).astype(np.int8)
    kinds[taken & (random.random(len(at_ms)) < 0.12)] = DELEVERAGING
    return kinds
