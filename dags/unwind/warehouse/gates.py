"""The two gates: what landed is judged before it builds, marts before they are published.

Suites, validation definitions, checkpoints and thresholds are files under `expectations/`. A gate
attaches the warehouse's files read-only to a DuckDB in memory, names there what is being built
(schema `gate`), and lets Great Expectations judge just that, by SQL. No other connection of this
process may have the files open meanwhile.

Great Expectations takes seconds to import, so it is imported where it is used; `preload()` in a
thread hides that behind dbt.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unwind.database import bounds
from unwind.errors import UnwindError
from unwind.settings import Home
from unwind.warehouse import continuity
from unwind.warehouse import suites as stated
from unwind.warehouse.forked import both
from unwind.warehouse.gate_pages import make_readable_offline
from unwind.warehouse.promises import (
    BATCHES,
    HOURS,
    MODELS,
    Mart,
    column_types,
    key_of,
    marts,
    rebuilt_hours,
)
from unwind.warehouse.state import append_rows, naive_utc
from unwind.warehouse.suites import CONTEXT_ROOT, CRITICAL, DATASOURCE, LANDED, MARTS

if TYPE_CHECKING:
    import duckdb
    from great_expectations.checkpoint import Checkpoint
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.data_context import FileDataContext
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from sqlalchemy.engine import Connection

LANDED_SCHEMA = "landed_schema"
CONTINUITY = "continuity"

# 2026-11-22: enough to recognise what is wrong, few enough to be read in a terminal.
EXAMPLES_SHOWN = 5
BATCHES_SHOWN = 5
# 2026-11-25: continuity over 2.6 million rows takes as long as so many expectations.
CONTINUITY_WEIGHT = 150
OBSERVED_MAX_CHARS = 2_000
DETAIL_MAX_CHARS = 300

STAGED_MODEL = "int_liquidations_unioned"
STAGED_RELATION = f"staging.intermediate.{STAGED_MODEL}"
OBSERVATION_COLUMNS = {"batch_id", "venue", "observed_at", "reject_reason"}


class GateError(UnwindError, RuntimeError):
    """A gate could not judge at all: its files are missing or locked; the text says what to do."""


@dataclass(frozen=True)
class Threshold:
    """A limit that suites read by name, with the day it was set and the observation behind it."""

    name: str
    value: float
    since: date
    reason: str


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


def preload(home: Home | None = None) -> None:
    """Imports what the gates need (5 to 20 s of one core), and reads a home's suites.

    May run in a thread while something else works.
    """
    # Read when great_expectations is imported; nothing is to be sent anywhere.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations
    import great_expectations.expectations  # noqa: F401

    if home:
        context = _context(home)
        for checkpoint in (LANDED, MARTS):
            _definition(context, checkpoint)


def check_landed(
    home: Home, run_id: str, checked_at: datetime, suites: Collection[str] | None = None
) -> list[GateResult]:
    """Judges each venue's part of each batch being built (staging's ops.build_batches).

    `suites` narrows it to some. A critical failure with a batch and a venue holds that part; one
    without stops the run. Raises GateError when staging.duckdb is missing or locked.
    """
    with _opened_gate(home, [home.staging_db]) as gate:
        _name_landed(gate.connection)
        chosen = suites or _suites_of(gate.context, LANDED)
        schema = _judge(gate, LANDED, run_id, checked_at, {LANDED_SCHEMA} & set(chosen))
        if run_failures(schema):
            # Parts of a relation that cannot be read would only repeat it, once for each of them.
            return schema
        rest = set(chosen) - {LANDED_SCHEMA}
        return schema + _judge(gate, LANDED, run_id, checked_at, rest)


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
    context = _context(home)
    chosen = list(suites or _suites_of(context, MARTS))

    def judged(share: Sequence[str]) -> list[GateResult]:
        files = [home.staging_db, home.warehouse_db]
        with _opened_gate(home, files, context) as gate:
            present = _name_marts(gate.connection)
            missing = [
                _missing_mart(suite, checked_at)
                for suite in share
                if suite not in present and suite in expected
            ]
            return missing + _judge(gate, MARTS, run_id, checked_at, present & set(share))

    expected = {path.stem for path in models.rglob("*.sql")}
    if suites:
        return judged(chosen)
    # Most of the time is Great Expectations' own, on one core.
    first, second = _halves(chosen)
    own, other = both(
        partial(judged, first),
        lambda: [*judged(second), *_check_continuity(home, run_id, checked_at)],
    )
    order = {suite: place for place, suite in enumerate([*chosen, CONTINUITY])}
    return sorted([*own, *other], key=lambda result: order[result.suite])


def _halves(suites: Sequence[str]) -> tuple[list[str], list[str]]:
    """The suites in two shares; the second one is lighter by what continuity takes."""
    weights = Counter(one.suite for one in stated.expectations_of(MARTS))
    shares: tuple[list[str], list[str]] = ([], [])
    loads = [0, CONTINUITY_WEIGHT]
    for suite in sorted(suites, key=lambda one: -weights[one]):
        lighter = loads.index(min(loads))
        shares[lighter].append(suite)
        loads[lighter] += weights[suite]
    return shares


def _check_continuity(home: Home, run_id: str, checked_at: datetime) -> list[GateResult]:
    """Compares the marts with the release before; what they hold now is kept for the next one."""
    import duckdb

    try:
        compared = continuity.compare(home, checked_at)
        continuity.keep(home, compared.found, run_id)
    except (duckdb.Error, OSError) as error:
        raise GateError(
            f"The gate cannot compare {home.warehouse_db} with the release before it:"
            f" {_first_line(error)}; end the process that has it open, or make room on the disk,"
            " then refresh again."
        ) from error
    before = f"release {compared.release_id}" if compared.release_id else "no release before"
    unread = [compared.problem] if compared.problem else []

    def result(
        name: str, severity: str, found: Sequence[str], holds: str, action: str
    ) -> GateResult:
        sentences = list(found[:EXAMPLES_SHOWN])
        more = len(found) - len(sentences)
        said = "; ".join([*sentences, *([f"and {more} more"] if more > 0 else [])])
        return GateResult(
            gate=MARTS,
            suite=CONTINUITY,
            expectation=name,
            batch_id=None,
            venue=None,
            severity=severity,
            success=not found,
            unexpected_count=len(found),
            observed=_small_json({"compared_with": compared.release_id, "examples": sentences}),
            message=f"Against {before}: {said}. {action}" if found else f"{holds} ({before}).",
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
    context = _context(home)
    site = home.gates / "docs"
    _forget_old_runs(home)
    rendered = {
        path.relative_to(site / "validations").with_suffix("")
        for path in (site / "validations").rglob("*.html")
    }
    store = context.validation_results_store
    new = [key for key in store.list_keys() if Path(*key.to_tuple()) not in rendered]
    suites = [context.suites.get(name).identifier_bundle().name for name in _all_suites(context)]
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
    )

    context.build_data_docs(
        resource_identifiers=[*map(ExpectationSuiteIdentifier, suites), *new],
    )
    return make_readable_offline(site, home.gates / "results")


def thresholds() -> dict[str, Threshold]:
    """The limits in `expectations/thresholds.toml`, by name."""
    listed = tomllib.loads((CONTEXT_ROOT / "thresholds.toml").read_text())
    return {name: Threshold(name, **fields) for name, fields in listed.items()}


@dataclass(frozen=True)
class _Gate:
    """An open context and its connection, with the schema `gate` in place, and all limits."""

    context: FileDataContext
    connection: Connection
    limits: Mapping[str, float]


def _context(home: Home) -> FileDataContext:
    # Great Expectations would print where its own code stumbled over it.
    home.gates.mkdir(parents=True, exist_ok=True)
    preload()
    return _context_of(home.gates)


@cache
def _context_of(results: Path) -> FileDataContext:
    import great_expectations as gx

    return gx.get_context(
        mode="file",
        context_root_dir=CONTEXT_ROOT,
        runtime_environment={"UNWIND_GATES": str(results)},
    )


def _definition(context: FileDataContext, checkpoint: str) -> Checkpoint:
    """A checkpoint with its suites; read once, since that takes as long as judging some of them."""
    known = _definitions.setdefault(id(context), {})
    if checkpoint not in known:
        known[checkpoint] = context.checkpoints.get(checkpoint)
    return known[checkpoint]


# By context, which is kept as long as the process.
_definitions: dict[int, dict[str, Checkpoint]] = {}


@contextmanager
def _opened_gate(
    home: Home, files: Collection[Path], context: FileDataContext | None = None
) -> Iterator[_Gate]:
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise GateError(
            f"There is nothing to judge: {', '.join(missing)} does not exist; "
            "run `unwind refresh`, which stages and builds before it judges."
        )
    context = context or _context(home)
    _forget_old_runs(home)
    engine = context.data_sources.get(DATASOURCE).get_execution_engine().engine
    try:
        with engine.connect() as connection:
            _prepare(connection, home)
            for path in files:
                _attach(connection, path)
            yield _Gate(context, connection, _name_limits(connection))
    finally:
        # The last connection to a DuckDB in memory closes the files attached to it.
        engine.dispose()


def _prepare(connection: Connection, home: Home) -> None:
    _run(connection, "set TimeZone = 'UTC'")
    for setting, value in bounds(home).items():
        _run(connection, f"set {setting} = {_quoted(value)}")
    _run(connection, "create schema gate")


def _name_limits(connection: Connection) -> dict[str, float]:
    """Names gate.limits: what the gates alone tolerate, and what models and gates both judge by."""
    seed = "select limit_name, value from staging.seeds.plausibility_limits order by limit_name"
    try:
        shared = _run(connection, seed).fetchall()
    except Exception as error:
        raise GateError(
            f"The gate cannot read its limits, seed plausibility_limits: {_first_line(error)};"
            " `unwind refresh --full` loads the seeds and builds all of it from raw."
        ) from error
    own = {name: limit.value for name, limit in thresholds().items()}
    limits = {**dict(shared), **own}
    columns = ", ".join(
        f"{value!r}{'::bigint' if isinstance(value, int) else '::double'} as {name}"
        for name, value in limits.items()
    )
    _run(connection, f"create table gate.limits as select {columns}")
    return limits


def _attach(connection: Connection, path: Path) -> None:
    try:
        _run(connection, f"attach {_quoted(path)} as {path.stem} (read_only)")
    except Exception as error:
        raise GateError(
            f"The gate cannot open {path}: {_first_line(error)}; end the process that has it open "
            "(only one writer may), then refresh again."
        ) from error


def _name_landed(connection: Connection) -> None:
    """Names what the landed suites judge: gate.landed_schema, _parts, _coverage, _observations."""
    found = _columns_of(connection, STAGED_RELATION)
    rows = ", ".join(
        f"({_quoted(name)}, {_quoted(kind)}, {_quoted(found[name]) if name in found else 'null'},"
        f" {_fits(kind, found.get(name))})"
        for name, kind in column_types(STAGED_MODEL).items()
    )
    _run(
        connection,
        "create table gate.landed_schema as select * from (values "
        f"{rows}) as listed(column_name, expected_type, actual_type, type_fits)",
    )
    _run(connection, f"create view gate.staged as {_staged_rows(found)}")
    _run(connection, (stated.SQL / LANDED / "_relations.sql").read_text())
    _run(connection, _observation_parts(_observation_relations(connection)))


def _staged_rows(found: Mapping[str, str]) -> str:
    """The staged rows being built, columns that are missing filled with nulls of their type.

    So a missing column fails its own expectation instead of every one.
    """
    columns = ", ".join(
        (f"try_cast({name} as {kind}) as {name}" if not _fits(kind, found[name]) else name)
        if name in found
        else f"null::{kind or 'VARCHAR'} as {name}"
        for name, kind in column_types(STAGED_MODEL).items()
    )
    source = f"from {STAGED_RELATION}" if found else "where false"
    building = "batch_id in (select batch_id from staging.ops.build_batches)"
    return f"select {columns} {source} {f'where {building}' if 'batch_id' in found else ''}"


def _fits(expected: str, actual: str | None) -> bool:
    if not actual:
        return False
    if expected in ("BIGINT", "INTEGER"):
        return actual in ("BIGINT", "INTEGER", "UBIGINT", "UINTEGER", "HUGEINT")
    return not expected or actual == expected


def _observation_relations(connection: Connection) -> list[str]:
    """Staging tables of anything but liquidations that are keyed like observations."""
    listed = _run(
        connection,
        "select table_name, list(column_name) from duckdb_columns() where database_name = 'staging'"
        " and schema_name = 'landed' and not ends_with(table_name, '__liquidations')"
        " group by table_name order by table_name",
    ).fetchall()
    return [name for name, columns in listed if set(columns) >= OBSERVATION_COLUMNS]


def _observation_parts(relations: Collection[str]) -> str:
    parts = " union all ".join(
        f"select batch_id, venue, {_quoted(name)} as relation, reject_reason, observed_at"
        f" from staging.landed.{name} where batch_id in (select batch_id from gate.building)"
        for name in relations
    )
    empty = (
        "select null::varchar as batch_id, null::varchar as venue, null::varchar as relation,"
        " null::varchar as reject_reason, null::timestamp as observed_at where false"
    )
    return f"""
        create table gate.landed_observations as
        select
            batch_id,
            venue,
            relation,
            count(*) as row_count,
            -- A series may end in the period that runs; most of its rows being so is a wrong time.
            count(*) filter (where reject_reason = 'unfinished_bar') as unfinished_count,
            count(reject_reason)
                - if(unfinished_count * 2 <= row_count, unfinished_count, 0) as rejected_count,
            rejected_count / row_count as rejected_share,
            mode(reject_reason) as commonest_reject_reason,
            count(*) filter (
                where reject_reason is null and observed_at
                    > building.sealed_at + to_minutes(limits.clock_ahead_minutes)
            ) as ahead_count,
            max(observed_at) as last_observed_at
        from ({parts or empty}) as observed
        inner join gate.building as building using (batch_id)
        cross join gate.limits as limits
        group by batch_id, venue, relation
    """


def _name_marts(connection: Connection) -> set[str]:
    """Names every mart in schema `gate`, cut to what this build replaced; returns those there are.

    Beside each mart that is kept by hours stands `hours_of_<mart>`: the hours replaced of it.
    """
    present = {
        name
        for (name,) in _run(
            connection,
            "select distinct table_name from duckdb_columns()"
            " where database_name = 'warehouse' and schema_name = 'marts'",
        ).fetchall()
    }
    for mart in marts().values():
        if mart.partition == HOURS:
            _run(connection, f"create table gate.hours_of_{mart.name} as {rebuilt_hours(mart)}")
        if mart.name in present:
            _run(connection, f"create view gate.{mart.name} as {_replaced_rows(mart)}")
    _run(connection, f"create view gate.named_assets as {_named_assets(present)}")
    return present


def _replaced_rows(mart: Mart) -> str:
    """The rows of a mart that this build replaced; a row without its partition belongs to any."""
    rows = f"select * from warehouse.marts.{mart.name}"
    if mart.partition == HOURS:
        hours = f"gate.hours_of_{mart.name}"
        # The range first: it lets DuckDB skip row groups, which a semi-join alone may not.
        return (
            f"{rows} where hour_at between (select min(hour_at) from {hours})"
            f" and (select max(hour_at) from {hours}) and hour_at in (select hour_at from {hours})"
            f" union all {rows} where hour_at is null"
        )
    if mart.partition == BATCHES:
        built = "(select batch_id from staging.ops.build_batches)"
        return f"{rows} where batch_id in {built} or batch_id is null"
    return rows


# Facts and totals of liquidations keep what events alone name.
EVENT_MARTS = (
    *("fct_liquidations", "liquidations_minutely", "liquidations_hourly"),
    *("exchange_breakdown", "liquidation_clusters"),
)
# Of a venue whose listing never landed, these keep what files of recorded data name.
OBSERVATION_MARTS = (
    *("fct_open_interest", "fct_funding", "fct_prices", "fct_long_short_ratio", "fct_volumes"),
)
# Others' sums name what they like.
MARTS_OF_OTHERS = ("reported_liquidations",)


def _named_assets(present: Collection[str]) -> str:
    """Every base_asset of the marts over the hours being built, as a query."""
    named_by = [
        mart.name
        for mart in marts().values()
        if mart.name in present
        and mart.name not in MARTS_OF_OTHERS
        and any(column.name == "base_asset" for column in mart.columns)
    ]
    of_listing_venues = (
        " and venue in (select venue from warehouse.marts.dim_instruments"
        " where specification_source = 'snapshot')"
    )
    named = " union all ".join(
        f"select distinct '{name}' as mart, base_asset, {name in EVENT_MARTS} as is_of_events"
        f" from gate.{name} where base_asset != 'ALL'"
        f"{of_listing_venues if name in OBSERVATION_MARTS and 'dim_instruments' in present else ''}"
        for name in named_by
    )
    empty = "select null::varchar as mart, null::varchar as base_asset, false as is_of_events"
    return named or f"{empty} where false"


def _judge(
    gate: _Gate,
    checkpoint: str,
    run_id: str,
    checked_at: datetime,
    suites: Collection[str],
) -> list[GateResult]:
    """Runs those of the checkpoint's validations whose suite is among `suites`."""
    from great_expectations.core import RunIdentifier

    # Not checkpoint.run(): a checkpoint runs all it lists, and a mart may not be built yet.
    definition = _definition(gate.context, checkpoint)
    run = RunIdentifier(run_name=run_id, run_time=checked_at)
    sql = stated.queries(checkpoint)
    results: list[GateResult] = []
    with _uncollected():
        for validation in definition.validation_definitions:
            if validation.name not in suites:
                continue
            own = {
                key: query for key, query in sql.items() if key.startswith(f"{validation.name}__")
            }
            verdict = validation.run(
                run_id=run,
                checkpoint_id=definition.id,
                result_format=definition.result_format,
                expectation_parameters={**gate.limits, **own},
            )
            for judged in verdict.results:
                results += _results_of(gate, checkpoint, validation.name, judged, checked_at)
    return results


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: each would walk all that Great Expectations has imported."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _results_of(
    gate: _Gate,
    checkpoint: str,
    suite: str,
    judged: ExpectationValidationResult,
    checked_at: datetime,
) -> list[GateResult]:
    config = judged.expectation_config
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
            observed=_small_json(observed),
            message=message,
            checked_at=checked_at,
        )

    problem = _raised(judged)
    if problem:
        # What could not be judged must not pass, whatever it would have been worth.
        sentence = f"{suite}.{meta['name']} could not be judged: {problem}"
        action = "Bring the mart and its suite into line, then refresh again."
        return [result({"problem": problem}, f"{sentence}. {action}", severity=CRITICAL)]
    if judged.success:
        return [result({}, config.description, success=True)]
    query = _query_of_failures(suite, config)
    if checkpoint == LANDED:
        # One verdict for each part: every one that is held has to be named.
        return [
            result(row, _sentence(meta, row), count=int(row.get("unexpected_count") or 1))
            for row in _rows(gate.connection, query)
        ]
    count = int(_run(gate.connection, f"select count(*) from ({query})").scalar_one())
    rows = _rows(gate.connection, f"select * from ({query}) limit {EXAMPLES_SHOWN}")
    batches = _batches_behind(gate.connection, query)
    # What is only to be known is no reason to take a batch out.
    ways_out = _ways_out(batches) if config.severity.value == CRITICAL else ""
    message = f"{_sentence(meta, _about(count, rows))}{ways_out}"
    return [result({"examples": rows, "batches": batches}, message, count=count)]


