"""The contracts that venues list on the assets that have derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from unwind.simulator.exchanges import venues
from unwind.simulator.market import Asset, Instrument

# Decimals of a quantity in base coins, where a venue has no other.
QUANTITY_DECIMALS = {
    "BTC": 3,
    "ETH": 3,
    "SOL": 2,
    "XRP": 1,
    "DOGE": 0,
    "BNB": 2,
    "ADA": 0,
    "HYPE": 2,
    "LINK": 2,
    "AVAX": 1,
    "SUI": 1,
    "PEPE": 0,
    "LTC": 2,
    "TRX": 0,
}
# The sector of what few venues list contracts on.
STOCKS = "stocks"
FOUR_HOURLY = ("PEPE", "SUI", "TRX")


def usual_funding_hours(asset: Asset) -> int:
    """Hours between settlements on venues that settle some small coins more often."""
    return 4 if asset.symbol in FOUR_HOURLY else 8


def contract(
    venue: str,
    market: str,
    asset: Asset,
    symbol: str,
    share: float = 1.0,
    *,
    base_asset: str | None = None,
    quote_asset: str = "USDT",
    inverse: bool = False,
    contract_size: float = 1.0,
    multiplier: float = 1.0,
    quantity_decimals: int | None = None,
    funding_interval_hours: int = 8,
) -> Instrument:
    """A contract on an asset; `share` is its part of the venue's trade in the asset.

    `contract_size` is what one unit of quantity means: base units (linear) or USD (inverse).
    """
    return Instrument(
        venue=venue,
        market=market,
        symbol=symbol,
        asset=asset.symbol,
        base_asset=base_asset or asset.symbol,
        quote_asset=quote_asset,
        inverse=inverse,
        contract_size=contract_size,
        multiplier=multiplier,
        quantity_decimals=(
            QUANTITY_DECIMALS[asset.symbol] if quantity_decimals is None else quantity_decimals
        ),
        # A unit of many coins has as many digits of price.
        price_decimals=asset.price_decimals - round(math.log10(multiplier)),
        funding_interval_hours=funding_interval_hours,
        flow_share=share,
        oi_share=share,
    )


def listed(assets: Iterable[Asset]) -> tuple[Instrument, ...]:
    """Every venue's contracts on the assets that have derivatives."""
    traded = [asset for asset in assets if asset.has_derivatives]
    trades = [venue.trading for venue in venues().values() if venue.trading]
    # Exact sums: weights that add up to one stay as they are.
    all_oi = math.fsum(trade.oi_weight for trade in trades)
    all_flow = math.fsum(trade.flow_weight for trade in trades)
    return tuple(
        replace(
            instrument,
            size_scale=trade.size_scale,
            flow_share=trade.flow_weight / all_flow * instrument.flow_share,
            oi_share=trade.oi_weight / all_oi * instrument.oi_share,
        )
        for trade in trades
        for asset in traded
        for instrument in (trade.stocks if asset.sector == STOCKS else trade.contracts)(asset)
    )
