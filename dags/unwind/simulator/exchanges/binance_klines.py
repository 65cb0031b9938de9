"""Binance's klines of spot pairs and of contracts' mark prices, as REST and dumps have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unwind.simulator import kit
from unwind.simulator.decimals import fixed
from unwind.simulator.market.steady import MINUTE_MS, steady

INTERVAL_MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360,
    "8h": 480, "12h": 720, "1d": 1440,
}  # fmt: skip
# Shares of an asset's volume that is traded in the pair with a quote asset.
SPOT_VOLUME_SHARES = {"USDT": 0.35, "USDC": 0.05}


@dataclass(frozen=True)
class Series:
    """What klines are of: spot, with its share of the asset's volume, or a mark price without."""

    asset: str
    decimals: int
    multiplier: float = 1.0
    volume_share: float = 0.0


def spot_series(tape: kit.Tape, symbol: str) -> Series:
    """A pair against USDT, or against USDC if there is a USDC contract; else NotListedError."""
    name, quote = symbol[:-4], symbol[-4:]
    number = tape.asset_index.get(name)
    if number is None or quote not in SPOT_VOLUME_SHARES or name == quote:
        raise kit.NotListedError(symbol)
    asset = tape.assets[number]
    without_contract = quote == "USDC" and ("binance", symbol) not in tape.instrument_number
    if not asset.has_spot or without_contract:
        raise kit.NotListedError(symbol)
    return Series(name, max(2, asset.price_decimals), volume_share=SPOT_VOLUME_SHARES[quote])


def mark_series(contract: kit.Instrument) -> Series:
    return Series(contract.asset, max(8, contract.price_decimals), contract.multiplier)


def kline_rows(
    tape: kit.Tape, series: Series, first: int, last: int, width: int
) -> list[list[Any]]:
    """Arrays of twelve over minutes [first, last), each of `width` minutes."""
    spot = series.volume_share > 0
    rows = []
    for place, bar in enumerate(tape.bars(series.asset, first, last, width, spot=spot)):
        open_ms = tape.start_ms + (first + place * width) * MINUTE_MS
        prices = [fixed(value * series.multiplier, series.decimals) for value in bar[:4]]
        volume, rest = "0", ["0", 60 * width, "0", "0"]
        if spot:
            usd, close = bar[4] * series.volume_share, bar[3]
            bought = usd * (0.42 + 0.16 * steady(series.asset, open_ms))
            volume = fixed(usd / close, 5)
            taken = [fixed(bought / close, 5), fixed(bought, 8)]
            rest = [fixed(usd, 8), int(usd // 650) + 1, *taken]
        rows.append([open_ms, *prices, volume, open_ms + width * MINUTE_MS - 1, *rest, "0"])
    return rows
