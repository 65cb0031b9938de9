"""The path of prices: a market factor through stated waypoints, and each asset's own noise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from unwind.simulator.market.scenario import Asset, Scenario
from unwind.simulator.market.steady import epoch_ms, generator

Floats = NDArray[np.float64]
STEP_SECONDS = 10
STEPS_PER_MINUTE = 60 // STEP_SECONDS
RIPPLE_STEPS = 15 * STEPS_PER_MINUTE


def steps_of(scenario: Scenario, instants: Sequence[datetime]) -> Floats:
    """Steps from the scenario's start to each instant."""
    return np.array(
        [(epoch_ms(at) - epoch_ms(scenario.from_at)) / 1000 / STEP_SECONDS for at in instants]
    )


def market_factor(scenario: Scenario, steps: int) -> Floats:
    """Log level of the market factor at each step.

    Straight between waypoints, with a Brownian bridge around the line.
    """
    random = generator(scenario.seed, "market factor")
    knots = np.clip(
        np.round(steps_of(scenario, [w.at for w in scenario.waypoints])), 0, steps - 1
    ).astype(np.int64)
    levels = np.log([w.level for w in scenario.waypoints])
    step_volatility = scenario.factor_volatility * np.sqrt(STEP_SECONDS / 86_400)
    walk = np.cumsum(random.standard_normal(steps) * step_volatility)
    grid = np.arange(steps)
    bridge: Floats = np.interp(grid, knots, levels) + walk - np.interp(grid, knots, walk[knots])
    return bridge


def asset_path(scenario: Scenario, asset: Asset, factor: Floats, anchor: int) -> Floats:
    """Price at each step; equal to the anchor price at the anchor step."""
    random = generator(scenario.seed, f"path {asset.symbol}")
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
    path: Floats = asset.anchor_price * np.exp(asset.beta * (factor - factor[anchor]) + own)
    return path


def by_minute(scenario: Scenario, minutes: int, values: Sequence[float]) -> Floats:
    """Each minute's value of what the appetites state from their instants on."""
    starts = steps_of(scenario, [a.at for a in scenario.appetites]) / STEPS_PER_MINUTE
    stated = np.array(values)
    return stated[np.clip(np.searchsorted(starts, np.arange(minutes), side="right") - 1, 0, None)]


def unleveraged_share(scenario: Scenario, minutes: int) -> Floats:
    """Open interest of holders without leverage as a share of its base, over minutes."""
    share = np.ones(minutes)
    grid = np.arange(minutes)
    for wave in scenario.waves:
        knots = steps_of(scenario, [wave.from_at, wave.to_at, wave.rebuilt_at]) / STEPS_PER_MINUTE
        kept = 1 - wave.oi_drop_share
        share *= np.interp(grid, knots, [1.0, kept, kept + wave.oi_drop_share * wave.rebuilt_share])
    return share


def mark_bars(path: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Open, high, low and close of each minute of a path."""
    opens = path[:-1:STEPS_PER_MINUTE]
    inner = path[1:].reshape(-1, STEPS_PER_MINUTE)
    return (
        opens,
        np.maximum(inner.max(axis=1), opens),
        np.minimum(inner.min(axis=1), opens),
        inner[:, -1],
    )


def volume_and_premium(
    scenario: Scenario, asset: Asset, closes: Floats, first: float, excitement: Floats
) -> tuple[Floats, Floats]:
    """What is traded of an asset in USD, and its premium over spot, by minute.

    `first` is the price at the first minute's open.
    """
    random = generator(scenario.seed, f"bars {asset.symbol}")
    minutes = len(closes)
    returns = np.diff(np.log(closes), prepend=np.log(first))
    usual = max(float(np.std(returns)), 1e-9)
    busy = np.clip(np.abs(returns) / usual, 0, 12)
    clock = 1 + 0.35 * np.sin((np.arange(minutes) / 1440 - 0.35) * 2 * np.pi)
    base = asset.volume_24h_usd / 1440
    volume = base * clock * (0.45 + 0.7 * busy) * np.exp(random.standard_normal(minutes) * 0.3)
    drive = 0.00010 + 0.00012 * np.log1p(np.maximum(excitement - 1, 0))
    shocks = random.standard_normal(minutes) * 0.00003
    kernel = 0.97 ** np.arange(200)
    return volume, drive * 0.5 + np.convolve(shocks, kernel)[:minutes]
