"""The third phase by itself, with a dbt that builds nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse import building, files
from unwind.warehouse.plan import BUILT, current_plan
from unwind.warehouse.skipped import built_with
from unwind.warehouse.state import staging_state


def test_a_project_that_is_edited_during_a_build_is_not_the_one_that_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    files.prepare(home)
    with staging_state(home) as state:
        state.execute("insert into ops.plan values ('run-1', 'gated', null, null)")
    fingerprint = {"now": "as built"}
    monkeypatch.setattr(building, "project_fingerprint", lambda: fingerprint["now"])
    dbt = SimpleNamespace(run=lambda *_, **__: fingerprint.update(now="edited"))
    building.build(home, no_progress, dbt, 1, None)
    with staging_state(home) as state:
        assert built_with(state) == "as built"
        assert current_plan(state) == ("run-1", BUILT)
