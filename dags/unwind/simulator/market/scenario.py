"""The inputs of a market: assets, contracts, the price path, appetites and waves of selling.

Prices in USD per symbol unit (1000PEPE is one unit), `_usd` in dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
    """What a venue publishes of its liquidations, and how it closes positions.

    `kind`: `all`, or of one contract and one second the `largest`, the `latest` or the
    `largest_per_side`; or, where an order begins the second and the next one after it another,
    `first_from_order` or `largest_from_order`; `changes` are later kinds, each with the instant
    from which it holds (ascending). `price` is the one it publishes (`fill`, `bankruptcy` or
    `mark`), which gives the published value. `fills`: an
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
