"""The seed episode: the hour of 2026-01-29 14:00 UTC, the day of waves before it, and three weeks
of calm before that.

Not everything of it is recorded: one venue is down for an hour of the calm weeks, the recorder is
cut off from another for less than an hour, and one asset has no spot market.

Only the scenario is stated here (prices, flows, sizes, holders' selling); which positions are
liquidated, and what is published of it, follows from `market`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from unwind.simulator.exchanges import exchanges
from unwind.simulator.listings import listed
from unwind.simulator.market.scenario import Appetite, Asset, Scenario, Wave, Waypoint
from unwind.simulator.market.tape import Tape
from unwind.simulator.segments import Outage

SEED = 20260129
FROM_AT = datetime(2026, 1, 6, tzinfo=UTC)
PEAK_FROM_AT = datetime(2026, 1, 29, 14, tzinfo=UTC)
PEAK_TO_AT = datetime(2026, 1, 29, 15, tzinfo=UTC)
TO_AT = datetime(2026, 1, 29, 15, 10, tzinfo=UTC)


def _at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


# Anchor prices are those of 15:00 on the day: BTC 1.71 trillion and ETH 344 billion of market cap
# follow from supply. Traded assets have open interest, activity (their share of all positions
# opened) and a typical position size; the others are only in the lists of market caps.
# fmt: off
ASSETS: tuple[Asset, ...] = (
    Asset("BTC", "Bitcoin", "bitcoin", "btc-bitcoin", 85590.0, 19_981_000,
          "store of value", own_volatility=0.0006, ripple=0.0013, oi_usd=12e9, volume_24h_usd=38e9,
          activity=0.24, position_usd=14_000, price_decimals=1),
    Asset("ETH", "Ethereum", "ethereum", "eth-ethereum", 2850.1, 0.120695e9,
          "smart contracts", beta=1.15, own_volatility=0.006, ripple=0.0016, oi_usd=6.2e9,
          volume_24h_usd=24e9, activity=0.19, position_usd=9_800),
    Asset("SOL", "Solana", "solana", "sol-solana", 118.4, 0.565e9,
          "smart contracts", beta=1.25, own_volatility=0.012, oi_usd=1.9e9, volume_24h_usd=6e9,
          activity=0.12, position_usd=7_500),
    Asset("XRP", "XRP", "ripple", "xrp-xrp", 1.813, 60.7e9,
          "payments", beta=1.2, own_volatility=0.012, oi_usd=1.1e9, volume_24h_usd=3.4e9,
          activity=0.08, position_usd=5_500, price_decimals=4),
    Asset("DOGE", "Dogecoin", "dogecoin", "doge-dogecoin", 0.1173, 168.3e9,
          "meme", beta=1.3, own_volatility=0.014, oi_usd=0.6e9, volume_24h_usd=1.6e9,
          activity=0.06, position_usd=4_000, price_decimals=5),
    Asset("BNB", "BNB", "binancecoin", "bnb-binance-coin", 868.2, 0.13636e9,
          "exchange", beta=0.85, own_volatility=0.009, oi_usd=0.55e9, volume_24h_usd=1.4e9,
          activity=0.03, position_usd=4_500),
    Asset("ADA", "Cardano", "cardano", "ada-cardano", 0.338, 36.03e9,
          "smart contracts", beta=1.3, own_volatility=0.014, oi_usd=0.32e9, volume_24h_usd=0.7e9,
          activity=0.03, position_usd=3_500, price_decimals=4),
    Asset("HYPE", "Hyperliquid", "hyperliquid", "hype-hyperliquid", 31.85, 0.2384e9,
          "exchange", beta=1.2, own_volatility=0.02, drift_24h=0.06, oi_usd=0.75e9,
          volume_24h_usd=0.9e9, activity=0.05, position_usd=6_500, price_decimals=3,
          has_spot=False),
    Asset("LINK", "Chainlink", "chainlink", "link-chainlink", 11.23, 0.708e9,
          "oracles", beta=1.25, own_volatility=0.013, oi_usd=0.28e9, volume_24h_usd=0.6e9,
          activity=0.03, position_usd=3_500, price_decimals=3),
    Asset("AVAX", "Avalanche", "avalanche-2", "avax-avalanche", 11.15, 0.431e9,
          "smart contracts", beta=1.3, own_volatility=0.014, oi_usd=0.22e9, volume_24h_usd=0.45e9,
          activity=0.025, position_usd=3_200, price_decimals=3),
    Asset("SUI", "Sui", "sui", "sui-sui", 1.342, 3.79e9,
          "smart contracts", beta=1.4, own_volatility=0.016, oi_usd=0.4e9, volume_24h_usd=0.8e9,
          activity=0.04, position_usd=3_800, price_decimals=4),
    Asset("PEPE", "Pepe", "pepe", "pepe-pepe", 0.0000046100, 420690e9,
          "meme", beta=1.5, own_volatility=0.02, oi_usd=0.21e9, volume_24h_usd=0.5e9,
          activity=0.035, position_usd=3_000, price_decimals=10),
    Asset("LTC", "Litecoin", "litecoin", "ltc-litecoin", 66.1, 76_800_000,
          "payments", beta=1.1, own_volatility=0.012, oi_usd=0.26e9, volume_24h_usd=0.4e9,
          activity=0.02, position_usd=3_000),
    Asset("TRX", "TRON", "tron", "trx-tron", 0.2935, 94.7e9,
          "smart contracts", beta=0.3, own_volatility=0.005, drift_24h=0.012, oi_usd=0.15e9,
          volume_24h_usd=0.5e9, activity=0.01, position_usd=3_000, price_decimals=5),
    Asset("USDT", "Tether", "tether", "usdt-tether", 0.9987, 185.9e9,
          "stablecoin", beta=0.0, own_volatility=0.0, ripple=0.0001, volume_24h_usd=110e9,
          price_decimals=5),
    Asset("USDC", "USDC", "usd-coin", "usdc-usd-coin", 0.9998, 70.9e9,
          "stablecoin", beta=0.0, own_volatility=0.0, ripple=0.0001, volume_24h_usd=14e9,
          price_decimals=5),
    Asset("BCH", "Bitcoin Cash", "bitcoin-cash", "bch-bitcoin-cash", 566.0, 19_990_000,
          "payments", own_volatility=0.014, volume_24h_usd=0.4e9),
    Asset("XMR", "Monero", "monero", "xmr-monero", 452.0, 18_450_000,
          "privacy", beta=0.7, own_volatility=0.02, drift_24h=0.03, volume_24h_usd=0.2e9),
    Asset("XLM", "Stellar", "stellar", "xlm-stellar", 0.1986, 32.4e9,
          "payments", beta=1.2, own_volatility=0.012, volume_24h_usd=0.15e9, price_decimals=4),
    Asset("TON", "Toncoin", "the-open-network", "toncoin-the-open-network", 1.482, 2.45e9,
          "smart contracts", beta=1.2, own_volatility=0.013, price_decimals=3),
    Asset("SHIB", "Shiba Inu", "shiba-inu", "shib-shiba-inu", 0.00000724, 589200e9,
          "meme", beta=1.3, own_volatility=0.014, volume_24h_usd=0.12e9, price_decimals=8),
    Asset("DOT", "Polkadot", "polkadot", "dot-polkadot", 1.752, 1.66e9,
          "smart contracts", beta=1.3, own_volatility=0.014, volume_24h_usd=0.13e9,
          price_decimals=3),
    Asset("UNI", "Uniswap", "uniswap", "uni-uniswap", 4.52, 0.634e9,
          "decentralised finance", beta=1.35, volume_24h_usd=0.2e9, price_decimals=3),
    Asset("AAVE", "Aave", "aave", "aave-new", 146.0, 15_300_000,
          "decentralised finance", beta=1.35, volume_24h_usd=0.2e9),
)
# fmt: on

INSTRUMENTS = listed(ASSETS)

WAYPOINTS: tuple[Waypoint, ...] = (
    Waypoint(_at(6), 93_400),
    Waypoint(_at(9), 90_700),
    Waypoint(_at(13), 92_800),
    Waypoint(_at(15), 96_300),
    Waypoint(_at(18), 95_100),
    Waypoint(_at(20), 91_900),
    Waypoint(_at(23), 89_700),
    Waypoint(_at(26), 88_200),
    Waypoint(_at(28, 6), 88_900),
    Waypoint(_at(28, 11), 88_600),
    Waypoint(_at(28, 13), 88_500),
    Waypoint(_at(28, 14, 30), 88_450),
    Waypoint(_at(28, 15, 35), 88_350),
    Waypoint(_at(28, 16, 20), 86_790),
    Waypoint(_at(28, 17, 30), 87_900),
    Waypoint(_at(28, 19), 87_850),
    Waypoint(_at(28, 20, 30), 87_850),
    Waypoint(_at(28, 21, 15), 86_450),
    Waypoint(_at(28, 22, 30), 87_600),
    Waypoint(_at(29, 0, 30), 87_550),
    Waypoint(_at(29, 2, 10), 87_500),
    Waypoint(_at(29, 2, 50), 86_140),
    Waypoint(_at(29, 4), 87_250),
    Waypoint(_at(29, 6), 87_150),
    Waypoint(_at(29, 8, 15), 87_150),
    Waypoint(_at(29, 9), 85_890),
    Waypoint(_at(29, 10, 20), 86_790),
    Waypoint(_at(29, 12), 86_850),
    Waypoint(_at(29, 13, 55), 86_900),
    Waypoint(_at(29, 14, 12), 86_300),
    Waypoint(_at(29, 14, 34), 85_150),
    Waypoint(_at(29, 14, 50), 85_690),
    Waypoint(_at(29, 15), 85_590),
    Waypoint(_at(29, 15, 10), 85_640),
)

# Eagerness to open positions: dips are bought with more leverage and size after each wave, few dare
# to be short.
APPETITES: tuple[Appetite, ...] = (
    Appetite(_at(6), 1.0, 0.8),
    Appetite(_at(28, 10), 6.6, 0.6, 2.3),
    Appetite(_at(28, 16, 20), 7.9, 0.4, 2.3),
    Appetite(_at(28, 21, 15), 5.4, 0.4, 2.3),
    Appetite(_at(29, 2, 50), 6.4, 0.4, 2.15),
    Appetite(_at(29, 9), 2.45, 0.4, 1.35),
    Appetite(_at(29, 14, 26), 1.0, 14.0, 1.66),
    Appetite(_at(29, 14, 42), 1.5, 1.0, 1.0),
)

WAVES: tuple[Wave, ...] = (
    Wave(_at(28, 15, 40), _at(28, 16, 40), 0.042, _at(28, 20, 30), 0.2),
    Wave(_at(28, 20, 40), _at(28, 21, 40), 0.042, _at(29, 2, 0), 0.2),
    Wave(_at(29, 2, 15), _at(29, 3, 10), 0.042, _at(29, 8, 0), 0.2),
    Wave(_at(29, 8, 25), _at(29, 9, 20), 0.042, _at(29, 13, 50), 0.2),
    Wave(_at(29, 14, 2), _at(29, 14, 50), 0.036, _at(29, 15, 10), 0.0),
)

# While it is down a venue sends neither responses nor frames.
DOWN = Outage("bybit", _at(26, 9), _at(26, 10))
# The venue was up, and the recorder received nothing of it.
CUT_OFF = Outage("bitmex", _at(27, 16, 12), _at(27, 16, 47))
OUTAGES = (DOWN, CUT_OFF)

RULES = {name: one.trading.rule for name, one in exchanges().items() if one.trading}

SEED_EPISODE = Scenario(
    seed=SEED,
    from_at=FROM_AT,
    to_at=TO_AT,
    anchor_at=PEAK_TO_AT,
    assets=ASSETS,
    instruments=INSTRUMENTS,
    waypoints=WAYPOINTS,
    appetites=APPETITES,
    waves=WAVES,
    rules=RULES,
    stress_from_at=_at(28, 15, 30),
)


SHORT_FROM_AT = _at(27)


@lru_cache(maxsize=1)
def default_tape() -> Tape:
    """The seed episode's tape, generated once per process."""
    return Tape(SEED_EPISODE)


def short_tape(seed: int = SEED, from_at: datetime = SHORT_FROM_AT) -> Tape:
    """A tape of only the last days: for tests that need no long history.

    Its numbers differ from the default tape's.
    """
    return Tape(replace(SEED_EPISODE, seed=seed, from_at=from_at))


def calm_tape(from_at: datetime, to_at: datetime, *, seed: int = SEED) -> Tape:
    """Two assets in a calm market at any dates: for what depends on a date."""
    level = 100_000.0
    return Tape(
        replace(
            SEED_EPISODE,
            seed=seed,
            from_at=from_at,
            to_at=to_at,
            anchor_at=to_at,
            assets=ASSETS[:2],
            instruments=listed(ASSETS[:2]),
            waypoints=(Waypoint(from_at, level), Waypoint(to_at, level)),
            appetites=(Appetite(from_at, 1.0, 0.8),),
            waves=(),
            stress_from_at=None,
        )
    )
