"""Binance's liquidation orders, as frames and dumps have them."""

from __future__ import annotations

from typing import Any

from unwind.simulator import kit
from unwind.simulator.decimals import stepped
from unwind.simulator.market.steady import steady


def last_filled(one: kit.Liquidation) -> str:
    """Quantity of an order's last fill."""
    steps = one.quantity_steps
    last = max(1, steps - int(steps * 0.6 * steady("last fill", one.row)))
    return stepped(last, one.contract.quantity_decimals)


def force_order(one: kit.Liquidation) -> dict[str, Any]:
    """The forceOrder frame of one published liquidation."""
    return {
        "e": "forceOrder",
        "E": one.pushed_ms,
        "ps": one.contract.symbol.removesuffix("_PERP"),
        "st": 2 if one.contract.market == "cm" else 1,
        "o": {
            "s": one.contract.symbol,
            "S": one.order_side.upper(),
            "o": "LIMIT",
            "f": "IOC",
            "q": one.size,
            "p": one.price(one.bankruptcy_ticks),
            "ap": one.price(one.fill_ticks),
            "X": "FILLED",
            "l": last_filled(one),
            "z": one.size,
            "T": one.at_ms,
        },
    }
