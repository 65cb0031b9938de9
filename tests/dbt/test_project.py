"""The whole dbt project on a warehouse without data: every model, unit test and data test."""

from __future__ import annotations

import duckdb

from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state


def test_every_model_builds_and_every_test_of_the_project_passes(tmp_path) -> None:
    home = Home(tmp_path)
    with staging_state(home):
        pass
    told: list[str] = []
    run_dbt(home, ["build"], lambda name, done, total: told.append(name))
    assert {"fct_liquidations", "staging_rows_are_unique", "buy_is_a_long_in_all_three_formats"} <= {
        name.split(".")[-1] for name in told
    }
    with duckdb.connect(str(home.warehouse_db), read_only=True) as warehouse:
        assert warehouse.execute("select count(*) from marts.fct_liquidations").fetchone() == (0,)