def _query_of_failures(suite: str, config: ExpectationConfiguration) -> str:
    """The rows that break an expectation, as a query.

    Great Expectations' own query for them joins the table with itself without a condition where a
    key has several columns, and leaves its parameters unbound.
    """
    query = config.kwargs.get("unexpected_rows_query")
    if query is not None:
        return query.format(batch=f"gate.{suite}")
    mart = marts()[suite]
    judged = config.kwargs.get("column_list") or [config.kwargs["column"]]
    named = [column.name for column in mart.columns if column.name in NAMES_OF_ROWS]
    shown = ", ".join(dict.fromkeys([*key_of(mart), *named, *judged]))
    return f"select {shown} from gate.{suite} {_breaking(config.type, config.kwargs)}"


def _breaking(kind: str, kwargs: Mapping[str, Any]) -> str:
    """The condition for rows that break a native expectation."""
    if kind.endswith("to_be_unique"):
        key = ", ".join(kwargs.get("column_list") or [kwargs["column"]])
        return f"qualify count(*) over (partition by {key}) > 1"
    column = kwargs["column"]
    if kind == "expect_column_values_to_not_be_null":
        return f"where {column} is null"
    if kind == "expect_column_values_to_be_in_set":
        return f"where {column} not in ({', '.join(map(_literal, kwargs['value_set']))})"
    ends = [("min_value", "<"), ("max_value", ">")]
    beyond = [
        f"{column} {sign} {_literal(kwargs[end])}"
        for end, sign in ends
        if kwargs.get(end) is not None
    ]
    return f"where {' or '.join(beyond)}"


