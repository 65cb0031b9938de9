"""How often a lead is found between simulated venues, with a lead and without one.

    .venv/bin/python -m tests.simulations.lead_lag

Prints the table of docs/contagion.md: the share of hours in which the one-sided test of
contagion_hourly is significant, beside that of the plain difference of pairs under the same shifts.
Venues share nothing with the statistic: liquidations are drawn one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unwind.estimates import lead_lag
from unwind.estimates.lead_lag import SECONDS, LeadLags, lead_lags

SEED = 20261126
HOURS = 2000
# As the variables contagion_...
MIN_SECONDS, MAX_NULL_SHARE, MIN_STATISTIC = 20, 0.05, 1.645

Series = NDArray[np.float32]
Pair = tuple[Series, Series]
Random = np.random.Generator


class Market(NamedTuple):
    """A way to draw the active seconds of two venues in so many hours, each (hours, 3600)."""

    name: str
    draw: Callable[[Random, int], Pair]
    allowance_seconds: int = 0


def poisson(random: Random, hours: int, rate: float | NDArray[np.float64]) -> Series:
    """Independent seconds at a rate per second."""
    return (random.random((hours, SECONDS)) < 1 - np.exp(-rate)).astype(np.float32)


def placed(hour: NDArray[np.int64], instants: NDArray[np.float64], hours: int) -> Series:
    """The seconds of events at instants of hours; what is outside of its hour is left out."""
    is_within = (instants >= 0) & (instants < SECONDS)
    active = np.zeros((hours, SECONDS), dtype=np.float32)
    active[hour[is_within], instants[is_within].astype(np.int64)] = 1
    return active


def clusters(
    random: Random, hours: int, per_hour: float, size: float, gap_seconds: float
) -> Series:
    """Clusters that come independently; each event of one follows the one before it."""
    hour, start = instants_of(random, hours, per_hour)
    followers = random.poisson(size, len(hour))
    delays = random.exponential(gap_seconds, (len(hour), followers.max() + 1)).cumsum(axis=1)
    exists = np.arange(delays.shape[1]) <= followers[:, None]
    instants = start[:, None] + delays - delays[:, :1]
    return placed(np.repeat(hour, exists.sum(axis=1)), instants[exists], hours)


def bursts(
    random: Random,
    hours: int,
    per_hour: float,
    decay_seconds: float,
    rate: float,
    background: float = 0.005,
) -> Pair:
    """Both venues follow one rate, which jumps with each burst and decays; neither leads."""
    common = np.full((hours, SECONDS), background, dtype=np.float64)
    second = np.arange(SECONDS)
    for hour in range(hours):
        for start in random.uniform(0, SECONDS, random.poisson(per_hour)):
            after = second >= start
            common[hour, after] += rate * np.exp(-(second[after] - start) / decay_seconds)
    return poisson(random, hours, common), poisson(random, hours, common)


def shocks(
    random: Random, hours: int, spread_seconds: float, size: float, lead_seconds: float = 0
) -> Pair:
    """Shocks after which each venue liquidates with delays of its own, the second one later."""
    hour, start = instants_of(random, hours, 40)
    found = []
    for lead in (0.0, lead_seconds):
        events = random.poisson(size, len(hour))
        delays = random.exponential(spread_seconds, events.sum())
        active = placed(np.repeat(hour, events), np.repeat(start, events) + lead + delays, hours)
        found.append(np.maximum(active, poisson(random, hours, 0.01)))
    return found[0], found[1]


def one_per_second(random: Random, hours: int, lead_seconds: float = 0) -> Pair:
    """Shocks of four liquidations within a second or so, of which the first venue publishes all.

    The second one publishes the latest of each second, which begins with an order.
    """
    hour, start = instants_of(random, hours, 40)
    events = random.poisson(4, (2, len(hour)))
    full, hiding = (np.repeat(start, size) + random.exponential(0.5, size.sum()) for size in events)
    of_hour = np.repeat(hour, events[1])
    order = np.lexsort((hiding, of_hour))
    of_hour, hiding = of_hour[order], hiding[order]
    is_published = np.zeros(len(order), dtype=bool)
    begin = 0
    for place in range(1, len(order) + 1):
        is_over = place == len(order) or (
            of_hour[place] != of_hour[begin] or hiding[place] >= hiding[begin] + 1
        )
        if is_over:
            is_published[place - 1] = True
            begin = place
    return (
        placed(np.repeat(hour, events[0]), full, hours),
        placed(of_hour[is_published], hiding[is_published] + lead_seconds, hours),
    )


def instants_of(
    random: Random, hours: int, per_hour: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The hours and seconds of instants that come independently."""
    hour = np.repeat(np.arange(hours), random.poisson(per_hour, hours))
    return hour, random.uniform(0, SECONDS, len(hour))


def followed(random: Random, hours: int, rate: float, share: float, lead_seconds: int) -> Pair:
    """A share of the first venue's seconds is followed by one of the second, among others."""
    first = poisson(random, hours, rate)
    second = poisson(random, hours, rate * (1 - share))
    brought = first * (random.random(first.shape) < share)
    second[:, lead_seconds:] = np.maximum(second[:, lead_seconds:], brought[:, :-lead_seconds])
    return first, second


