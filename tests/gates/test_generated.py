"""The committed Great Expectations files match what the yml and SQL files generate."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from unwind.settings import PROJECT_ROOT
from unwind.warehouse import suites
from unwind.warehouse.promises import MODELS, arguments_of, marts, name_of, settings_of

MART = """
models:
  - name: {name}
    description: One row per thing.
    columns:
      - name: thing
        data_type: varchar
        description: What it is.
        data_tests: {tests}
"""


def test_committed_suites_are_those_of_the_yml_and_the_sql_files() -> None:
    wanted = suites.generated()
    differing = [
        str(path.relative_to(PROJECT_ROOT))
        for path, text in wanted.items()
        if not path.exists() or path.read_text() != text
    ]
    assert differing == [], "run `make suites` and commit the changes"
    assert suites.left_over(wanted) == [], "run `make suites`: these suites have no mart"


def test_every_mart_has_a_suite_and_every_test_of_its_yml_an_expectation() -> None:
    models = {path.stem for path in (MODELS / "marts").rglob("*.sql")}
    assert set(marts()) == models
    for mart in marts().values():
        path = suites.CONTEXT_ROOT / "expectations" / f"{mart.name}.json"
        judged = json.loads(path.read_text())["expectations"]
        files = {path.stem for path in (suites.SQL / "marts" / mart.name).glob("*.sql")}
        together = {
            "not_null": "never_null",
            "accepted_values": "vocabulary",
            "in_range": "in_range",
        }
        of_columns = [name_of(test) for column in mart.columns for test in column.tests]
        alone = [kind for kind in of_columns if kind not in together]
        grouped = {together[kind] for kind in of_columns if kind in together}
        assert len(judged) == len(mart.tests) + len(alone) + len(grouped) + len(files)
        assert files | grouped <= {one["meta"]["name"] for one in judged}
        not_null = [column.name for column in mart.columns if column.is_not_null]
        (complete,) = [one for one in judged if one["meta"]["name"] == "never_null"]
        assert complete["description"] == f"Never null: {', '.join(not_null)}."


def test_ids_follow_from_names() -> None:
    (suite,) = (
        json.loads((suites.CONTEXT_ROOT / "expectations" / f"{name}.json").read_text())
        for name in ("fct_prices",)
    )
    # uuid5 of the URL namespace and unwind/expectations/suite/fct_prices, computed independently.
    assert suite["id"] == "1f0e9ba3-7e89-5785-8d33-d31c2bfe2642"


def test_sql_of_a_check_is_only_in_its_file() -> None:
    for path in (suites.CONTEXT_ROOT / "expectations").glob("*.json"):
        for one in json.loads(path.read_text())["expectations"]:
            assert one["type"] == "expect_no_rows"
            assert list(one["kwargs"]["unexpected_rows_query"]) == ["$PARAMETER"]


def test_what_names_the_assets_of_a_mart_is_one_of_four_words() -> None:
    stated = {mart.name: mart.assets for mart in marts().values()}
    assert set(stated.values()) == {"tracked", "events", "observations", "others"}
    assert stated["fct_liquidations"] == "events"
    assert stated["leverage_hourly"] == "tracked"
    assert stated["reported_liquidations"] == "others"


def test_every_limit_that_a_yml_names_is_in_the_seed() -> None:
    seed = (PROJECT_ROOT / "dbt_project" / "seeds" / "plausibility_limits.csv").read_text()
    limits = {line.split(",")[0] for line in seed.splitlines()[1:]}
    named = {
        value
        for mart in marts().values()
        for column in mart.columns
        for test in column.tests
        if name_of(test) == "in_range"
        for value in arguments_of(test).values()
        if isinstance(value, str)
    }
    assert named
    assert named <= limits


SIZE = """
models:
  - name: things
    description: One row per thing.
    columns:
      - name: thing
        data_type: varchar
        description: What it is.
        data_tests: [unique, not_null, {accepted_values: {arguments: {values: [it's, that]}}}]
      - name: size
        data_type: double
        description: How large it is.
        data_tests:
          - in_range: {arguments: {min_value: 0}}
          - in_range: {arguments: {max_value: size_max}, config: {severity: warn}}
"""


def test_checks_of_columns_come_from_the_yml(tmp_path: Path) -> None:
    folder = tmp_path / "marts"
    folder.mkdir()
    (folder / "things.yml").write_text(SIZE)
    checks = {one.name: one for one in suites.expectations_of(suites.MARTS, tmp_path)}
    assert {name: one.severity for name, one in checks.items()} == {
        "thing_unique": "critical",
        "never_null": "critical",
        "vocabulary": "critical",
        "in_range": "critical",
        "in_range_warning": "warning",
    }
    assert checks["in_range"].description == "size is at least 0; or null where not known."
    assert checks["vocabulary"].description == "thing is one of it's, that."

    with duckdb.connect() as connection:
        connection.execute("create schema gate")
        connection.execute("create table gate.limits as select 100.0::double as size_max")
        connection.execute(
            "create table things as from (values ('it''s', 0.0), ('that', 100.0), ('that', null),"
            " ('this', 100.5), ('it''s', -0.5), ('this', 'nan'::double),"
            " ('that', 'inf'::double), (null, 1),) as things(thing, size)"
        )

        def broken(name: str) -> list[tuple]:
            query = checks[name].sql.format(batch="things")
            return sorted(connection.execute(query).fetchall(), key=str)

        assert broken("thing_unique") == [("it's",), ("that",), ("this",)]
        assert broken("never_null") == [(None, "thing")]
        assert broken("vocabulary") == [("this", "thing this")] * 2
        # Infinity and NaN are no sizes.
        assert broken("in_range") == [
            ("it's", "size -0.5"),
            ("that", "size inf"),
            ("this", "size nan"),
        ]
        assert broken("in_range_warning") == [
            ("that", "size inf"),
            ("this", "size 100.5"),
            ("this", "size nan"),
        ]


@pytest.mark.parametrize("tests", ["[is_pretty]", "[{is_pretty: {arguments: {by: 3}}}]"])
def test_a_test_that_no_gate_can_judge_is_named(tests: str, tmp_path: Path) -> None:
    folder = tmp_path / "marts"
    folder.mkdir()
    (folder / "things.yml").write_text(MART.format(name="things", tests=tests))
    with pytest.raises(ValueError, match=r"things\.thing: no gate knows how to judge .*is_pretty"):
        suites.expectations_of(suites.MARTS, tmp_path)


def test_settings_of_a_test_are_read_beside_its_arguments() -> None:
    test = {"in_range": {"arguments": {"max_value": 1}, "config": {"severity": "warn"}}}
    assert arguments_of(test) == {"max_value": 1}
    assert settings_of(test)["config"] == {"severity": "warn"}
    assert arguments_of("not_null") == {}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "-- failure: {broken} rows",
            "its sentence asks for broken, and a check of a mart",
        ),
        (
            "-- failure: rows\n-- severity: fatal",
            "its severity is 'fatal'; write",
        ),
    ],
)
def test_a_check_that_no_verdict_can_word_is_refused(
    line: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sql" / "marts" / "things").mkdir(parents=True)
    (tmp_path / "sql" / "marts" / "things" / "one.sql").write_text(
        f"-- A.\n-- why: b\n{line}\nfrom x"
    )
    monkeypatch.setattr(suites, "SQL", tmp_path / "sql")
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "things.yml").write_text(MART.format(name="things", tests="[]"))
    with pytest.raises(ValueError, match=f"things__one: {problem}"):
        suites.expectations_of(suites.MARTS, tmp_path)
