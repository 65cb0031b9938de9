"""The contracts that venues list on the assets that have derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from unwind.simulator.exchanges import exchanges
from unwind.simulator.market.scenario import Asset, Instrument

# The sector of what few venues list contracts on.
STOCKS = "stocks"


def listed(assets: Iterable[Asset]) -> tuple[Instrument, ...]:
    """Every venue's contracts on the assets that have derivatives."""
    traded = [asset for asset in assets if asset.has_derivatives]
    trades = {one.name: one.trading for one in exchanges().values() if one.trading}
    # Exact sums: weights that add up to one stay as they are.
    all_oi = math.fsum(trade.oi_weight for trade in trades.values())
    all_flow = math.fsum(trade.flow_weight for trade in trades.values())
    return tuple(
        replace(
            contract,
            venue=venue,
            size_scale=trade.size_scale,
            flow_share=trade.flow_weight / all_flow * contract.flow_share,
            oi_share=trade.oi_weight / all_oi * contract.oi_share,
        )
        for venue, trade in trades.items()
        for asset in traded
        for contract in (trade.stocks if asset.sector == STOCKS else trade.contracts)(asset)
    )
