"""Markets in which leverage leaves by one of four mechanisms, to try unwind_classification on.

A market of longs with liquidation prices of their own: they open, close on their own, and are
liquidated where the price reaches theirs. Each forced sale presses on the next minute's price. Some
liquidated contracts pass to somebody new; the others leave open interest. 31 days go by like that,
and the last day is one of:

tranches  a large account is liquidated in 5 to 8 parts, each within an hour or so; the price
          falls with each, regains half of it, and the dip is bought
shock     a single fall within an hour liquidates whom it reaches
exit      holders close on their own all day, and few open
calm      a day like any other

No price, open interest or liquidation is set by what the classes ask for: they follow from these
parameters, which were written down, with the number of markets and the seed, before they were
graded. A first set is in docs/episodes.md with its grades: it liquidated 1 to 3.5% of the open
interest on a calm day, several times what markets do, and its tranches were falls of the price of
2 to 4%, of which one took 17% of the open interest and another nothing.

Not in it: liquidations of shorts, venues that hide events, several assets that fall together.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DAYS = 32
DAY = 1440
MINUTES = DAYS * DAY
EVENT_DAY_FROM = MINUTES - DAY
DAILY_SIGMA = 0.02
# Longs in a steady state, their mean life on their own, and their size: lognormal, sigma of 1.
POSITIONS = 2_000
LIFETIME_DAYS = 5.0
POSITION_USD = 50_000.0
# Those that are there from the start were opened at prices about that of the start.
START_SPREAD = 0.04
# Leverages, each with its share of the positions opened.
LEVERAGES = {3: 0.35, 5: 0.35, 10: 0.22, 20: 0.05, 25: 0.015, 50: 0.01, 100: 0.005}
MAINTENANCE_RATE = 0.004
# How often a liquidated contract passes to somebody new.
PASSED_ON = 0.3
# The price falls by a tenth of the share of the open interest that is sold by force. (With three
# tenths, thrown away before any was graded, calm markets cascaded to nothing.)
IMPACT = 0.1
# Open interest as published is off by so much.
OPEN_INTEREST_NOISE = 0.002

TRANCHES = (5, 8)
TRANCHE_MINUTES = (20, 60)
TRANCHE_FALL = (0.010, 0.020)
# What the large account holds, as a share of what everyone else does.
ACCOUNT_SHARE = (0.20, 0.35)
SHOCK_MINUTES = (15, 45)
SHOCK_FALL = (0.10, 0.18)
REGAINED = {"tranches": 0.5, "shock": 0.3}
REGAINED_WITHIN = 120
# Openings after a tranche, as a multiple of the usual.
DIPS_BOUGHT = 2.0
EXIT_SHARE = (0.15, 0.35)
EXIT_FALL = (0.0, 0.03)
EXIT_OPENINGS = 0.5

CLASSES = {
    "tranches": "staged",
    "shock": "capitulation",
    "exit": "voluntary",
    "calm": "mixed",
}
SHARES_UP_TO = list(accumulate(LEVERAGES.values()))[:-1]


@dataclass
class Plan:
    """What happens to a market in each of its minutes, whoever holds what."""

    pushes: Floats  # change of the log price
    openings: Floats  # as a multiple of the usual
    closings: Floats  # share of the open positions that close beyond the usual
    account: Floats  # what is liquidated of the large account, as a share of everyone else's


@dataclass
class Longs:
    """Open positions: by liquidation price, and by the minute in which they close on their own."""

    coins: dict[int, float] = field(default_factory=dict)
    by_price: list[tuple[float, int]] = field(default_factory=list)
    by_minute: dict[int, list[int]] = field(default_factory=dict)
    opened: int = 0
    total: float = 0.0

    def open(self, price: float, coins: float, minute: int, draw: np.random.Generator) -> None:
        """Adds a position of so many coins."""
        place = bisect(SHARES_UP_TO, draw.random())
        leverage = list(LEVERAGES)[place]
        liquidation_price = price * (1 - 1 / leverage) / (1 - MAINTENANCE_RATE)
        closes = minute + 1 + int(draw.exponential(LIFETIME_DAYS * DAY))
        heapq.heappush(self.by_price, (-liquidation_price, self.opened))
        self.by_minute.setdefault(closes, []).append(self.opened)
        self.coins[self.opened] = coins
        self.total += coins
        self.opened += 1

    def close(self, number: int) -> float:
        """Removes a position, if it is still open; its coins."""
        coins = self.coins.pop(number, 0.0)
        self.total -= coins
        return coins

    def liquidated(self, low: float) -> list[tuple[float, float]]:
        """Removes whom the low reaches: price and coins of each."""
        reached = []
        while self.by_price and -self.by_price[0][0] >= low:
            price, number = heapq.heappop(self.by_price)
            if coins := self.close(number):
                reached.append((-price, coins))
        return reached


@dataclass(frozen=True)
class Tape:
    """What a market published."""

    prices: Floats  # at each minute's start, and at the end
    open_interest: Floats  # coins at each hour's start, and at the end
    liquidations: list[tuple[int, float]]  # minute and dollars of each


def planned(mechanism: str, draw: np.random.Generator) -> Plan:
    """The minutes of a market in which leverage leaves by a mechanism on the last day."""
    plan = Plan(
        draw.normal(0, DAILY_SIGMA / np.sqrt(DAY), MINUTES),
        np.ones(MINUTES),
        np.zeros(MINUTES),
        np.zeros(MINUTES),
    )
    if mechanism == "tranches":
        count = int(draw.integers(TRANCHES[0], TRANCHES[1] + 1))
        # A tranche in each of as many equal parts of the day, with room to be over within it.
        part, share = DAY // count, draw.uniform(*ACCOUNT_SHARE) / count
        for place in range(count):
            minutes = int(draw.integers(*TRANCHE_MINUTES))
            start = EVENT_DAY_FROM + place * part + int(draw.integers(0, part - minutes))
            _push(plan, mechanism, start, minutes, draw.uniform(*TRANCHE_FALL))
            plan.account[start : start + minutes] = share / minutes
            plan.openings[start + minutes : start + minutes + REGAINED_WITHIN] = DIPS_BOUGHT
    elif mechanism == "shock":
        start = EVENT_DAY_FROM + int(draw.integers(2 * 60, 20 * 60))
        minutes = int(draw.integers(*SHOCK_MINUTES))
        _push(plan, mechanism, start, minutes, draw.uniform(*SHOCK_FALL))
    elif mechanism == "exit":
        plan.closings[EVENT_DAY_FROM:] = -np.log(1 - draw.uniform(*EXIT_SHARE)) / DAY
        plan.openings[EVENT_DAY_FROM:] = EXIT_OPENINGS
        plan.pushes[EVENT_DAY_FROM:] += np.log(1 - draw.uniform(*EXIT_FALL)) / DAY
    return plan


def _push(plan: Plan, mechanism: str, start: int, minutes: int, fall: float) -> None:
    end = start + minutes
    plan.pushes[start:end] += np.log(1 - fall) / minutes
    regained = plan.pushes[end : end + REGAINED_WITHIN]
    regained -= REGAINED[mechanism] * np.log(1 - fall) / REGAINED_WITHIN


def simulate(mechanism: str, draw: np.random.Generator) -> Tape:
    """A market's 32 days."""
    plan, longs, price = planned(mechanism, draw), Longs(), 100.0
    for _ in range(POSITIONS):
        entry = price * math.exp(draw.normal(0, START_SPREAD))
        longs.open(entry, _coins(price, draw), 0, draw)
    everyone = longs.total
    longs.total += everyone * plan.account.sum()
    account = (everyone * plan.account).tolist()
    openings = draw.poisson(POSITIONS / LIFETIME_DAYS / DAY * plan.openings).tolist()
    closings = plan.closings.tolist()
    prices, open_interest = [price], [longs.total]
    liquidations: list[tuple[int, float]] = []
    pressure = 0.0
    for minute, push in enumerate(plan.pushes.tolist()):
        price *= math.exp(push - IMPACT * pressure)
        held = longs.total
        reached = longs.liquidated(min(price, prices[-1]))
        if account[minute]:
            longs.total -= account[minute]
            reached.append((price, account[minute]))
        pressure = sum(coins for _, coins in reached) / held
        for liquidation_price, coins in reached:
            liquidations.append((minute, liquidation_price * coins))
            if draw.random() < PASSED_ON:
                longs.open(price, coins, minute, draw)
        _leave(longs, minute, closings[minute], draw)
        for _ in range(openings[minute]):
            longs.open(price, _coins(price, draw), minute, draw)
        prices.append(price)
        if minute % 60 == 59:
            open_interest.append(longs.total)
    noise = draw.normal(1, OPEN_INTEREST_NOISE, len(open_interest))
    return Tape(np.array(prices), np.array(open_interest) * noise, liquidations)


def _coins(price: float, draw: np.random.Generator) -> float:
    # The mean of a lognormal with sigma of 1 is exp(1/2) times its median.
    return POSITION_USD / price * float(draw.lognormal(-0.5, 1.0))


def _leave(longs: Longs, minute: int, share: float, draw: np.random.Generator) -> None:
    for number in longs.by_minute.pop(minute, []):
        longs.close(number)
    if share and (count := draw.binomial(len(longs.coins), share)):
        for number in draw.choice(np.array(list(longs.coins)), count, replace=False):
            longs.close(int(number))