def _literal(value: object) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


# What tells which batch or hour a row is of.
NAMES_OF_ROWS = ("batch_id", "hour_at", "venue")


def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in _run(connection, query).mappings()]


def _batches_behind(connection: Connection, query: str) -> list[str]:
    """The batches that rows come from: as they say, or those being built that have their hours.

    Where no row tells, all that are being built: what is new is what broke.
    """
    columns = _columns_of(connection, f"({query})")
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
        found = _run(connection, listed.format(behind)).fetchall()
    except Exception:
        # A mart that this asks is broken itself, which its own suite says.
        found = []
    every = "select batch_id from staging.ops.build_batches"
    return [row[0] for row in found or _run(connection, listed.format(every)).fetchall()]


def _ways_out(batches: Sequence[str]) -> str:
    """Which batches are behind refused rows, and the command that takes one out."""
    if not batches:
        return ""
    named = ", ".join(batches[:BATCHES_SHOWN])
    more = f" and {len(batches) - BATCHES_SHOWN} more" if len(batches) > BATCHES_SHOWN else ""
    return (
        f" Behind these rows: {named}{more}; `unwind withdraw {batches[0]}` takes a batch out, and"
        " the next refresh builds without it."
    )


def _missing_mart(mart: str, checked_at: datetime) -> GateResult:
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
            return _first_line(entry.get("exception_message") or "unknown error").rstrip(".")
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


