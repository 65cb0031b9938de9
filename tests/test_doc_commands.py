"""Every command in the README and docs/ runs as printed, in a copy of the project.

`make pages` runs all of them; `make test` only those that run until stopped.

The page about tools (docs/bi.md) has its own test, on a release with known figures.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
ELSEWHERE = {"bi.md"}
REFRESH = ".venv/bin/unwind refresh"
CHECK = ".venv/bin/unwind check "
# Any verdict is fine: it depends on the market whether a claim holds.
VERDICTS = (0, 3, 4, 5)

# These run until stopped; each is started here, then stopped.
UNTIL_STOPPED = {
    ".venv/bin/unwind up",
    ".venv/bin/unwind record",
    ".venv/bin/unwind replay --port 9000",
}
# Commands that cannot or need not run here, and why.
LEFT_OUT = {
    "make demo": "minutes; `make --dry-run` shows that it runs `unwind demo`, which has its tests",
    "make test": "this is part of it",
    "docker-compose up --build --detach": "needs Docker; tests/dags/test_compose.py reads the file",
    'airflow pools set warehouse_writer 1 "the warehouse\'s one writer"': "in an Airflow of theirs",
    ".venv/bin/airflow": "tests/dags/test_airflow_commands.py runs them on one database",
    ".venv/bin/unwind import --dry-run": "minutes; tests/warehouse/test_rehearsal.py runs it",
    ".venv/bin/unwind lineage LIQUIDATION_ID": "below, with the id of the command before it",
}


def printed_commands(page: Path) -> list[str]:
    """The commands in a page's shell blocks, with continued and quoted lines joined."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    commands = []
    for language, block in blocks:
        if language not in ("", "sh"):
            continue
        lines: list[str] = []
        for line in block.splitlines():
            lines.append(line)
            if is_whole("\n".join(lines)):
                commands.append("\n".join(lines))
                lines = []
        assert lines == []
    return commands


def is_whole(text: str) -> bool:
    """Whether a shell would run it without asking for another line."""
    if text.endswith("\\"):
        return False
    here = re.search(r"<<(\w+)$", text.split("\n", maxsplit=1)[0])
    if here:
        return text.endswith(f"\n{here[1]}")
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True


COMMANDS = [
    command for page in PAGES if page.name not in ELSEWHERE for command in printed_commands(page)
]


def left_out(command: str) -> bool:
    return any(command == one or command.startswith(f"{one} ") for one in LEFT_OUT)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project to run in, with the commands' input files; its home is `data/`."""
    project = tmp_path_factory.mktemp("a copy's") / "unwind"
    project.mkdir()
    for name in (
        ".venv",
        "dags",
        "docs",
        "expectations",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "requirements.lock",
    ):
        (project / name).symlink_to(PROJECT / name)
    # Copied, because dbt writes into its project folder.
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(PROJECT / "dbt_project", project / "dbt_project", ignore=ignored)
    write_files(project)
    return project


