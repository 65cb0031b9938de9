"""Verdicts: runs suites and describes failures in sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from unwind.warehouse import suites as stated
from unwind.warehouse.gate_context import (
    Gate,
    columns_of,
    definition_of,
    first_line,
    run_sql,
    without_garbage_collection,
)
from unwind.warehouse.suites import CRITICAL, LANDED, MARTS

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from sqlalchemy.engine import Connection

# 2026-11-22: enough to recognise a fault, few enough for a terminal.
EXAMPLES_SHOWN = 5
BATCHES_SHOWN = 5
OBSERVED_MAX_CHARS = 2_000


@dataclass(frozen=True)
class GateResult:
    """One verdict: an expectation that held, or one failure of it.

    `batch_id` and `venue` are set where the landed gate fails one venue's part; a failure without
    them concerns the whole run. `observed` is a small JSON text, `message` one plain sentence.
    """

    gate: str
    suite: str
    expectation: str
    batch_id: str | None
    venue: str | None
    severity: str
    success: bool
    unexpected_count: int
    observed: str
    message: str
    checked_at: datetime

    @property
    def is_critical_failure(self) -> bool:
        """Readers would be misled: the part is held, or the run stops."""
        return not self.success and self.severity == CRITICAL


def judge(
    gate: Gate,
    checkpoint: str,
    run_id: str,
    checked_at: datetime,
    suites: Iterable[str],
) -> list[GateResult]:
    """Runs the checkpoint's validations of these suites, in this order."""
    from great_expectations.core import RunIdentifier

    # Not checkpoint.run(): a checkpoint runs all it lists, and a mart may not be built yet.
    definition = definition_of(gate.context, checkpoint)
    run = RunIdentifier(run_name=run_id, run_time=checked_at)
    sql = stated.queries(checkpoint)
    results: list[GateResult] = []
    validations = {validation.name: validation for validation in definition.validation_definitions}
    with without_garbage_collection(), _computed_once():
        for suite in suites:
            own = {key: query for key, query in sql.items() if key.startswith(f"{suite}__")}
            verdict = validations[suite].run(
                run_id=run,
                checkpoint_id=definition.id,
                result_format=definition.result_format,
                expectation_parameters={**gate.limits, **own},
            )
            for judged in verdict.results:
                results += _results_of(gate, checkpoint, suite, judged, checked_at)
    return results


@contextmanager
def _computed_once() -> Iterator[None]:
    """Each expectation states its configuration once, and each metric's identity is computed once.

    Great Expectations builds both again at each of some 70 reads: near half of the time of judging.
    """
    from great_expectations.core.id_dict import IDDict
    from great_expectations.expectations.expectation import Expectation

    expectations: Any = Expectation
    identified: Any = IDDict
    build, identify = expectations.configuration, identified.to_id
    # Beside its expectation, which keeps the id from being given to another.
    configurations: dict[int, tuple[Expectation, ExpectationConfiguration]] = {}
    identities: dict[tuple[Any, ...], Any] = {}

    def configuration(expectation: Expectation) -> ExpectationConfiguration:
        if id(expectation) not in configurations:
            configurations[id(expectation)] = (expectation, build.fget(expectation))
        return configurations[id(expectation)][1]

    def to_id(named: IDDict, *keys: Any, **more: Any) -> Any:
        try:
            question = (tuple(named.items()), keys, tuple(more.items()))
            if question not in identities:
                identities[question] = identify(named, *keys, **more)
            return identities[question]
        except TypeError:
            # A list among the values has no hash.
            return identify(named, *keys, **more)

    expectations.configuration, identified.to_id = property(configuration), to_id
    try:
        yield
    finally:
        expectations.configuration, identified.to_id = build, identify


def _results_of(
    gate: Gate,
    checkpoint: str,
    suite: str,
    judged: ExpectationValidationResult,
    checked_at: datetime,
) -> list[GateResult]:
    config = judged.expectation_config
    assert config
    meta = config.meta

    def result(
        observed: Mapping[str, Any],
        message: str,
        count: int = 0,
        success: bool = False,
        severity: str = "",
    ) -> GateResult:
        return GateResult(
            gate=checkpoint,
            suite=suite,
            expectation=meta["name"],
            batch_id=observed.get("batch_id"),
            venue=observed.get("venue") if "batch_id" in observed else None,
            severity=severity or config.severity.value,
            success=success,
            unexpected_count=count,
            observed=small_json(observed),
            message=message,
            checked_at=checked_at,
        )

    problem = _raised(judged)
    if problem:
        # An expectation that could not be judged must not pass, whatever its severity.
        sentence = f"{suite}.{meta['name']} could not be judged: {problem}"
        action = "Bring the mart and its suite into line, then refresh again."
        return [result({"problem": problem}, f"{sentence}. {action}", severity=CRITICAL)]
    if judged.success:
        return [result({}, str(config.description), success=True)]
    query = config.kwargs["unexpected_rows_query"].format(batch=f"gate.{suite}")
    if checkpoint == LANDED:
        # One verdict for each part: every one that is held has to be named.
        return [
            result(row, _sentence(meta, row), count=int(row.get("unexpected_count") or 1))
            for row in _rows(gate.connection, query)
        ]
    count = int(run_sql(gate.connection, f"select count(*) from ({query})").scalar_one())
    rows = _examples(gate.connection, query)
    batches = _batches_behind(gate.connection, query)
    # A warning is no reason to withdraw a batch.
    remedy = _remedy(batches) if config.severity.value == CRITICAL else ""
    message = f"{_sentence(meta, _about(count, rows))}{remedy}"
    return [result({"examples": rows, "batches": batches}, message, count=count)]


