"""dbt's own pages beside a release."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.warehouse.test_releases import made_home
from unwind.settings import Home
from unwind.warehouse import dbt_docs, releases

NOON = datetime(2026, 1, 29, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return made_home(tmp_path_factory.mktemp("dbt_docs") / "home")


def test_pages_are_made_once_and_each_release_has_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of one seed, which is enough to see that dbt writes them.
    monkeypatch.setattr(dbt_docs, "GENERATE", (*dbt_docs.GENERATE, "--select", "stress_weights"))
    releases.publish(home, "run-1", NOON)
    first = dbt_docs.write_dbt_docs(home)
    assert first == home.current.resolve() / "dbt_docs.html"
    assert "stress_hourly" in first.read_text()
    monkeypatch.setattr(dbt_docs, "GENERATE", ("no such command",))
    releases.publish(home, "run-2", NOON.replace(hour=13))
    second = dbt_docs.write_dbt_docs(home)
    assert second != first
    assert second.samefile(first)
    # A changed project has pages of its own, and where dbt fails a sentence says so.
    monkeypatch.setattr(dbt_docs, "project_fingerprint", lambda: "another")
    with pytest.raises(dbt_docs.DbtDocsError, match=r"dbt did not write its pages: .*`make docs`"):
        dbt_docs.write_dbt_docs(home)
    assert second.samefile(first)


def test_without_a_release_there_is_nothing_to_put_them_beside(tmp_path: Path) -> None:
    with pytest.raises(releases.NoReleaseError):
        dbt_docs.write_dbt_docs(Home(tmp_path))