def _small_json(observed: Mapping[str, Any]) -> str:
    text = json.dumps(observed, default=str)
    if len(text) <= OBSERVED_MAX_CHARS:
        return text
    return json.dumps({"shortened": text[: OBSERVED_MAX_CHARS // 2]})


def _suites_of(context: FileDataContext, checkpoint: str) -> list[str]:
    return [one.name for one in _definition(context, checkpoint).validation_definitions]


def _all_suites(context: FileDataContext) -> list[str]:
    return [*_suites_of(context, LANDED), *_suites_of(context, MARTS)]


def _forget_old_runs(home: Home) -> None:
    """Keeps the newest runs' results and pages; older verdicts stay in ops.gate_results."""
    kept = int(thresholds()["results_kept_runs"].value)
    for zone in (home.gates / "results", home.gates / "docs" / "validations"):
        for suite in zone.iterdir() if zone.exists() else ():
            runs = [path for path in suite.iterdir() if path.is_dir()] if suite.is_dir() else []
            runs.sort(key=lambda path: path.stat().st_mtime_ns)
            for old in runs[:-kept]:
                shutil.rmtree(old, ignore_errors=True)


def _columns_of(connection: Connection, relation: str) -> dict[str, str]:
    """Column types by name as the relation binds now; empty when it does not exist or bind."""
    try:
        described = _run(connection, f"describe select * from {relation}").fetchall()
    except Exception:
        return {}
    return {row[0]: row[1] for row in described}


def _run(connection: Connection, sql: str) -> Any:
    # exec_driver_sql: SQLAlchemy would take `:name` and `%` in plain SQL for parameters.
    return connection.exec_driver_sql(sql)


def _quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0][:DETAIL_MAX_CHARS]
