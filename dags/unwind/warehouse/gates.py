"""The two gates: what landed is judged before it builds, marts before they are published.

Suites, validation definitions, checkpoints and thresholds are files under `expectations/`. A gate
attaches the warehouse's files read-only to a DuckDB in memory, names there what is being built
(schema `gate`), and lets Great Expectations judge just that, by SQL. No other connection of this
process may have the files open meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unwind.memory import BYTES_PER_THREAD, memory_limit
from unwind.settings import Home
from unwind.warehouse import continuity
from unwind.warehouse import suites as stated
from unwind.warehouse.forked import can_fork, divided
from unwind.warehouse.gate_context import (
    GateError,
    Threshold,
    all_suites,
    context_of,
    first_line,
    forget_old_runs,
    opened_gate,
    preload,
    suites_of,
    thresholds,
)
from unwind.warehouse.gate_pages import make_readable_offline
from unwind.warehouse.gate_relations import name_landed, name_marts
from unwind.warehouse.gate_verdicts import (
    EXAMPLES_SHOWN,
    GateResult,
    judge,
    missing_mart,
    small_json,
)
from unwind.warehouse.promises import MODELS
from unwind.warehouse.state import append_rows, naive_utc
from unwind.warehouse.suites import CONTEXT_ROOT, CRITICAL, LANDED, MARTS

if TYPE_CHECKING:
    import duckdb

LANDED_SCHEMA = "landed_schema"
CONTINUITY = "continuity"

__all__ = [
    "CONTEXT_ROOT",
    "GateError",
    "GateResult",
    "Threshold",
    "build_docs",
    "check_landed",
    "check_marts",
    "held_parts",
    "preload",
    "run_failures",
    "thresholds",
    "write_results",
]


def check_landed(
    home: Home, run_id: str, checked_at: datetime, suites: Collection[str] | None = None
) -> list[GateResult]:
    """Judges each venue's part of each batch being built (staging's ops.build_batches).

    `suites` narrows it to some. A critical failure with a batch and a venue holds that part; one
    without stops the run. Raises GateError when staging.duckdb is missing or locked.
    """
    with opened_gate(home, [home.staging_db]) as gate:
        name_landed(gate.connection)
        chosen = suites or suites_of(gate.context, LANDED)
        # Parts of a relation that cannot be read would only repeat it, once for each of them.
        first = [suite for suite in chosen if suite == LANDED_SCHEMA]
        schema = judge(gate, LANDED, run_id, checked_at, first)
        if run_failures(schema):
            return schema
        rest = [suite for suite in chosen if suite != LANDED_SCHEMA]
        return schema + judge(gate, LANDED, run_id, checked_at, rest)


def check_marts(
    home: Home,
    run_id: str,
    checked_at: datetime,
    suites: Collection[str] | None = None,
    models: Path = MODELS,
) -> list[GateResult]:
    """Judges the marts over the hours being built (staging's ops.pending_hours).

    `suites` narrows it to some. A suite whose mart is neither in the warehouse nor a model of the
    project is left out; one whose model exists but whose table does not fails critically. Raises
    GateError when a file is missing or locked.
    """
    context = context_of(home)
    chosen = list(suites or suites_of(context, MARTS))
    # Most of the time is Great Expectations' own, on one core.
    sharers = 1 if suites else _gates_at_once()

    def judged(share: Iterable[str]) -> list[GateResult]:
        files = [home.staging_db, home.warehouse_db]
        missing: list[GateResult] = []
        with opened_gate(home, files, context, sharers) as gate:
            present = name_marts(gate.connection)

            def built() -> Iterator[str]:
                for suite in share:
                    if suite in present:
                        yield suite
                    elif suite in expected:
                        missing.append(missing_mart(suite, checked_at))

            return judge(gate, MARTS, run_id, checked_at, built()) + missing

    expected = {path.stem for path in models.rglob("*.sql")}
    if suites:
        return judged(chosen)
    continued = partial(_check_continuity, home, run_id, checked_at, sharers)
    if sharers == 1:
        return [*judged(chosen), *continued()]
    expectations = Counter(one.suite for one in stated.expectations_of(MARTS))
    heaviest_first = sorted(chosen, key=lambda suite: -expectations[suite])
    order = {suite: place for place, suite in enumerate([*chosen, CONTINUITY])}
    return sorted(
        divided(heaviest_first, judged, continued), key=lambda result: order[result.suite]
    )


def _gates_at_once() -> int:
    """Two where each has a core and the memory of a thread. Raises SettingError."""
    return 2 if can_fork() and memory_limit() // 2 >= BYTES_PER_THREAD else 1


def _check_continuity(
    home: Home, run_id: str, checked_at: datetime, sharers: int = 1
) -> list[GateResult]:
    """Compares the marts with the previous release; keeps their contents for the next one."""
    import duckdb

    try:
        compared = continuity.compare(home, checked_at, sharers)
        continuity.keep(home, compared.found, run_id)
    except (duckdb.Error, OSError) as error:
        raise GateError(
            f"The gate cannot compare {home.warehouse_db} with the release before it:"
            f" {first_line(error)}; end the process that has it open, or make room on the disk,"
            " then refresh again."
        ) from error
    before = f"release {compared.release_id}" if compared.release_id else "no release before"
    unread = [compared.problem] if compared.problem else []

    def result(
        name: str, severity: str, found: Sequence[str], holds: str, action: str
    ) -> GateResult:
        sentences = list(found[:EXAMPLES_SHOWN])
        more = len(found) - len(sentences)
        summary = "; ".join([*sentences, *([f"and {more} more"] if more > 0 else [])])
        return GateResult(
            gate=MARTS,
            suite=CONTINUITY,
            expectation=name,
            batch_id=None,
            venue=None,
            severity=severity,
            success=not found,
            unexpected_count=len(found),
            observed=small_json({"compared_with": compared.release_id, "examples": sentences}),
            message=f"Against {before}: {summary}. {action}" if found else f"{holds} ({before}).",
            checked_at=checked_at,
        )

    return [
        result(
            "nothing_lost",
            CRITICAL,
            [one.sentence for one in compared.lost],
            "What this build did not replace is what the release before it held",
            "Nothing is published; this build did not replace these rows, so a file was lost,"
            " exchanged or damaged: `unwind doctor` looks for which, and `unwind refresh --full`"
            " builds all of it from raw.",
        ),
        result(
            "nothing_shrunk",
            stated.WARNING,
            [one.sentence for one in compared.shrunk],
            "No day that this build touched has fewer rows than before",
            "A corrected or withdrawn batch and a new listing do that; if there was none, compare"
            " the two releases.",
        ),
        result(
            "release_readable",
            stated.WARNING,
            unread,
            "The release before can be read",
            "The build was compared with nothing; `unwind doctor` says more, and the release to"
            " come replaces it.",
        ),
    ]


def held_parts(results: Iterable[GateResult]) -> dict[tuple[str, str], str]:
    """The parts (batch, venue) to hold, each with the sentences why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.is_critical_failure and result.batch_id and result.venue:
            reasons.setdefault((result.batch_id, result.venue), []).append(result.message)
    return {part: " ".join(sentences) for part, sentences in reasons.items()}


def run_failures(results: Iterable[GateResult]) -> list[GateResult]:
    """Critical failures that concern the whole run: nothing may be built on or published."""
    return [one for one in results if one.is_critical_failure and not one.venue]


def write_results(
    connection: duckdb.DuckDBPyConnection, run_id: str, results: Iterable[GateResult]
) -> None:
    """Appends verdicts to staging's ops.gate_results; `connection` has staging.duckdb open."""
    append_rows(
        connection,
        "staging.ops.gate_results",
        (
            (
                run_id,
                one.gate,
                one.suite,
                one.expectation,
                one.batch_id,
                one.venue,
                one.severity,
                one.success,
                one.unexpected_count,
                one.observed,
                one.message,
                naive_utc(one.checked_at),
            )
            for one in results
        ),
    )


def build_docs(home: Home) -> Path:
    """Builds the static site of suites and kept results; returns its index page. No page of it
    needs a network.

    Pages of results already rendered are kept, so a call costs what is new. Not needed for a
    refresh: call it after publishing, or when somebody asks.
    """
    context = context_of(home)
    site = home.gates / "docs"
    forget_old_runs(home)
    rendered = {
        path.relative_to(site / "validations").with_suffix("")
        for path in (site / "validations").rglob("*.html")
    }
    store = context.validation_results_store
    new = [key for key in store.list_keys() if Path(*key.to_tuple()) not in rendered]
    suites = [context.suites.get(name).identifier_bundle().name for name in all_suites(context)]
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
    )

    pages: list[Any] = [*map(ExpectationSuiteIdentifier, suites), *new]
    context.build_data_docs(resource_identifiers=pages)
    return make_readable_offline(site, home.gates / "results")


def refusal(gate: str, failures: Sequence[GateResult]) -> str:
    """For users: which gate has refused a build, and each failure."""
    return "\n".join(
        [
            f"the {gate} gate refused this build; readers stay on the former release:",
            *(f"- {failure.suite}: {failure.message}" for failure in failures),
        ]
    )
