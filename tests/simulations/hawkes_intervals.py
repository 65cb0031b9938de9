"""How often the 90% interval of a branching ratio holds the true one, on simulated processes.

    .venv/bin/python -m tests.simulations.hawkes_intervals

Prints a table, by kind of process (docs/episodes.md). Each process is made by what brings what
about: independent first events, each with children of its own, and these with theirs (Hawkes and
Oakes 1974), which shares nothing with the fit's likelihood.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unwind.episodes.hawkes import fit
from unwind.episodes.instants import spread_ties

SEED = 20261126
PROCESSES = 300
MIN_EVENTS = 200
# Branching ratio, events expected, decay time in seconds; each in windows of an hour.
HOUR = 3600.0
RATIOS = (0.2, 0.4, 0.6, 0.8)
EVENTS = (300, 600)
DECAY_SECONDS = (5.0, 30.0)


class Truth(NamedTuple):
    """What a process is made by: events per second, children of each, and their mean delay."""

    base_rate: float
    branching_ratio: float
    decay_seconds: float


def truths() -> list[Truth]:
    return [
        Truth(events * (1 - ratio) / HOUR, ratio, decay_seconds)
        for ratio in RATIOS
        for events in EVENTS
        for decay_seconds in DECAY_SECONDS
    ]


def simulated(random: np.random.Generator, truth: Truth, window_seconds: float) -> NDArray:
    """The instants of a process that begins at 0 with no history."""
    parents = random.uniform(0, window_seconds, random.poisson(truth.base_rate * window_seconds))
    generations = [parents]
    while len(parents):
        children = random.poisson(truth.branching_ratio, len(parents))
        delays = random.exponential(truth.decay_seconds, children.sum())
        parents = np.repeat(parents, children) + delays
        parents = parents[parents < window_seconds]
        generations.append(parents)
    return np.sort(np.concatenate(generations))


def held(
    random: np.random.Generator, truth: Truth, processes: int, *, in_seconds: bool = False
) -> NDArray:
    """Whether each interval holds the truth, of processes with at least MIN_EVENTS events."""
    found: list[bool] = []
    while len(found) < processes:
        instants = simulated(random, truth, HOUR)
        if len(instants) < MIN_EVENTS:
            continue
        if in_seconds:
            whole = (instants.astype(np.int64) * 1_000_000).astype(np.int64)
            instants = spread_ties(np.zeros(len(whole), dtype=np.int64), whole)
        one = fit(instants, HOUR)
        low, high = one.branching_ratio_low, one.branching_ratio_high
        found.append(low <= truth.branching_ratio <= high)
    return np.array(found)


def main() -> None:
    started = time.perf_counter()
    random = np.random.default_rng(SEED)
    print(f"seed {SEED}, {PROCESSES} processes each; intervals of 90% that hold the truth, percent")
    print("| branching ratio | events | decay, s | instants exact | in whole seconds |")
    print("|---|---|---|---|---|")
    for truth in truths():
        shares = [
            100 * held(random, truth, PROCESSES, in_seconds=in_seconds).mean()
            for in_seconds in (False, True)
        ]
        events = truth.base_rate / (1 - truth.branching_ratio) * HOUR
        print(
            f"| {truth.branching_ratio} | {events:.0f} | {truth.decay_seconds:g} |"
            f" {shares[0]:.1f} | {shares[1]:.1f} |",
            flush=True,
        )
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
