"""The command line as a person meets it: exit codes, one plain sentence, machine-readable rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.warehouse.test_releases import made_home
from unwind.settings import Home
from unwind.warehouse import releases

NOW = datetime(2026, 1, 29, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    home = made_home(tmp_path_factory.mktemp("cli") / "home")
    releases.publish(home, "run-1", NOW)
    return home


def unwind(home: Path | Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = home.root if isinstance(home, Home) else home
    return subprocess.run(
        [sys.executable, "-m", "unwind.cli", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "UNWIND_HOME": str(root)},
        check=False,
    )


def test_sql_prints_rows_that_a_program_can_read(home):
    told = unwind(home, "sql", "select n from events order by n limit 2", "--format", "json")
    assert (told.returncode, json.loads(told.stdout)) == (0, [{"n": 0}, {"n": 1}])
    told = unwind(home, "sql", "select 1 as a, null as b", "--format", "csv")
    assert (told.returncode, told.stdout) == (0, "a,b\n1,\n")
    assert "1000" in unwind(home, "sql", "select count(*) as events from marts.events").stdout


def test_a_wrong_query_is_one_sentence_and_exit_1(home):
    told = unwind(home, "sql", "select nothing from nowhere")
    assert told.returncode == 1
    assert told.stderr.startswith("unwind: the query failed: Catalog Error: Table with name")
    assert "Traceback" not in told.stderr


def test_sql_cannot_write_to_a_release(home):
    told = unwind(home, "sql", "delete from marts.events")
    assert told.returncode == 1
    assert "read-only" in told.stderr


def test_before_the_first_release_it_says_what_to_do(tmp_path):
    told = unwind(tmp_path, "sql", "select 1")
    assert told.returncode == 1
    assert "run `unwind demo`" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["land", "--hour", "2026-01-29T14:30"], "is not a whole hour"),
        (["land", "--hour", "yesterday"], "yesterday"),
        (["land", "--from", "2026-01-29T14"], "give one of"),
        (["land", "--hour", "2026-01-29T14", "--venue", "binanse"], "no venue 'binanse'"),
        (["import", "--venue", "bybit", "--format", "force-order-csv", "x"], "format of binance"),
        (["import", "--venue", "binance", "--format", "csv", "x"], "no format 'csv'"),
        (["refresh", "--as-of", "2026-01-29"], "go together"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path, arguments, why):
    told = unwind(tmp_path, *arguments)
    assert told.returncode == 2
    assert why in told.stderr


def test_an_unreadable_file_is_refused_with_exit_1(tmp_path):
    told = unwind(tmp_path, "import", "--venue", "binance", "--format", "frames", "absent.ndjson")
    assert told.returncode == 1
    assert told.stderr.startswith("unwind: absent.ndjson is not a file")


def test_importing_twice_says_that_nothing_changes(tmp_path):
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
    told = unwind(home, "releases", "--roll-back", "nothing")
    assert told.returncode == 1
    assert "20260129T150000Z-00" in told.stderr


def test_real_venues_are_not_landed_into_the_demo(tmp_path):
    (tmp_path / "SIMULATED").write_text("")
    told = unwind(tmp_path, "land", "--hour", "2026-01-29T14")
    assert told.returncode == 1
    assert "set UNWIND_HOME to another folder" in told.stderr
