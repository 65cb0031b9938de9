"""dbt run by hand, as docs/operations.md describes."""

from __future__ import annotations

from pathlib import Path

import pytest

from unwind.settings import Home
from unwind.warehouse import dbt_by_hand, dbt_parsed
from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.state import staging_state
from unwind.warehouse.writing import writer_lock


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("UNWIND_HOME", str(tmp_path / "home"))
    return Home.from_env()


def test_without_a_warehouse_nothing_is_left_in_the_home(home: Home, tmp_path: Path) -> None:
    page = tmp_path / "docs"
    arguments = ["docs", "generate", "--static", "--select", "stress_weights"]
    assert dbt_by_hand.main([*arguments, "--target-path", str(page)]) == 0
    assert "stress_hourly" in (page / "static_index.html").read_text()
    assert not home.root.exists()


def test_it_builds_in_the_homes_warehouse(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    with staging_state(home) as state:
        pass
    assert dbt_by_hand.main(["build", "-s", "stress_weights", "--resource-type", "seed"]) == 0
    with staging_state(home) as state:
        counted = state.execute("select count(*) from seeds.stress_weights").fetchone()
    assert counted[0] > 0
    assert dbt_by_hand.main(["build", "-s", "stress_weights", "--no-such-option"]) != 0


def test_it_waits_for_the_lock_and_names_its_holder(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with staging_state(home):
        pass
    monkeypatch.setattr(dbt_by_hand, "writer_lock", lambda of: writer_lock(of, 0))
    with writer_lock(home):
        assert dbt_by_hand.main(["ls"]) == 1
    assert "refresh again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "is_kept"),
    [
        (["ls"], True),
        (["build", "-s", "stress_weights"], True),
        (["parse"], False),
        (["run", "--vars={trend_hours: 12}"], False),
        (["compile", "-t", "spark"], False),
    ],
)
def test_the_kept_parse_is_of_the_project_and_target_as_they_are(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], is_kept: bool
) -> None:
    given = {}
    monkeypatch.setattr("dbt.cli.main.cli", lambda words, obj: given.update({**obj, "of": words}))
    monkeypatch.setattr(dbt_parsed.parsed_project, "read", lambda project: f"parse of {project}")
    dbt_parsed.main(arguments)
    assert given["of"] == arguments
    assert given["manifest"] == (f"parse of {DBT_PROJECT}" if is_kept else None)
