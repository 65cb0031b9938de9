"""The consequence of a verdict: a held part, a stopped run, or just a record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from unwind.settings import Home
from unwind.warehouse import forked, gate_context, gate_verdicts, gates

CHECKED_AT = datetime(2026, 1, 29, 15, 5, tzinfo=UTC)
HOUR = "hour-2026-01-29T14"
STAGED = "intermediate.int_liquidations_unioned"
Run = Callable[[str], None]


def failures(results: list[gates.GateResult]) -> dict[str, gates.GateResult]:
    return {one.expectation: one for one in results if not one.success}


def test_a_part_with_mostly_rejected_rows_is_held_and_the_others_go_on(
    home: Home, in_staging: Run
) -> None:
    in_staging(f"update {STAGED} set reject_reason = 'unknown_symbol' where venue = 'okx'")
    results = gates.check_landed(home, "run", CHECKED_AT)
    assert list(gates.held_parts(results)) == [(HOUR, "okx")]
    assert gates.run_failures(results) == []
    held = failures(results)["rejected_share_bearable"]
    assert held.unexpected_count == 40
    assert held.message == (
        "40 of 40 rows of okx in hour-2026-01-29T14 were rejected, mostly for 'unknown_symbol'; "
        "the part is held; look at quarantined_liquidations, then re-seal the batch or run "
        "`unwind release-hold hour-2026-01-29T14 okx`."
    )


def test_an_import_of_rejected_rows_is_a_warning_and_goes_on(home: Home, in_staging: Run) -> None:
    in_staging(f"update {STAGED} set reject_reason = 'wrong_column_count' where venue = 'bybit'")
    results = gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"])
    assert list(failures(results)) == ["rejected_share_low"]
    assert gates.held_parts(results) == {}


def test_nineteen_rejected_rows_are_too_few_to_hold_a_part(home: Home, in_staging: Run) -> None:
    in_staging(
        f"delete from {STAGED} where venue = 'okx' and raw_line > 19;"
        f"update {STAGED} set reject_reason = 'unknown_symbol' where venue = 'okx'"
    )
    assert gates.held_parts(gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"])) == {}


def test_the_clock_of_an_import_is_not_judged(home: Home, in_staging: Run) -> None:
    in_staging(
        f"update {STAGED} set received_at = received_at + interval 500 day where venue = 'bybit'"
    )
    assert failures(gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"])) == {}


def test_event_times_that_staging_cleared_still_reveal_a_wrong_clock(
    home: Home, in_staging: Run
) -> None:
    in_staging(
        f"update {STAGED} set event_at = null, reject_reason = 'implausible_event_time'"
        " where venue = 'binance' and raw_line <= 30"
    )
    found = failures(gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"]))
    assert found["clocks_believable"].unexpected_count == 30


def test_pages_of_quiet_markets_that_reach_weeks_back_hold_no_part(
    home: Home, in_staging: Run
) -> None:
    # As dYdX's thousand newest trades of each market: 39 of 40 liquidations are three weeks old.
    in_staging(
        f"update {STAGED} set event_at = event_at - interval 21 day,"
        " hour_at = hour_at - interval 21 day where venue = 'okx' and raw_line > 1"
    )
    found = failures(gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"]))
    assert list(found) == ["events_in_span"]
    in_staging(
        f"update {STAGED} set event_at = event_at - interval 21 day,"
        " hour_at = hour_at - interval 21 day where venue = 'okx' and raw_line = 1"
    )
    results = gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"])
    assert failures(results)["events_near_span"].unexpected_count == 40
    assert list(gates.held_parts(results)) == [(HOUR, "okx")]


def test_a_page_that_reaches_a_day_back_is_in_its_batchs_span(home: Home, in_staging: Run) -> None:
    in_staging(
        f"update {STAGED} set event_at = event_at - interval 1 day,"
        " hour_at = hour_at - interval 1 day where venue = 'okx'"
    )
    assert failures(gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"])) == {}


def test_a_time_of_sealing_of_another_type_is_a_finding(home: Home, in_staging: Run) -> None:
    in_staging(f"alter table {STAGED} alter sealed_at type integer using 1")
    found = failures(gates.check_landed(home, "run", CHECKED_AT))
    assert found["column_types"].severity == "critical"


def test_an_hour_landed_a_day_late_may_contain_later_events(home: Home, in_staging: Run) -> None:
    in_staging(
        "update ops.batches set sealed_at = '2026-01-30 15:00:00' where kind = 'hour';"
        f"update {STAGED} set sealed_at = '2026-01-30 15:00:00' where batch_id = '{HOUR}';"
        f"update {STAGED} set event_at = event_at + interval 1 day,"
        " hour_at = hour_at + interval 1 day where venue = 'okx'"
    )
    assert failures(gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"])) == {}


def test_a_venue_that_failed_to_land_is_named_and_holds_nothing(
    home: Home, in_staging: Run
) -> None:
    in_staging(
        "insert into ops.batch_outcomes values "
        f"('{HOUR}', 1, 'htx', 'liquidations', 'failed', 'HTTP 451', 3, 0, 0, null)"
    )
    results = gates.check_landed(home, "run", CHECKED_AT)
    found = failures(results)["landed_whole"]
    assert (found.batch_id, found.venue, found.severity) == (HOUR, "htx", "warning")
    assert found.message.startswith(
        "htx liquidations of hour-2026-01-29T14 landed failed: HTTP 451; "
    )
    assert gates.held_parts(results) == {}


def test_unfinished_periods_are_no_fault_unless_most_are_unfinished(
    home: Home, in_staging: Run
) -> None:
    unfinished = (
        "update landed.stg_binance__funding set reject_reason = 'unfinished_bar'"
        " where raw_line <= {}"
    )
    in_staging(unfinished.format(20))
    assert failures(gates.check_landed(home, "run", CHECKED_AT, ["landed_observations"])) == {}
    in_staging(unfinished.format(21))
    found = failures(gates.check_landed(home, "run", CHECKED_AT, ["landed_observations"]))
    assert found["observations_rejected_share_low"].message.startswith(
        "21 of 40 rows of stg_binance__funding in hour-2026-01-29T14 were rejected, "
        "mostly for 'unfinished_bar'"
    )


def test_a_batch_of_earlier_runs_is_not_judged_again(home: Home, in_staging: Run) -> None:
    in_staging(
        f"update {STAGED} set liquidated_side = 'SELL' where venue = 'okx';"
        f"delete from ops.build_batches where batch_id = '{HOUR}'"
    )
    assert failures(gates.check_landed(home, "run", CHECKED_AT)) == {}


def test_every_held_part_is_named_however_many_there_are(home: Home, in_staging: Run) -> None:
    in_staging(
        "insert into ops.batches select 'day-' || number, 1, 'day', timestamp '2026-01-29',"
        " timestamp '2026-01-28', timestamp '2026-01-29' from range(300) as days(number);"
        "insert into ops.build_batches select 'day-' || number, 1 from range(300) as days(number);"
        f"insert into {STAGED} select staged.* replace ('day-' || number as batch_id,"
        f" 'SELL' as liquidated_side) from {STAGED} as staged, range(300) as days(number)"
        " where venue = 'okx' and raw_line = 1"
    )
    held = gates.held_parts(gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"]))
    assert len(held) == 300


def test_a_missing_staging_relation_stops_the_run(home: Home, in_staging: Run) -> None:
    in_staging(f"drop table {STAGED}")
    results = gates.check_landed(home, "run", CHECKED_AT)
    (stopped,) = gates.run_failures(results)
    assert stopped.expectation == "staging_present"
    assert {one.suite for one in results} == {"landed_schema"}


def test_results_are_written_where_the_warehouse_reads_them(home: Home, in_staging: Run) -> None:
    in_staging(f"update {STAGED} set liquidated_side = 'SELL' where venue = 'okx'")
    results = gates.check_landed(home, "run-7", CHECKED_AT)
    with duckdb.connect(str(home.staging_db)) as staging:
        gates.write_results(staging, "run-7", results)
        written = staging.execute(
            "select run_id, gate, suite, batch_id, venue, severity, unexpected_count, checked_at"
            " from ops.gate_results where not success"
        ).fetchall()
        observed = staging.execute("select observed from ops.gate_results").fetchall()
    assert written == [
        ("run-7", "landed", "landed_parts", HOUR, "okx", "critical", 40,
         datetime(2026, 1, 29, 15, 5)),  # noqa: DTZ001
    ]  # fmt: skip
    assert all(isinstance(json.loads(text), dict) for (text,) in observed)


def test_a_gate_without_files_reports_that_in_words(tmp_path: Path) -> None:
    with pytest.raises(gates.GateError, match=r"staging\.duckdb does not exist; run `unwind refr"):
        gates.check_landed(Home(tmp_path), "run", CHECKED_AT)


def test_a_file_that_another_process_writes_is_named(home: Home) -> None:
    import subprocess
    import sys

    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
            " sys.stdin.read()",
            str(home.staging_db),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(gates.GateError, match=r"cannot open .*staging\.duckdb"):
            gates.check_landed(home, "run", CHECKED_AT)
    finally:
        holder.communicate()


def test_the_file_is_free_again_after_a_gate(home: Home, in_staging: Run) -> None:
    gates.check_landed(home, "run", CHECKED_AT, ["landed_parts"])
    in_staging("create table ops.written_after (one integer)")


def test_unreadable_limits_are_reported_in_words(home: Home, in_staging: Run) -> None:
    in_staging("drop table seeds.plausibility_limits")
    with pytest.raises(gates.GateError, match=r"plausibility_limits.*`unwind refresh --full`"):
        gates.check_landed(home, "run", CHECKED_AT)


def test_results_of_a_run_are_kept_and_old_runs_deleted(
    home: Home, monkeypatch: pytest.MonkeyPatch, own_context: None
) -> None:
    stated = gates.thresholds()
    few = gates.Threshold("results_kept_runs", 2, stated["results_kept_runs"].since, "test")
    monkeypatch.setattr(gate_context, "thresholds", lambda: {**stated, "results_kept_runs": few})
    for run in ("run-1", "run-2", "run-3"):
        gates.check_landed(home, run, CHECKED_AT, ["landed_parts"])
    index = gates.build_docs(home)
    kept = {path.name for path in (home.gates / "results" / "landed_parts").iterdir()}
    assert kept == {"run-2", "run-3"}
    assert index == home.gates / "docs" / "index.html"
    assert "landed_parts" in index.read_text()
    pages = list((home.gates / "docs" / "validations" / "landed_parts").rglob("*.html"))
    assert len(pages) == 2
    # Readable offline: no page fetches anything, and the index links to every page.
    site = sorted((home.gates / "docs").rglob("*.html"))
    assert [page for page in site if fetched_by(page.read_text())] == []
    linked = {index.parent / link for link in re.findall(r'<a href="([^"]+)"', index.read_text())}
    assert linked == set(site) - {index}
    assert index.read_text().count("<td>run-3</td>") == 1


def fetched_by(text: str) -> list[str]:
    """External resources that a browser would fetch to show a page."""
    return [
        *re.findall(r"<(?:script|img|link)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//[^>]*>", text),
        *re.findall(r"@import|url\(['\"]?(?:https?:)?//", text),
    ]


@pytest.mark.parametrize("is_relative", [False, True])
def test_a_gate_writes_nothing_beside_its_suites(
    home: Home, own_context: None, monkeypatch: pytest.MonkeyPatch, is_relative: bool
) -> None:
    if is_relative:
        monkeypatch.chdir(home.root.parent)
        home = Home(Path(home.root.name))

    def listing() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes() for path in gates.CONTEXT_ROOT.rglob("*") if path.is_file()
        }

    before = listing()
    gates.check_landed(home, "run", CHECKED_AT)
    gates.build_docs(home)
    assert listing() == before
    assert {path.suffix for path in map(Path, before)} == {".json", ".sql", ".toml", ".yml"}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", [(1, "c"), (2, "b"), (3, "a"), (4, "z"), (5, "y")]),
        ("\norder by name desc", [(4, "z"), (5, "y"), (6, "x"), (1, "c"), (2, "b")]),
    ],
)
def test_examples_do_not_depend_on_where_rows_are_stored(
    order: str, expected: list[tuple[int, str]]
) -> None:
    import sqlalchemy

    with sqlalchemy.create_engine("duckdb:///:memory:").connect() as connection:
        connection.exec_driver_sql(
            "create table broken as from (values"
            " (3, 'a'), (6, 'x'), (1, 'c'), (5, 'y'), (2, 'b'), (4, 'z')) as rows_of(place, name)"
        )
        found = gate_verdicts._examples(connection, f"select place, name\nfrom broken{order}")
    assert [(row["place"], row["name"]) for row in found] == expected


def test_an_expectation_is_computed_once_while_suites_are_judged() -> None:
    from great_expectations.expectations import ExpectColumnValuesToNotBeNull

    expectation = ExpectColumnValuesToNotBeNull(column="venue")
    with gate_verdicts._computed_once():
        assert expectation.configuration is expectation.configuration
        assert expectation.configuration.kwargs == {"column": "venue"}
    assert expectation.configuration is not expectation.configuration


@pytest.mark.parametrize(
    ("limit", "gates_of"),
    [
        # 448 MiB each is the least for one thread.
        ("896MiB", ["448.0 MiB", "448.0 MiB"]),
        ("890MiB", ["890.0 MiB"]),
    ],
)
def test_two_gates_share_the_memory_or_there_is_one(
    home: Home, monkeypatch: pytest.MonkeyPatch, limit: str, gates_of: list[str]
) -> None:
    found: list[str] = []

    def judge(gate: gate_context.Gate, *_: object) -> list[gates.GateResult]:
        query = "select current_setting('memory_limit')"
        [(memory,)] = gate_context.run_sql(gate.connection, query).fetchall()
        found.append(memory)
        return []

    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute("create schema marts")
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", limit)
    monkeypatch.setattr(gates, "can_fork", lambda: True)
    monkeypatch.setattr(forked, "both", lambda here, beside: (here(), beside()))
    monkeypatch.setattr(gates, "judge", judge)
    monkeypatch.setattr(gates, "_check_continuity", lambda *_: [])
    gates.check_marts(home, "run", datetime(2026, 1, 29, 15, 5, tzinfo=UTC), models=Path("none"))
    assert found == gates_of