def write_files(project: Path) -> None:
    """Creates the files named in the pages' examples."""
    order = "BTC,SELL,LIMIT,IOC,0.1,80000,80100,FILLED,0.1,0.1,1769695200000,8010\n"
    (project / "liquidations.csv").write_text(order)
    duckdb.execute(
        "copy (select 1769695200000 as open_time, 80000 as open, 80100 as high, 79900 as low,"
        " 80050 as close, 12 as volume, 'BTC' as coin) to '"
        + str(project / "candles.parquet").replace("'", "''")
        + "' (format parquet)"
    )
    (project / "liquidation_agg_1d.csv").write_text(
        "time,long_usd,short_usd,asset\n1769644800000,1000000,200000,BTC\n"
    )
    (project / "BTCUSDT_PERP.A_liquidation-history.csv").write_text(
        "2026-01-29 14:00:00,1.5,0.5\n2026-01-29 15:00:00,0.5,0.1\n"
    )
    points = {"data": {"points": [[1769695200, 1.6e12, 1], [1769698800, 1.61e12, 1]]}}
    (project / "marketcap.json").write_text(json.dumps(points))
    part = (PROJECT / "docs" / "imports.md").read_text()
    recipes = re.findall(r"^```sql\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    [recipe] = [one for one in recipes if "liquidation_events" in one]
    (project / "recipe.sql").write_text(recipe)
    with sqlite3.connect(project / "collector.db") as collector:
        collector.execute(
            "create table liquidation_events (id integer, exchange text, symbol text,"
            " raw_side text, price real, qty real, event_ts integer, inserted_ts integer)"
        )
        collector.execute(
            "insert into liquidation_events values (1, 'bybit', 'BTCUSDT', 'Buy', 80000, 0.1,"
            " 1769695200000, 1769695200500)"
        )


@pytest.fixture(scope="module")
def environment(project) -> Iterator[dict[str, str]]:
    """The commands' environment: home, and venues simulated by the page's own command."""
    command = next(one for one in UNTIL_STOPPED if "replay" in one)
    assert command in COMMANDS
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The page's port may be taken.
    words = [word.replace("9000", str(port)) for word in command.split()]
    bare = {name: value for name, value in os.environ.items() if "UNWIND" not in name}
    output: dict[str, str] = {}
    with subprocess.Popen(
        words,
        cwd=project,
        env=bare,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as market:
        try:
            for line in market.stdout:
                if not line.startswith("export "):
                    break
                name, _, value = line.removeprefix("export ").strip().partition("=")
                output[name] = value
            assert "the simulated market is served" in line
            yield {
                **bare,
                **output,
                "UNWIND_HOME": str(project / "data"),
                "UNWIND_TRACKED_INSTRUMENTS": "1",
                "HOME": str(project),
            }
        finally:
            market.terminate()
            assert market.wait(20) == 0


def shell(command: str, project: Path, environment: dict[str, str]) -> str:
    """The output of a command, which must succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    fine = VERDICTS if command.startswith(CHECK) else (0,)
    assert done.returncode in fine, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def printed(project, environment) -> dict[str, str]:
    """The output of each command: landings and imports first, one refresh, then the rest."""
    runnable = [
        one
        for one in dict.fromkeys(COMMANDS)
        if one not in UNTIL_STOPPED and not left_out(one) and one != REFRESH
    ]
    if shutil.which("sqlite3") is None:
        runnable = [one for one in runnable if not one.startswith("sqlite3 ")]
        (project / "bybit.csv").write_text("")
        shell(f".venv/bin/python -c {shlex.quote(AS_SQLITE3)}", project, environment)
    first = [one for one in runnable if " land " in one or " import " in one or "btc.csv" in one]
    first = [one for one in runnable if one in first or one.startswith("sqlite3 ")]
    rest = [one for one in runnable if one not in first]
    return {one: shell(one, project, environment) for one in [*first, REFRESH, *rest]}


# Runs the recipe as the sqlite3 program would.
AS_SQLITE3 = """
import csv, sqlite3
found = sqlite3.connect("collector.db").execute(open("recipe.sql").read(), {"venue": "bybit"})
with open("bybit.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow([column[0] for column in found.description])
    rows.writerows(found)
"""


@pytest.mark.long
def test_every_command_that_can_run_does(printed):
    assert REFRESH in COMMANDS
    assert "Published " in printed[REFRESH]
    assert len(printed) > 12


def test_skipped_commands_are_printed_somewhere_and_have_a_reason():
    unused = [one for one in LEFT_OUT if not any(c == one or c.startswith(one) for c in COMMANDS)]
    assert unused == []
    assert set(COMMANDS) >= UNTIL_STOPPED


@pytest.mark.long
def test_the_lineage_of_the_liquidation_that_the_readme_finds(printed, project, environment):
    [found] = [one for one in printed if one.startswith(".venv/bin/unwind sql --format csv")]
    assert f"{found}\n" in (PROJECT / "README.md").read_text()
    liquidation_id = printed[found].splitlines()[1].split(",")[0]
    command = ".venv/bin/unwind lineage LIQUIDATION_ID"
    assert command in COMMANDS
    output = shell(command.replace("LIQUIDATION_ID", liquidation_id), project, environment)
    assert "raw object " in output


def test_make_demo_runs_the_demo(project, environment):
    output = shell("make --no-print-directory --dry-run demo", project, environment)
    assert output.splitlines()[-1] == ".venv/bin/unwind demo"


def test_the_documented_dry_run_of_an_import_works(project):
    from typer.main import get_command

    from unwind.cli import app

    [command] = [one for one in COMMANDS if one.startswith(".venv/bin/unwind import --dry-run")]
    words = shlex.split(command)[2:]
    context = get_command(app).commands["import"].make_context("import", words)
    assert context.params["dry_run"] is True
    assert [path.name for path in context.params["files"]] == ["liquidations.csv"]


@pytest.mark.parametrize("command", sorted(one for one in UNTIL_STOPPED if "replay" not in one))
def test_a_command_that_runs_until_stopped_starts_and_ends(command, project, environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        health_port = str(probe.getsockname()[1])
    words = [*command.split(), "--health-port", health_port]
    if " up" in command:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            words += ["--port", str(probe.getsockname()[1]), "--page-port", "0"]
    home = project / "live"
    process = subprocess.Popen(
        words,
        cwd=project,
        env={**environment, "UNWIND_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    sign = home / ("recorder/okx/state.json" if "record" in command else "logs/airflow/prepare.log")
    deadline = time.monotonic() + 60
    while not sign.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
