"""The whole dbt project on a warehouse without data: every model, unit test and data test."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable

import duckdb
import pytest
from tests.lint_casts import findings, of_model

from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse.dbt import DBT_PROJECT, run_dbt


@pytest.fixture(scope="module")
def built(
    empty_tables: Callable[[], Home], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, set[str]]:
    """A home in which every model was built, and what was tested in it."""
    home = Home(tmp_path_factory.mktemp("project") / "home")
    shutil.copytree(empty_tables().root, home.root)
    finished: set[str] = set()
    # The promises of ymls are judged by the gates, on rows; here `make dbt ARGS=test` is enough.
    own = ("--select", "test_type:unit", "test_type:singular")
    run_dbt(home, ["test", *own], lambda name, done, total: finished.add(name.split(".")[-1]))
    return home, finished


def test_every_model_builds_and_every_test_of_the_project_passes(
    built: tuple[Home, set[str]],
) -> None:
    home, finished = built
    assert {"staging_rows_are_unique", "buy_is_a_long_in_all_three_formats"} <= finished
    with duckdb.connect(str(home.warehouse_db), read_only=True) as warehouse:
        assert warehouse.execute("select count(*) from marts.fct_liquidations").fetchone() == (0,)
        warehouse.execute(f"attach '{home.staging_db}' as staging (read_only)")
        there = warehouse.execute(
            "select table_name from duckdb_tables() union select view_name from duckdb_views()"
        ).fetchall()
    models = {
        path.stem
        for path in (DBT_PROJECT / "models").rglob("*.sql")
        if not re.search(r"'ephemeral'|no_observations\(", path.read_text())
    }
    assert len(models) > 200
    assert sorted(models - {name for (name,) in there}) == []


def test_no_model_raises_on_the_value_of_one_row(
    built: tuple[Home, set[str]],
) -> None:
    home, _ = built
    compiled = home.warehouse_dir / "dbt_target" / "compiled" / "unwind" / "models"
    models = {path.stem for path in compiled.rglob("*.sql")}
    assert {"stg_gate__liquidations", "int_funding_screened", "funding_hourly"} <= models
    assert [str(found) for found in findings(compiled)] == []


def filtered_counts(sql: str) -> int:
    """How often a window counts its rows by a filter."""
    with duckdb.connect() as parser:
        (tree,) = parser.execute("select json_serialize_sql(?)", [sql]).fetchone() or ("{}",)
    nodes, found = [json.loads(tree)], 0
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            counts_rows = node.get("function_name") == "count" and not node["children"]
            found += node.get("class") == "WINDOW" and counts_rows and bool(node["filter_expr"])
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    return found


def test_no_model_limits_rows(built: tuple[Home, set[str]]) -> None:
    """DuckDB may filter below a limit when its rows are joined (docs/adr/0028)."""
    home, _ = built
    compiled = list((home.dbt_target / "compiled").rglob("*.sql"))
    assert len(compiled) > 200
    checked = [*compiled, *(PROJECT_ROOT / "expectations" / "sql").rglob("*.sql")]
    limited = re.compile(r"^(?!\s*--).*\blimit\s+(?!0\b)[0-9(]", re.MULTILINE | re.IGNORECASE)
    found = [limited.search(path.read_text()) for path in checked]
    assert [one[0] for one in found if one] == []


def test_no_window_counts_its_rows_by_a_filter(built: tuple[Home, set[str]]) -> None:
    """DuckDB 1.5 goes through the whole frame for each of its rows: 7 s for 150,000 rows in three
    partitions, where count(case when ... then 1 end) takes 0.06 s."""
    frame = "over (partition by a order by b rows unbounded preceding)"
    assert filtered_counts(f"select count(*) filter (where b > 1) {frame} from t") == 1
    assert filtered_counts(f"select count(case when b > 1 then 1 end) {frame} from t") == 0
    compiled = built[0].dbt_target / "compiled" / "unwind" / "models"
    slow = {path.stem for path in compiled.rglob("*.sql") if filtered_counts(path.read_text())}
    assert slow == set()


def test_how_staging_works_prints_what_dbt_runs(built: tuple[Home, set[str]]) -> None:
    compiled = built[0].dbt_target / "compiled" / "unwind" / "models" / "staging" / "coinex"
    sql = " ".join((compiled / "stg_coinex__instruments.sql").read_text().split())
    page = (PROJECT_ROOT / "docs" / "how-staging-works.md").read_text()
    written, *compiled_parts = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    places = [sql.find(" ".join(part.split())) for part in compiled_parts]
    assert len(places) == 5
    assert -1 not in places
    source = (DBT_PROJECT / "models/staging/coinex/stg_coinex__instruments.sql").read_text()
    assert written.strip() in source


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("select size::double from t", "a bare cast to DOUBLE"),
        ("select cast(size as decimal(38, 12)) from t", "a bare cast to DECIMAL"),
        ("select ('x' || day)::date from t", "a bare cast to DATE"),
        ("select if(is_json, json_type(text), null) from t", "json_type of what may be no JSON"),
        ("select text ->> '$.a' from t", "->> of what may be no JSON"),
        ("select make_timestamp(try_cast(ms as bigint)) from t", "make_timestamp of a row's value"),
        ("select epoch_ms(try_cast(ms as bigint) * 1000) from t", "epoch_ms of a row's value"),
        ("select strptime(day, '%Y') from t", "strptime of a row's value"),
        ("select opened_at + to_seconds(length) from t", "to_seconds of a row's value"),
        ("select try_cast(ms as bigint) * 1000 from t", "a product that may overflow"),
        ("select try_cast(ms as bigint) + 1 from t", "a sum that may overflow"),
        ("select ln(price) from t", "ln of a row's value"),
        (
            "select try_cast(a as decimal(38, 12)) - try_cast(b as decimal(38, 12)) from t",
            "a sum that may overflow",
        ),
        ("select hours * interval 1 hour from t", "a row's value times an interval"),
        ("select sum(price::decimal(38, 4)) from t", "a bare cast to DECIMAL"),
    ],
)
def test_expressions_that_raise_on_one_row_are_found(sql: str, what: str) -> None:
    with duckdb.connect() as parser:
        assert what in {one.what for one in of_model(parser, "stg_x", sql, is_staging=True)}


@pytest.mark.parametrize(
    "sql",
    [
        "select try_cast(size as double) * 1000, size::varchar, null::json, 1::bigint from t",
        "select case when json_valid(text) then json_type(text, '$.a') end from t",
        "select case when try_cast(ms as bigint) between 0 and 9 then"
        " epoch_ms(try_cast(ms as bigint) * 1000) end from t",
        "select opened_at + interval 1 hour, (row_in_line - 1) * 2 + place from t",
        "select case when price > 0 then ln(price) end from t",
        "select abs(try_cast(a as decimal(37, 12))) - try_cast(b as decimal(37, 12)) from t",
    ],
)
def test_expressions_that_never_raise_are_accepted(sql: str) -> None:
    with duckdb.connect() as parser:
        assert list(of_model(parser, "stg_x", sql, is_staging=True)) == []