def _examples(connection: Connection, query: str) -> list[dict[str, Any]]:
    """The first of a query's rows: by its own order, or else by its columns.

    Without one, two builds of the same rows would name different ones.
    """
    order = "" if "\norder by" in query else "order by all"
    return _rows(connection, f"select * from ({query}) {order} limit {EXAMPLES_SHOWN}")


def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in run_sql(connection, query).mappings()]


def _batches_behind(connection: Connection, query: str) -> list[str]:
    """The batches that rows come from: by their own columns, or those being built with their hour.

    Where no row identifies one, all that are being built: the fault came with the new data.
    """
    columns = columns_of(connection, f"({query})")
    if "batch_id" in columns:
        behind = f"select batch_id from ({query})"
    elif "liquidation_id" in columns:
        behind = (
            "select batch_id from warehouse.marts.liquidation_sightings"
            f" where liquidation_id in (select liquidation_id from ({query}))"
        )
    elif "hour_at" in columns:
        venue = " and (broken.venue = 'ALL' or accounting.venue = broken.venue)"
        behind = f"""
            select accounting.batch_id
            from (
                select batch_id, venue, hour_at from warehouse.marts.liquidation_accounting
                union all
                select batch_id, venue, hour_at from warehouse.marts.observation_accounting
            ) as accounting
            inner join ({query}) as broken
                on accounting.hour_at = broken.hour_at {venue if "venue" in columns else ""}
            where accounting.batch_id in (select batch_id from staging.ops.build_batches)
        """
    else:
        behind = "select batch_id from staging.ops.build_batches where false"
    listed = "select distinct batch_id from ({}) where batch_id is not null order by 1"
    try:
        found = run_sql(connection, listed.format(behind)).fetchall()
    except Exception:  # noqa: BLE001
        # A mart that this query reads is broken itself, which its own suite reports.
        found = []
    every = "select batch_id from staging.ops.build_batches"
    return [row[0] for row in found or run_sql(connection, listed.format(every)).fetchall()]


def _remedy(batches: Sequence[str]) -> str:
    """Which batches are behind refused rows, and the command that takes one out."""
    if not batches:
        return ""
    named = ", ".join(batches[:BATCHES_SHOWN])
    more = f" and {len(batches) - BATCHES_SHOWN} more" if len(batches) > BATCHES_SHOWN else ""
    return (
        f" Behind these rows: {named}{more}; `unwind withdraw {batches[0]}` takes a batch out, and"
        " the next refresh builds without it."
    )


def missing_mart(mart: str, checked_at: datetime) -> GateResult:
    """The verdict on a mart whose model exists and whose table does not."""
    return GateResult(
        gate=MARTS,
        suite=mart,
        expectation="table_present",
        batch_id=None,
        venue=None,
        severity=CRITICAL,
        success=False,
        unexpected_count=1,
        observed="{}",
        message=(
            f"The model {mart} is in the project and marts.{mart} is not in the warehouse. "
            "Look for its error in the dbt log, then refresh again."
        ),
        checked_at=checked_at,
    )


def _raised(judged: ExpectationValidationResult) -> str | None:
    """The first exception met while judging; Great Expectations records it and goes on."""
    info = judged.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry and entry.get("raised_exception"):
            return first_line(entry.get("exception_message") or "unknown error").rstrip(".")
    return None


def _about(count: int, examples: list[Any]) -> dict[str, Any]:
    first = examples[0] if examples else None
    if isinstance(first, Mapping):
        first = ", ".join(f"{key} {_word(value)}" for key, value in first.items())
    return {"unexpected_count": count, "example": first}


def _sentence(meta: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    words = {name: _word(value) for name, value in facts.items()}
    failure = meta["failure"].format_map(words)
    action = meta["action"].format_map(words)
    return f"{failure}; {action}."


def _word(value: Any) -> str:
    return "null" if value is None else str(value)


def small_json(observed: Mapping[str, Any]) -> str:
    """What was observed, as JSON that fits into a cell."""
    text = json.dumps(observed, default=str)
    if len(text) <= OBSERVED_MAX_CHARS:
        return text
    return json.dumps({"shortened": text[: OBSERVED_MAX_CHARS // 2]})
