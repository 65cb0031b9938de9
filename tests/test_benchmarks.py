"""What the benchmarks compute besides time: questions that bind, rows repeated, figures kept."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.benchmarks.container import run_within
from tests.benchmarks.history import repeat_rows
from tests.benchmarks.loaders import differences
from tests.benchmarks.loading import rows_to_insert
from tests.benchmarks.queries import QUESTIONS, filled, read_tables, same
from tests.benchmarks.report import Report
from unwind.warehouse.promises import marts


def test_every_question_binds_to_the_marts_as_their_contracts_have_them() -> None:
    assert len(QUESTIONS) == 10
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        for name in read_tables(QUESTIONS):
            columns = ", ".join(f"{one.name} {one.data_type}" for one in marts()[name].columns)
            connection.execute(f"create table marts.{name} ({columns})")
        for question in QUESTIONS:
            width = len(connection.execute(filled(question.of_mart)).description or ())
            if question.of_facts:
                of_facts = connection.execute(filled(question.of_facts)).description or ()
                assert len(of_facts) == width, question.asked


def test_spans_end_with_the_last_hour() -> None:
    last = datetime(2026, 1, 29, 14, tzinfo=UTC)
    assert filled("{hour} {day}", last) == (
        "timestamp '2026-01-29 14:00' timestamp '2026-01-28 15:00'"
    )
    # 365 days before 2026-01-29 14:00 is 2025-01-29 14:00, outside the year.
    assert filled("{year}", last) == "timestamp '2025-01-29 15:00'"


def test_answers_agree_to_what_they_are_rounded_to() -> None:
    row = ("binance", Decimal("10.0000"), 0.25)
    assert same([row], [("binance", Decimal("10.0099"), 0.250001)])
    assert not same([row], [("binance", Decimal("10.0100"), 0.25)])
    assert not same([row], [("binance", Decimal("10.0000"), 0.250002)])
    assert not same([row], [("bybit", Decimal("10.0000"), 0.25)])
    assert not same([row], [])


def test_a_table_is_repeated_by_whole_weeks_with_keys_of_its_own() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table facts as select timestamp '2026-01-29 14:00' as hour_at,"
            " uuid '00000000-0000-0000-0000-000000000001' as liquidation_id, 5 as notional_usd"
        )
        repeat_rows(connection, "facts", 2)
        hours = connection.execute("select hour_at::varchar, notional_usd from facts").fetchall()
        keys = connection.execute("select count(distinct liquidation_id) from facts").fetchone()
    assert hours == [(f"2026-01-{day} 14:00:00", 5) for day in (15, 22, 29)]
    assert keys == (3,)


def test_sums_differ_in_events_or_by_more_than_a_cent() -> None:
    key, other = ("2026-01-19 00:00:00", "BTCUSDT", "long"), ("2026-01-19 00:00:00", "X", "short")
    assert differences({key: (100.0, 2)}, {key: (100.009, 2)}) == []
    assert len(differences({key: (100.0, 2)}, {key: (100.02, 2)})) == 1
    assert differences({key: (100.0, 2)}, {key: (99.6, 2)}, with_dollars=False) == []
    assert len(differences({key: (100.0, 2)}, {key: (100.0, 3)}, with_dollars=False)) == 1
    assert len(differences({key: (100.0, 2)}, {other: (100.0, 2)})) == 2


def test_a_frame_becomes_a_typed_row() -> None:
    order = {"s": "BTCUSDT", "S": "SELL", "q": "0.014", "p": "84660", "ap": "85000", "z": "0.014"}
    # 2026-01-19 00:00:00.250 UTC.
    frame = {"e": "forceOrder", "o": {**order, "T": 1768780800250}}
    received_at = "2026-01-19T00:00:00.290000+00:00"
    line = json.dumps({"received_at": received_at, "frame": json.dumps(frame)})
    first, again = rows_to_insert(iter([line, line]))
    assert first == again
    # 0.014 x 85,000 = 1,190.
    assert first[1:] == (
        *("BTCUSDT", "long", Decimal("0.014"), Decimal(85000), Decimal(1190)),
        datetime(2026, 1, 19, 0, 0, 0, 250_000, tzinfo=UTC),
        received_at,
    )


def test_figures_are_printed_and_kept_beside_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "benchmarks.json"
    report = Report(file)
    report.begin("bulk")
    report.note("refresh", seconds=304.26, frames=8_000_000, times_duckdb_alone=5.1234)
    # Before it is over, too.
    assert len(json.loads(file.read_text())["figures"]) == 1
    report.begin("history")
    report.note("new hour", week_seconds=[9.876, 12.0], was_limited=True)
    kept = json.loads(file.read_text())
    assert kept["figures"] == [
        {
            **{"benchmark": "bulk", "what": "refresh", "seconds": 304.26},
            **{"frames": 8_000_000, "times_duckdb_alone": 5.1234},
        },
        {
            **{"benchmark": "history", "what": "new hour"},
            **{"week_seconds": [9.876, 12.0], "was_limited": True},
        },
    ]
    assert kept["machine"]["processors"] >= 1
    assert kept["machine"]["duckdb"] == duckdb.__version__
    assert capsys.readouterr().out.splitlines() == [
        "",
        "== bulk",
        "refresh: seconds 304, frames 8,000,000, times_duckdb_alone 5.12",
        "",
        "== history",
        "new hour: week_seconds 9.88 12, was_limited True",
    ]


def test_what_a_command_spills_is_seen(tmp_path: Path) -> None:
    """DuckDB writes its files below the folder, and deletes them before it ends."""
    writes = (
        "import pathlib, sys, time; file = pathlib.Path(sys.argv[1]) / 'a' / 'duckdb_temp_0.tmp';"
        "file.parent.mkdir(); file.write_bytes(bytes(3_000_000)); time.sleep(2); file.unlink()"
    )
    argv = [sys.executable, "-c", writes, str(tmp_path)]
    outcome = run_within(2**30, argv, dict(os.environ), tmp_path)
    assert (outcome.returncode, outcome.spilled) == (0, 3_000_000)
