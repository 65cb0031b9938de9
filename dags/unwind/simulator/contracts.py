"""Contracts as exchanges state them."""

from __future__ import annotations

import math

from unwind.simulator.market.scenario import Asset, Instrument

# Decimals of a quantity in base coins, where a venue has no other.
QUANTITY_DECIMALS = {
    "BTC": 3, "ETH": 3, "SOL": 2, "XRP": 1, "DOGE": 0, "BNB": 2, "ADA": 0, "HYPE": 2, "LINK": 2,
    "AVAX": 1, "SUI": 1, "PEPE": 0, "LTC": 2, "TRX": 0,
}  # fmt: skip
FOUR_HOURLY = ("PEPE", "SUI", "TRX")


def usual_funding_hours(asset: Asset) -> int:
    """Hours between settlements on venues that settle some small coins more often."""
    return 4 if asset.symbol in FOUR_HOURLY else 8


def contract(
    asset: Asset,
    symbol: str,
    share: float = 1.0,
    *,
    market: str = "",
    base: str | None = None,
    quote: str = "USDT",
    inverse: bool = False,
    size: float = 1.0,
    multiplier: float = 1.0,
    decimals: int | None = None,
    hours: int = 8,
) -> Instrument:
    """A contract on an asset; `share` is its part of the venue's trade in the asset.

    `size` is the content of one unit of quantity: base units (linear) or USD (inverse). `decimals`
    are those of a quantity, `hours` is the funding interval.
    """
    return Instrument(
        venue="",
        market=market,
        symbol=symbol,
        asset=asset.symbol,
        base_asset=base or asset.symbol,
        quote_asset=quote,
        inverse=inverse,
        contract_size=size,
        multiplier=multiplier,
        quantity_decimals=QUANTITY_DECIMALS[asset.symbol] if decimals is None else decimals,
        # A unit of several coins has more digits of price.
        price_decimals=asset.price_decimals - round(math.log10(multiplier)),
        funding_interval_hours=hours,
        flow_share=share,
        oi_share=share,
    )


def inverse(
    asset: Asset,
    symbol: str,
    share: float,
    *,
    market: str = "",
    size: float = 1.0,
    decimals: int = 0,
) -> Instrument:
    """A contract that is margined in its coin, of `size` dollars."""
    return contract(
        asset, symbol, share, market=market, quote="USD", inverse=True, size=size, decimals=decimals
    )
