"""A Hawkes process with an exponential kernel, by maximum likelihood.

The rate of events at t is mu + sum over earlier events of alpha exp(-beta (t - t_i)). One event
brings about n = alpha / beta others on average, the branching ratio: at 0 events are independent,
at 1 they would never end. The likelihood and its recursion, which takes one step per event, are
those of Ozaki (1979), Maximum likelihood estimation of Hawkes' self-exciting point processes,
Annals of the Institute of Statistical Mathematics 31, 145-155; rescaled times those of Ogata
(1988), Journal of the American Statistical Association 83, 9-27. Times are in seconds, rates per
second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import chi2, kstest

from unwind.episodes.instants import Floats

# Fewer events than these say next to nothing about three parameters.
MIN_EVENTS = 50
# Twice the drop of the log-likelihood at the ends of a 90% interval of one parameter.
DROP_90 = float(chi2.ppf(0.9, 1))
# A decay faster than ten a second is within what clocks resolve; one slower than the window cannot
# be kept apart from the base rate.
MAX_BETA = 10.0
MAX_BRANCHING_RATIO = 4.0
MIN_BRANCHING_RATIO = 1e-4
# 2026-11-26: L-BFGS-B calls threaded BLAS for three parameters, which took 13 times the processor
# time on a busy machine; TNC does not, and finds the same maxima.
METHOD = "TNC"
# Exponents within one block of events, so that none overflows.
MAX_EXPONENT = 600.0
# The search for an interval's ends: 0.01 of the root of the drop is 0.2% of the coverage.
FIRST_STEP, MAX_SECANTS, ROOT_TOLERANCE = 0.2, 20, 0.01
ENDS = {"ftol": 1e-8}
STARTING_EVENTS_OF_DECAY = (3, 30, 100)


@dataclass(frozen=True)
class Fit:
    """A fitted process.

    `base_rate` (mu) and `decay_rate` (beta) are per second. `branching_ratio` is n with its 90%
    profile-likelihood interval; `high` is MAX_BRANCHING_RATIO where the likelihood does not fall
    far enough below it. `ks_statistic` and `ks_p_value` are of the Kolmogorov-Smirnov test of the
    rescaled times against the unit exponential: small p-values speak against the model. As the
    parameters are fitted to the same events, the p-value is too large rather than too small.
    """

    events: int
    window_seconds: float
    base_rate: float
    decay_rate: float
    branching_ratio: float
    branching_ratio_low: float
    branching_ratio_high: float
    log_likelihood: float
    ks_statistic: float
    ks_p_value: float


class _Excitation(NamedTuple):
    """Of each event: the sum over earlier ones of exp(-beta age), and of age exp(-beta age)."""

    sums: Floats
    aged_sums: Floats


def fit(instants: Floats, window_seconds: float) -> Fit:
    """Fits the process to events at `instants`, which lie in order within (0, window_seconds).

    Nothing before 0 counts: what had happened by then is part of the base rate. Raises ValueError
    for fewer than MIN_EVENTS events, or instants that are not distinct, in order and within the
    window.
    """
    if len(instants) < MIN_EVENTS:
        raise ValueError(f"{len(instants)} events cannot be fitted, it takes {MIN_EVENTS}")
    if instants[0] < 0 or instants[-1] > window_seconds or np.any(np.diff(instants) <= 0):
        raise ValueError("instants must be distinct, in order and within the window")
    best = _maximum(instants, window_seconds)
    low, high = _interval(instants, window_seconds, best)
    base_rate, branching_ratio, decay_rate = np.exp(best[1])
    ks = kstest(rescaled(instants, base_rate, branching_ratio, decay_rate), "expon")
    return Fit(
        events=len(instants),
        window_seconds=window_seconds,
        base_rate=float(base_rate),
        decay_rate=float(decay_rate),
        branching_ratio=float(branching_ratio),
        branching_ratio_low=low,
        branching_ratio_high=high,
        log_likelihood=best[0],
        ks_statistic=float(ks.statistic),
        ks_p_value=float(ks.pvalue),
    )


def log_likelihood(
    instants: Floats,
    window_seconds: float,
    base_rate: float,
    branching_ratio: float,
    decay_rate: float,
) -> float:
    """The log-likelihood of events in order within (0, window_seconds): rates are per second."""
    point = np.log([base_rate, branching_ratio, decay_rate])
    return -_cost(point, instants, window_seconds)[0]


def rescaled(
    instants: Floats, base_rate: float, branching_ratio: float, decay_rate: float
) -> Floats:
    """The events expected between each event and the one before, the first since 0: (events,).

    Unit exponentials where the process is the one of these parameters.
    """
    gaps = np.diff(instants, prepend=0.0)
    excited = 1 + _excitation(instants, decay_rate).sums
    before = np.concatenate([[0.0], excited[:-1]])
    expected: Floats = base_rate * gaps - branching_ratio * before * np.expm1(-decay_rate * gaps)
    return expected


def _excitation(instants: Floats, decay_rate: float) -> _Excitation:
    """Ozaki's recursion, a block of events at a time."""
    sums, aged_sums = np.empty_like(instants), np.empty_like(instants)
    carried, carried_aged, begun_at, first = 0.0, 0.0, instants[0], 0
    while first < len(instants):
        end_at = begun_at + MAX_EXPONENT / decay_rate
        last = max(int(np.searchsorted(instants, end_at, side="right")), first + 1)
        ages = instants[first:last] - begun_at
        weights = np.exp(decay_rate * ages)
        before = carried + np.cumsum(weights) - weights
        aged_before = np.cumsum(ages * weights) - ages * weights - carried_aged
        sums[first:last] = before / weights
        aged_sums[first:last] = (ages * before - aged_before) / weights
        if last < len(instants):
            step = instants[last] - instants[last - 1]
            faded = np.exp(-decay_rate * step)
            carried_aged = faded * (aged_sums[last - 1] + step * (1 + sums[last - 1]))
            carried = faded * (1 + sums[last - 1])
            begun_at = instants[last]
        first = last
    return _Excitation(sums, aged_sums)


