"""The command line for users: exit codes, one-sentence errors, machine-readable rows."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.warehouse.test_releases import made_home
from unwind.cli import app
from unwind.recorder.state import RecorderState, StreamState, write_state
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.status import Finding, diagnose, status_tables

NOW = datetime(2026, 1, 29, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    home = made_home(tmp_path_factory.mktemp("cli") / "home")
    releases.publish(home, "run-1", NOW)
    return home


def unwind(
    home: Path | Home, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    root = home.root if isinstance(home, Home) else home
    return subprocess.run(
        [sys.executable, "-m", "unwind.cli", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "UNWIND_HOME": str(root), **environment},
        check=False,
    )


def test_sql_prints_rows_that_a_program_can_read(home):
    result = unwind(home, "sql", "select n from events order by n limit 2", "--format", "json")
    assert (result.returncode, json.loads(result.stdout)) == (0, [{"n": 0}, {"n": 1}])
    result = unwind(home, "sql", "select 1 as a, null as b", "--format", "csv")
    assert (result.returncode, result.stdout) == (0, "a,b\n1,\n")
    assert "1000" in unwind(home, "sql", "select count(*) as events from marts.events").stdout


def test_a_wrong_query_is_one_sentence_and_exit_1(home):
    result = unwind(home, "sql", "select nothing from nowhere")
    assert result.returncode == 1
    assert result.stderr.startswith("unwind: the query failed: Catalog Error: Table with name")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["export", ""], "is empty; name a folder"),
        (["export", "", "--by-day"], "is empty; name a folder"),
        (["export", "s3://bucket/prefix"], "add --by-day, which writes there"),
    ],
)
def test_an_export_without_a_folder_writes_nothing(home, tmp_path, monkeypatch, arguments, why):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.chdir(tmp_path)
    result = unwind(home, *arguments)
    assert result.returncode == 2
    assert why in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_not_replaced_by_a_file(home, tmp_path):
    os.mkfifo(tmp_path / "events.parquet")
    result = unwind(home, "export", str(tmp_path), "--mart", "events")
    assert result.returncode == 1
    assert "events.parquet: not a file; something stands there already" in result.stderr
    assert (tmp_path / "events.parquet").is_fifo()


@pytest.mark.parametrize("others", [[".home-id", "ledger/batches/hour.json"], ["notes.txt"]])
def test_the_past_is_not_built_over_anything_else(tmp_path, others):
    present, past = Home(tmp_path / "present"), tmp_path / "past"
    for file in (present.staging_db, *(past / other for other in others)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")
    result = unwind(present, "refresh", "--as-of", "2026-01-29T15:00Z", "--into", str(past))
    assert result.returncode == 1
    assert "Name an empty folder, or one in which a past was built before" in result.stderr
    assert sorted(path for path in past.rglob("*") if path.is_file()) == sorted(
        past / other for other in others
    )


def test_sql_cannot_write_to_a_release(home):
    result = unwind(home, "sql", "delete from marts.events")
    assert result.returncode == 1
    assert "read-only" in result.stderr


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "the query is empty"),
        ("  -- nothing but a comment", "the query is empty"),
        ("select 1; select 2", "holds 2 statements"),
        ("select 1; drop table marts.events", "holds 2 statements"),
        ("copy (select 1) to '{tmp}/out.csv'", "--allow-files"),
        ("select * from read_text('{tmp}/secret')", "--allow-files"),
        ("select * from '{tmp}/secret.csv'", "--allow-files"),
        ("attach '{tmp}/other.duckdb'", "--allow-files"),
        ("install httpfs", "--allow-files"),
        ("set enable_external_access = true", "the query failed"),
        ("selec 1", "the query failed"),
        ("select * from names", "the query failed"),
    ],
)
def test_a_query_reaches_nothing_but_the_release(home, tmp_path, query, why):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret.csv").write_text("a\nsecret\n")
    result = unwind(home, "sql", query.format(tmp=tmp_path))
    assert result.returncode == 1
    assert why in result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "secret.csv"]


def test_files_are_read_and_written_when_allowed(home, tmp_path):
    target = tmp_path / "events.csv"
    query = f"copy (select n from events order by n limit 2) to '{target}'"
    assert unwind(home, "sql", "--allow-files", query).returncode == 0
    assert target.read_text() == "n\n0\n1\n"


def test_cells_are_printed_as_they_are(home):
    query = (
        "select '[ok] all fine' as a, '[/]' as b, '[red]x' as \"[c]\", chr(27) || '[31mred' as d"
    )
    result = unwind(home, "sql", query)
    assert result.returncode == 0
    header, _, row = result.stdout.splitlines()
    assert [cell.strip() for cell in header.split("┃")] == ["a", "b", "[c]", "d"]
    assert [cell.strip() for cell in row.split("│")] == [
        *("[ok] all fine", "[/]", "[red]x", r"\x1b[31mred")
    ]


def test_a_long_table_is_cut_and_marked_as_such(home):
    result = unwind(home, "sql", "select n from events order by n").stdout.splitlines()
    assert (result[2].strip(), result[-2].strip()) == ("0", "99")
    assert result[-1] == "The first 100 rows; --limit N shows more, --limit 0 all of them."
    result = unwind(home, "sql", "--limit", "0", "select n from events order by n").stdout
    assert result.splitlines()[-1].strip() == "999"
    # Output for programs is never cut.
    result = unwind(home, "sql", "--format", "csv", "select n from events").stdout
    assert len(result.splitlines()) == 1001


def test_rows_wider_than_the_screen_are_printed_one_column_per_line(home):
    columns = ", ".join(f"{n} as a_column_of_some_length_{n:02d}" for n in range(30))
    result = unwind(home, "sql", f"select {columns}").stdout.splitlines()
    assert result[0].startswith("row 1 ─")
    assert result[1:3] == ["a_column_of_some_length_00 │ 0", "a_column_of_some_length_01 │ 1"]
    assert len(result) == 31


def test_numbers_are_numbers_in_json(home):
    query = (
        "select 12345678901234567890.1234::decimal(38, 4) as money, 'nan'::double as n,"
        " 'infinity'::double as i, 1.5::double as d, [1, 2] as l, {'a': 0.1::decimal(3, 2)} as s,"
        " timestamp '2026-01-29 14:00:00' as at, true as b, null as z"
    )
    result = unwind(home, "sql", "--format", "json", query)
    assert '"money": 12345678901234567890.1234' in result.stdout
    assert json.loads(result.stdout) == [
        {
            **{"money": 12345678901234567890.1234, "n": None, "i": None, "d": 1.5, "l": [1, 2]},
            **{"s": {"a": 0.1}, "at": "2026-01-29 14:00:00", "b": True, "z": None},
        }
    ]
    assert json.loads(unwind(home, "sql", "--format", "json", "select 1 where false").stdout) == []


def test_before_the_first_release_the_error_states_what_to_do(tmp_path):
    result = unwind(tmp_path, "sql", "select 1")
    assert result.returncode == 1
    assert "run `unwind demo`" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["land", "--hour", "2026-01-29T14:30"], "is not a whole hour"),
        (["land", "--hour", "yesterday"], "yesterday"),
        (["land", "--hour", "29 Jan 14h"], "is no hour; write it as 2026-01-29T14"),
        (["land", "--hour", "2026-01-29"], "write it as 2026-01-29T14"),
        (["land", "--hour", ""], "write it as 2026-01-29T14"),
        (["land", "--hour", "2030-01-29T13"], "is not over"),
        (["land", "--hour", "1969-01-29T13"], "before the first public data"),
        (["land", "--from", "2026-01-29T14", "--to", "2030-01-29T14"], "is not over"),
        (["land", "--from", "2026-01-29", "--to", "2026-01-29T14"], "write it as 2026-01-29T14"),
        (["land", "--day", "2030-01-29"], "is not over"),
        (["land", "--day", "someday"], "write it as 2026-01-28"),
        (["land", "--from", "2026-01-29T14"], "give one of"),
        (["land", "--hour", "2026-01-29T14", "--venue", "binanse"], "no venue 'binanse'"),
        (["import", "--venue", "bybit", "--format", "force-order-csv", "x"], "format of binance"),
        (["import", "--venue", "binance", "--format", "csv", "x"], "no format 'csv'"),
        (["refresh", "--as-of", "2026-01-29"], "go together"),
        (["record", "--venue", "hyperliquid"], "no venue 'hyperliquid' with a stream"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path, arguments, why):
    result = unwind(tmp_path, *arguments)
    assert result.returncode == 2
    assert why in result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["metric", "nope"], "there is no metric 'nope'; there are "),
        (["lineage", "abc"], "'abc' is no liquidation_id"),
        (["releases", "--roll-back", "nope"], "no release 'nope' in"),
        (["verify", "nope"], "no release 'nope' in"),
        (["page", "--release", "nope"], "no release 'nope' in"),
        (["withdraw", "nope"], "no batch 'nope' is sealed"),
        (["export", "out", "--mart", "nope"], "no mart 'nope'; there are"),
        (["explain", "nope", "--where", "true"], "no mart 'nope'; there are"),
    ],
)
def test_an_unknown_name_is_exit_2(home, monkeypatch, arguments, why):
    monkeypatch.setenv("UNWIND_HOME", str(home.root))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"unwind: {why}")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["land", "--hour", "9999-12-31T23"], "at the end of the calendar"),
        (["land", "--day", "9999-12-31"], "at the end of the calendar"),
        # An hour of another zone is that hour in UTC.
        (["land", "--hour", "2030-01-29T14+01:00"], "covers 2030-01-29 13:00 to 14:00 UTC"),
        (["refresh", "--as-of", "", "--into", "x"], "'' is no time"),
        (["refresh", "--as-of", "2026-01-29", "--into", "x?"], "a question mark"),
        (["record", "--health-port", "99999"], "65535"),
        (["record", "--health-port", "-1"], "Invalid value for '--health-port'"),
        (["replay", "--port", "99999"], "65535"),
        (["replay", "--port", "-1"], "Invalid value for '--port'"),
    ],
)
def test_an_argument_beyond_its_range_is_exit_2(tmp_path, monkeypatch, arguments, why):
    monkeypatch.setenv("UNWIND_HOME", str(tmp_path))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert why in result.stderr


def test_text_that_is_not_utf_8_and_output_that_cannot_have_it_are_sentences(home):
    result = unwind(home, "sql", "select '\udcff'")
    assert result.returncode == 1
    assert result.stderr.startswith("unwind: the query is not written in UTF-8 (at character 9)")
    result = unwind(home, "sql", "--format", "csv", "select 'ü'", PYTHONIOENCODING="ascii")
    assert result.returncode == 1
    assert "the output is encoded as ascii, which has no '\\xfc'; set PYTHON" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_level_of_the_log_is_judged_by_the_commands_too(tmp_path):
    result = unwind(tmp_path, "refresh", UNWIND_LOG_LEVEL="loud")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("unwind: UNWIND_LOG_LEVEL is 'loud'; set it to one of")
    assert unwind(tmp_path, "refresh", UNWIND_LOG_LEVEL="info").returncode == 0


def test_an_unreadable_file_is_refused_with_exit_1(tmp_path):
    result = unwind(tmp_path, "import", "--venue", "binance", "--format", "frames", "absent.ndjson")
    assert result.returncode == 1
    assert result.stderr.startswith("unwind: absent.ndjson is not a file")


def test_a_file_without_a_recognised_row_is_wrong_usage(tmp_path):
    file = tmp_path / "colours.csv"
    file.write_text("id,name,colour\n0,x0,red\n")
    arguments = ["import", "--venue", "binance", "--format", "force-order-csv", str(file)]
    refused = unwind(tmp_path / "home", *arguments)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert refused.stderr.startswith("unwind: nothing of colours.csv is recognised")
    assert "expected the columns symbol, side" in refused.stderr
    assert "found 'id,name,colour'" in refused.stderr


def test_importing_twice_reports_that_nothing_changes(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("BTC,SELL,LIMIT,IOC,0.1,80000,80100,FILLED,0.1,0.1,1769695200000,8010\n")
    arguments = ["import", "--venue", "binance", "--format", "force-order-csv", str(file)]
    assert "1 lines" in unwind(tmp_path / "home", *arguments).stdout
    again = unwind(tmp_path / "home", *arguments)
    assert (again.returncode, again.stdout) == (
        0,
        "a.csv is imported already; nothing changes.\n",
    )


def test_releases_are_listed_and_an_unknown_one_is_refused(home):
    assert "20260129T150000Z-00" in unwind(home, "releases").stdout
    result = unwind(home, "releases", "--roll-back", "nothing")
    assert result.returncode == 2
    assert "20260129T150000Z-00" in result.stderr


def test_a_taken_port_of_the_recorder_is_one_sentence_and_exit_1(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = unwind(tmp_path, "record", "--health-port", port)
    assert result.returncode == 1
    assert result.stderr.startswith(f"unwind: port {port} on 127.0.0.1 is taken")


def test_status_and_doctor_report_that_no_recorder_runs(home):
    assert "no recorder runs. Start it with `unwind record`" in unwind(home, "status").stdout
    result = unwind(home, "doctor")
    assert result.returncode == 1
    assert "FAIL no recorder runs" in result.stdout


def test_status_and_doctor_report_each_stream_of_a_recorder(tmp_path):
    at = datetime(2026, 1, 29, 15, tzinfo=UTC)
    up = StreamState("okx_ws/ws/v5/public", at, None, at, 12345, 0, 2)
    down = StreamState("okx_ws/other", None, at, None, 0, 7, 0, "cannot connect")
    state = RecorderState("okx", at, at, None, at, None, 0, None, "", (up, down))
    folder = tmp_path / "recorder" / "okx"
    folder.mkdir(parents=True)
    write_state(folder, state)
    result = {title: rows for title, _, rows in status_tables(Home(tmp_path), at)}
    assert result["Recorder"] == [
        ("okx_ws/ws/v5/public", "2026-01-29 15:00:00", "2026-01-29 15:00:00", 12345, 0, 2, ""),
        ("okx_ws/other", None, None, 0, 7, 0, "cannot connect"),
    ]

    def finding(now: datetime) -> Finding:
        found = diagnose(Home(tmp_path), now)
        return next(one for one in found if one.what.startswith(("the recorder", "no recorder")))

    assert finding(at).is_fine
    write_state(folder, replace(state, updated_at=at + timedelta(minutes=4)))
    late = finding(at + timedelta(minutes=4))
    assert (late.is_fine, late.what) == (
        False,
        "the recorder runs, with 2 connections to 1 venues; okx_ws/other is down since "
        "2026-01-29T15:00:00.000000Z: cannot connect",
    )
    # A recorder that has not updated its state for long counts as stopped.
    assert finding(at + timedelta(minutes=10)).what == "no recorder runs"


def test_real_venues_are_not_landed_into_the_demo(tmp_path):
    (tmp_path / "SIMULATED").write_text("")
    result = unwind(tmp_path, "land", "--hour", "2026-01-29T14")
    assert result.returncode == 1
    assert "set UNWIND_HOME to another folder" in result.stderr
