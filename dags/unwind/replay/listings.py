"""Which contracts each venue lists on an asset, and their sizes and units.

Shares say how an asset's open interest and new positions divide between venues and contracts.
"""

from __future__ import annotations

from collections.abc import Iterable

from unwind.replay.market import Asset, Instrument

OI_SHARES = {"binance": 0.42, "bybit": 0.24, "okx": 0.16, "hyperliquid": 0.18}
FLOW_SHARES = {"binance": 0.40, "bybit": 0.23, "okx": 0.17, "hyperliquid": 0.20}
SIZE_SCALES = {"binance": 1.0, "bybit": 0.9, "okx": 0.85, "hyperliquid": 1.35}

# Contract sizes as OKX lists them: base coins a contract.
OKX_CONTRACT_SIZES = {
    "BTC": 0.01,
    "ETH": 0.1,
    "SOL": 1,
    "XRP": 100,
    "DOGE": 1000,
    "BNB": 0.01,
    "ADA": 100,
    "HYPE": 0.1,
    "LINK": 1,
    "AVAX": 1,
    "SUI": 1,
    "PEPE": 10_000_000,
    "LTC": 1,
    "TRX": 1000,
}
LINEAR_DECIMALS = {
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
HYPERLIQUID_DECIMALS = {
    "BTC": 5,
    "ETH": 4,
    "SOL": 2,
    "XRP": 0,
    "DOGE": 0,
    "BNB": 3,
    "ADA": 0,
    "HYPE": 2,
    "LINK": 1,
    "AVAX": 2,
    "SUI": 1,
    "PEPE": 0,
    "LTC": 2,
    "TRX": 0,
}
COIN_MARGINED = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC")
BYBIT_INVERSE = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC")
OKX_INVERSE = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC")
USDC_MARGINED = ("BTC", "ETH", "SOL")
FOUR_HOURLY = ("PEPE", "SUI", "TRX")


def _instrument(
    venue: str, market: str, asset: Asset, symbol: str, share: float, **more: object
) -> Instrument:
    base: dict[str, object] = {
        "base_asset": asset.symbol,
        "quote_asset": "USDT",
        "inverse": False,
        "contract_size": 1.0,
        "multiplier": 1.0,
        "quantity_decimals": LINEAR_DECIMALS[asset.symbol],
        "price_decimals": asset.price_decimals,
        "funding_interval_hours": 8,
    } | more
    return Instrument(
        venue=venue,
        market=market,
        symbol=symbol,
        asset=asset.symbol,
        size_scale=SIZE_SCALES[venue],
        flow_share=FLOW_SHARES[venue] * share,
        oi_share=OI_SHARES[venue] * share,
        **base,
    )  # type: ignore[arg-type]


def _binance(asset: Asset) -> list[Instrument]:
    name = asset.symbol
    thousand = name == "PEPE"
    base = f"1000{name}" if thousand else name
    scale = {"multiplier": 1000.0, "price_decimals": asset.price_decimals - 3} if thousand else {}
    hours = {"funding_interval_hours": 4 if name in FOUR_HOURLY else 8}
    inverse = 0.08 if name in COIN_MARGINED else 0.0
    usdc = 0.05 if name in USDC_MARGINED else 0.0
    found = [
        _instrument(
            "binance",
            "um",
            asset,
            f"{base}USDT",
            1 - inverse - usdc,
            base_asset=base,
            **scale,
            **hours,
        )
    ]
    if usdc:
        found.append(_instrument("binance", "um", asset, f"{base}USDC", usdc, quote_asset="USDC"))
    if inverse:
        found.append(
            _instrument(
                "binance",
                "cm",
                asset,
                f"{name}USD_PERP",
                inverse,
                quote_asset="USD",
                inverse=True,
                contract_size=100.0 if name == "BTC" else 10.0,
                quantity_decimals=0,
            )
        )
    return found


def _bybit(asset: Asset) -> list[Instrument]:
    name = asset.symbol
    thousand = name == "PEPE"
    base = f"1000{name}" if thousand else name
    scale = {"multiplier": 1000.0, "price_decimals": asset.price_decimals - 3} if thousand else {}
    hours = {"funding_interval_hours": 4 if name in FOUR_HOURLY else 8}
    inverse = 0.09 if name in BYBIT_INVERSE else 0.0
    found = [
        _instrument(
            "bybit", "linear", asset, f"{base}USDT", 1 - inverse, base_asset=base, **scale, **hours
        )
    ]
    if inverse:
        found.append(
            _instrument(
                "bybit",
                "inverse",
                asset,
                f"{name}USD",
                inverse,
                quote_asset="USD",
                inverse=True,
                quantity_decimals=0,
            )
        )
    return found


def _okx(asset: Asset) -> list[Instrument]:
    name = asset.symbol
    inverse = 0.10 if name in OKX_INVERSE else 0.0
    size = OKX_CONTRACT_SIZES[name]
    found = [
        _instrument(
            "okx",
            "swap",
            asset,
            f"{name}-USDT-SWAP",
            1 - inverse,
            contract_size=float(size),
            quantity_decimals=2,
        )
    ]
    if inverse:
        found.append(
            _instrument(
                "okx",
                "swap",
                asset,
                f"{name}-USD-SWAP",
                inverse,
                quote_asset="USD",
                inverse=True,
                contract_size=100.0 if name == "BTC" else 10.0,
                quantity_decimals=1,
            )
        )
    return found


def _hyperliquid(asset: Asset) -> list[Instrument]:
    thousand = asset.symbol == "PEPE"
    coin = f"k{asset.symbol}" if thousand else asset.symbol
    decimals = asset.price_decimals - 3 if thousand else asset.price_decimals
    return [
        _instrument(
            "hyperliquid",
            "perp",
            asset,
            coin,
            1.0,
            base_asset=coin,
            quote_asset="USDC",
            multiplier=1000.0 if thousand else 1.0,
            price_decimals=max(1, decimals),
            quantity_decimals=HYPERLIQUID_DECIMALS[asset.symbol],
            funding_interval_hours=1,
        )
    ]


def listed(assets: Iterable[Asset]) -> tuple[Instrument, ...]:
    """Every venue's contracts on the assets that have derivatives."""
    traded = [asset for asset in assets if asset.has_derivatives]
    return tuple(
        instrument
        for listing in (_binance, _bybit, _okx, _hyperliquid)
        for asset in traded
        for instrument in listing(asset)
    )