def independent(random: Random, hours: int, rate: float) -> Pair:
    """Two venues that have nothing in common."""
    return poisson(random, hours, rate), poisson(random, hours, rate)


def independent_clusters(random: Random, hours: int) -> Pair:
    """The same, each with clusters of its own."""
    first, second = (clusters(random, hours, 80, 2, 2) for _ in range(2))
    return first, second


# Without a lead; then with one.
PLACEBOS = (
    Market("independent, 0.02 a second", partial(independent, rate=0.02)),
    Market("independent, 0.05 a second", partial(independent, rate=0.05)),
    Market("independent, 0.25 a second", partial(independent, rate=0.25)),
    Market("80 independent clusters of 3 in 4 s", independent_clusters),
    Market("one common burst of a minute", partial(bursts, per_hour=1, decay_seconds=60, rate=0.5)),
    Market("5 common bursts of a minute", partial(bursts, per_hour=5, decay_seconds=60, rate=0.5)),
    Market("10 common bursts of 10 s", partial(bursts, per_hour=10, decay_seconds=10, rate=0.7)),
    Market("3 common bursts of 5 min", partial(bursts, per_hour=3, decay_seconds=300, rate=0.2)),
    Market(
        "20 common bursts of 10 s, silence between",
        partial(bursts, per_hour=20, decay_seconds=10, rate=0.7, background=0.0),
    ),
    Market("40 common shocks, delays of 1 s", partial(shocks, spread_seconds=1, size=1)),
    Market("40 common shocks, delays of 3 s", partial(shocks, spread_seconds=3, size=2)),
    Market("one venue publishes the latest of a second; no allowance", one_per_second),
    Market("the same; allowance of 1 s", one_per_second, 1),
)
LEADS = (
    Market(
        "of these, all is published 2 s earlier; allowance of 1 s",
        partial(one_per_second, lead_seconds=2),
        1,
    ),
    Market("a tenth followed 2 s later", partial(followed, rate=0.05, share=0.1, lead_seconds=2)),
    Market("3 in 10 followed 2 s later", partial(followed, rate=0.05, share=0.3, lead_seconds=2)),
    Market(
        "40 shocks, the other 1 s later", partial(shocks, spread_seconds=1, size=1, lead_seconds=1)
    ),
    Market(
        "40 shocks, the other 2 s later", partial(shocks, spread_seconds=3, size=2, lead_seconds=2)
    ),
)


def found_in(pair: Pair, allowance_seconds: int = 0) -> tuple[LeadLags, LeadLags]:
    """The figures of each hour, of the first venue's lead and of the second's."""
    first, second = pair
    hours = np.arange(len(first))
    return lead_lags(
        np.concatenate([first, second]),
        hours,
        len(hours) + hours,
        np.full(len(hours), allowance_seconds),
    )


def is_tested(pair: Pair, found: LeadLags) -> NDArray[np.bool_]:
    """Whether an hour has enough for a test."""
    seconds = np.minimum(*(active.sum(axis=1) for active in pair))
    tested: NDArray[np.bool_] = (seconds >= MIN_SECONDS) & (
        found.unequal_blocks >= lead_lag.MIN_BLOCKS
    )
    return tested


def is_significant(found: LeadLags) -> NDArray[np.bool_]:
    """is_significant of contagion_hourly."""
    significant: NDArray[np.bool_] = (found.null_share_above <= MAX_NULL_SHARE) & (
        found.lead_statistic >= MIN_STATISTIC
    )
    return significant


def plain_shares(pair: Pair) -> NDArray[np.float64]:
    """null_share_above of the difference of pairs alone, not over any root."""
    first, second = pair
    neighbours = lead_lag._neighbours(second, np.sign(lead_lag.LAGS) * lead_lag.NEAR)
    shares = []
    for start in range(0, len(first), lead_lag.PAIRS_AT_A_TIME):
        part = slice(start, start + lead_lag.PAIRS_AT_A_TIME)
        by_block = lead_lag._by_shift(first[part], neighbours[part])
        shares.append(lead_lag._share_above(by_block.sum(axis=2)))
    return np.concatenate(shares)


def main() -> None:
    started = time.perf_counter()
    random = np.random.default_rng(SEED)
    print(f"seed {SEED}, {HOURS} hours each; percent of the tested ones")
    print("| venues | tested | seconds | pairs | lead | opposite lead | plain difference |")
    print("|---|---|---|---|---|---|---|")
    for market in (*PLACEBOS, *LEADS):
        pair = market.draw(random, HOURS)
        forth, back = found_in(pair, market.allowance_seconds)
        tested = is_tested(pair, forth)
        shares = [
            100 * rejected[tested].mean()
            for rejected in (
                is_significant(forth),
                is_significant(back),
                plain_shares(pair) <= MAX_NULL_SHARE,
            )
        ]
        seconds = pair[0][tested].sum(axis=1).mean()
        pairs = np.median((forth.lead_pairs + forth.lag_pairs)[tested])
        print(
            f"| {market.name} | {100 * tested.mean():.0f} | {seconds:.0f} | {pairs:.0f} |"
            f" {shares[0]:.1f} | {shares[1]:.1f} | {shares[2]:.1f} |",
            flush=True,
        )
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
