"""Speed of the estimates of hidden liquidations, against just sorting and summing the events."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks.report import Report
from unwind.estimates import tapes
from unwind.estimates.channels import Published, estimate
from unwind.estimates.moments import LONG, SHORT
from unwind.estimates.rates import HOUR_SECONDS

# Instrument-hours, and events in each: most of a venue's hours are quiet.
HOURS = {"quiet": (5_000, 3), "busy": (200, 1_000)}


def estimates(report: Report, _folder: Path) -> None:
    """Notes each rule's speed on quiet and busy hours, and its ratio to the floor."""
    rng = np.random.default_rng(1)
    for name, (hours, per_hour) in HOURS.items():
        tape = made_tape(rng, hours, per_hour)
        for rule in tapes.RULES:
            events = published_of(tape, rule)
            seconds = _seconds(estimate, events, [rule] * hours)
            floor = _seconds(added_up, events, hours)
            count = len(events.row)
            report.note(
                f"{name} hours, {rule}",
                events_per_second=count / seconds,
                instrument_hours_per_second=hours / seconds,
                events_per_second_sorted_and_added_up=count / floor,
                times_sorting_and_adding_up=seconds / floor,
            )


def made_tape(rng: np.random.Generator, hours: int, per_hour: int) -> tapes.Tape:
    """Independent events at a steady rate; the rate grids stay empty, as thinning reads none."""
    row = np.repeat(np.arange(hours), rng.poisson(per_hour, hours))
    at = rng.random(len(row)) * HOUR_SECONDS
    order = np.lexsort((at, row))
    usd = np.exp(8 + 1.5 * rng.standard_normal(len(row)))
    is_long = rng.random(len(row)) < tapes.LONG_SHARE
    none = np.empty((0, 0))
    return tapes.Tape(row[order], at[order], usd, is_long, none, none)


def published_of(tape: tapes.Tape, rule: str) -> Published:
    kept = tapes.thinned(tape, rule)
    second = tapes.published_second(tape, rule, kept)
    side = np.where(tape.is_long[kept], LONG, SHORT)
    return Published(tape.row[kept], second, tape.usd[kept], side)


def added_up(events: Published, hours: int) -> None:
    """The floor: any hourly figure has to sort the events and sum dollars by side."""
    order = np.lexsort((events.second, events.row))
    for side in (LONG, SHORT):
        of_side = order[events.side[order] == side]
        np.bincount(events.row[of_side], events.usd[of_side], hours)


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    """Processor time of the fastest of three runs."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        work(*arguments)
        taken.append(time.process_time() - started)
    return min(taken)