def _cost(point: Floats, instants: Floats, window_seconds: float) -> tuple[float, Floats]:
    """Minus the log-likelihood and its gradient, by the logarithms of mu, n and beta."""
    base_rate, branching_ratio, decay_rate = np.exp(point)
    sums, aged_sums = _excitation(instants, decay_rate)
    excited = branching_ratio * decay_rate * sums
    rates = base_rate + excited
    left = window_seconds - instants
    to_come = np.exp(-decay_rate * left)
    begotten = branching_ratio * np.sum(1 - to_come)
    likelihood = np.sum(np.log(rates)) - base_rate * window_seconds - begotten
    by_decay = branching_ratio * decay_rate * (sums - decay_rate * aged_sums)
    gradient = np.array(
        [
            np.sum(base_rate / rates) - base_rate * window_seconds,
            np.sum(excited / rates) - begotten,
            np.sum(by_decay / rates) - branching_ratio * decay_rate * np.sum(left * to_come),
        ]
    )
    return -float(likelihood), -gradient


def _maximum(instants: Floats, window_seconds: float) -> tuple[float, Floats]:
    """The largest log-likelihood and the logarithms of mu, n and beta where it is."""
    rate = len(instants) / window_seconds
    tried = []
    for events in STARTING_EVENTS_OF_DECAY:
        decay_rate = np.clip(rate / events, *_decay_rates(window_seconds))
        start = np.log([rate / 2, 0.5, decay_rate])
        bounds = [
            _base_rates(rate),
            (np.log(MIN_BRANCHING_RATIO), np.log(MAX_BRANCHING_RATIO)),
            np.log(_decay_rates(window_seconds)),
        ]
        found = minimize(
            *(_cost, start, (instants, window_seconds)),
            jac=True,
            method=METHOD,
            bounds=bounds,
        )
        tried.append((-float(found.fun), found.x))
    return max(tried, key=lambda one: one[0])


def _base_rates(rate: float) -> tuple[float, float]:
    return float(np.log(rate * 1e-4)), float(np.log(rate * 2))


def _decay_rates(window_seconds: float) -> tuple[float, float]:
    return min(2 / window_seconds, MAX_BETA / 2), MAX_BETA


def _interval(
    instants: Floats, window_seconds: float, best: tuple[float, Floats]
) -> tuple[float, float]:
    """The branching ratios between which twice the log-likelihood drops by less than DROP_90.

    mu and beta are fitted to each ratio. Zero is within where independent events of the mean rate
    are likely enough.
    """
    highest, point = best
    rate = len(instants) / window_seconds
    bounds = [_base_rates(rate), np.log(_decay_rates(window_seconds))]
    others = point[[0, 2]]

    def root_of_drop(log_ratio: float) -> float:
        nonlocal others

        def cost(others: Floats) -> tuple[float, Floats]:
            whole = np.array([others[0], log_ratio, others[1]])
            value, gradient = _cost(whole, instants, window_seconds)
            return value, gradient[[0, 2]]

        found = minimize(cost, others, jac=True, method=METHOD, bounds=bounds, options=ENDS)
        others = found.x
        return float(np.sqrt(max(2 * (highest + float(found.fun)), 0.0)))

    independent = len(instants) * (np.log(rate) - 1)
    low = 0.0
    if 2 * (highest - independent) > DROP_90:
        low = _end(root_of_drop, point[1], -FIRST_STEP, MIN_BRANCHING_RATIO)
        low = 0.0 if low <= MIN_BRANCHING_RATIO else low
    others = point[[0, 2]]
    return low, _end(root_of_drop, point[1], FIRST_STEP, MAX_BRANCHING_RATIO)


def _end(
    root_of_drop: Callable[[float], float], log_ratio: float, step: float, outermost: float
) -> float:
    """The end of the interval on one side, at most `outermost`.

    The root of the drop is nearly linear in the logarithm of the ratio and 0 at its best, so a few
    secants find where it is that of DROP_90.
    """
    wanted = float(np.sqrt(DROP_90))
    limit = float(np.log(outermost))
    inner, root_at_inner = log_ratio, 0.0
    outer = log_ratio + step
    for _ in range(MAX_SECANTS):
        outer = min(outer, limit) if step > 0 else max(outer, limit)
        root = root_of_drop(outer)
        if abs(root - wanted) < ROOT_TOLERANCE or (outer == limit and root < wanted):
            break
        slope = (root - root_at_inner) / (outer - inner)
        if slope * step <= 0:
            # Flat: the likelihood has not begun to fall yet.
            slope = root / (outer - log_ratio) if root > 0 else wanted / (4 * step)
        inner, root_at_inner = outer, root
        outer = outer + float(np.clip((wanted - root) / slope, -2.0, 2.0))
    return float(np.exp(outer))
