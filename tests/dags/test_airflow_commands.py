"""Airflow's commands in docs/operations.md run as printed, against the DAGs of this project."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from unwind.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "operations.md").read_text()
PROGRAM = r"^(?:\.venv/bin/)?airflow .*$"
COMMANDS = [
    command
    for block in re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for command in re.findall(PROGRAM, block, re.MULTILINE)
]


def airflow(*words: str) -> None:
    """Runs a command of Airflow in this process; raises SystemExit where it fails."""
    from airflow.__main__ import main

    former, sys.argv = sys.argv, ["airflow", *words]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
    finally:
        sys.argv = former


@pytest.fixture(scope="module")
def known_dags(airflow_database):
    """Serialises the DAGs, as the DAG processor of a running Airflow does."""
    airflow("dags", "reserialize")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(command, known_dags, capsys):
    words = shlex.split(command)[1:]
    airflow(*words)
    output = capsys.readouterr()
    assert "error" not in (output.out + output.err).lower()


def test_the_environment_that_the_page_sets_leads_to_the_airflow_of_up(tmp_path, monkeypatch):
    """`export ...` of the page, in the project's folder with its home in `data/`."""
    from unwind.settings import Home
    from unwind.standalone import Standalone, settings

    [line] = re.findall(r"^export (AIRFLOW_HOME=.*)$", PAGE, re.MULTILINE)
    given = dict(word.split("=", 1) for word in shlex.split(line))
    up = Standalone(Home(PROJECT_ROOT / "data"), 8080)
    monkeypatch.setattr("unwind.standalone._kept_json", lambda *_: dict.fromkeys(SECRETS, "x"))
    made = settings(up)
    assert {name: value.replace("$PWD", str(PROJECT_ROOT)) for name, value in given.items()} == {
        name: made[name] for name in given
    }
    # Where nothing else is set, Airflow's database is in its home.
    assert made["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{up.airflow_home}/airflow.db"
    assert Path(made["AIRFLOW_HOME"]).is_absolute()


SECRETS = ("fernet_key", "api_secret_key", "jwt_secret")
