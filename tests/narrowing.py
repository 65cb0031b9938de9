"""Refreshes that build and check only what a test reads, which saves seconds each."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

# Judged where the gates are not the subject.
FEW_SUITES = ("liquidations_hourly", "exchange_breakdown", "liquidation_accounting")
# The one mart of those always built whose checks read no other mart.
ALONE = ("liquidation_accounting",)
# What the promises of FEW_SUITES lead to.
LED_TO = ("dim_hours",)

# Marts that no other mart but these reads: a third of a small build, with what only they need.
ANALYSES = {
    *("cliff_vs_drift", "contagion_hourly", "liquidation_episodes", "liquidation_map"),
    *("liquidation_map_scorecard", "liquidation_wave", "market_brief_hourly"),
    *("stress_scorecard", "unwind_classification"),
}
MARTS = Path(__file__).parents[1] / "dbt_project" / "models" / "marts"
WITHOUT_ANALYSES = tuple(sorted({path.stem for path in MARTS.glob("*/*.sql")} - ANALYSES))

# A kill over few models finds the same steps as one over all of them, which `make chaos` builds.
OF_KILLS = (
    ()
    if os.environ.get("UNWIND_CHAOS")
    else (
        *("fct_liquidations", "liquidations_hourly", "exchange_breakdown", "leverage_hourly"),
        *("gate_results", "mart_revisions", "published_releases", "release"),
    )
)


@contextmanager
def narrowed(built: Sequence[str] = (), suites: Sequence[str] = ()) -> Iterator[None]:
    """Inside the block, a refresh builds the marts `built` with their upstream, and runs `suites`.

    Without `built` all is built, whatever a block around it builds; with it the suites of these and
    ALONE judge.
    """
    from unwind.warehouse import building, gates

    everything = _everything()
    with pytest.MonkeyPatch.context() as patch:
        if built:
            suites = sorted({*ALONE, *built} & {*ALONE, *suites})
            chosen = (f"{everything},+{mart}" for mart in (*ALONE, *LED_TO, *built))
            patch.setattr(building, "FACTS_AND_MARTS", " ".join(chosen))
        else:
            patch.setattr(building, "FACTS_AND_MARTS", everything)
        few = functools.partial(gates.check_marts, suites=suites)
        patch.setattr(gates, "check_marts", few)
        yield


@functools.cache
def _everything() -> str:
    """What a refresh builds, asked before anything is narrowed: a block may be within another."""
    from unwind.warehouse import building

    return building.FACTS_AND_MARTS
