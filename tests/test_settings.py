"""Connections and settings as the environment states them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from unwind.connections import endpoint, password
from unwind.errors import SettingError
from unwind.memory import memory_limit
from unwind.settings import PROJECT_ROOT, VARIABLES, Home, settings
from unwind.warehouse import refresh

DEFAULT = "https://api.example.org/"


@pytest.mark.parametrize(
    ("value", "url", "key"),
    [
        ("", "https://api.example.org", ""),
        ("https://mirror.example.net/v1/", "https://mirror.example.net/v1", ""),
        (
            "https://:s3cret@mirror.example.net:8443/v1",
            "https://mirror.example.net:8443/v1",
            "s3cret",
        ),
        ("https://user:a%2Fb%40c@mirror.example.net", "https://mirror.example.net", "a/b@c"),
        (
            "https://:s3cret@https%3A%2F%2Fmirror.example.net",
            "https://mirror.example.net",
            "s3cret",
        ),
        ("http://mirror.example.net/https", "https://mirror.example.net", ""),
        ("https://:s3cret@", "https://api.example.org", "s3cret"),
        ('{"password": "s3cret"}', "https://api.example.org", "s3cret"),
        (
            '{"conn_type": "https", "host": "m.example.net", "port": 8443}',
            "https://m.example.net:8443",
            "",
        ),
        ('{"host": "http://m.example.net", "password": "k"}', "http://m.example.net", "k"),
    ],
)
def test_a_connection_is_a_url_and_perhaps_a_key(
    monkeypatch: pytest.MonkeyPatch, value: str, url: str, key: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", value)
    assert (endpoint("source", DEFAULT), password("source")) == (url, key)


@pytest.mark.parametrize("value", ["s3cret", '{"login": "s3cret"}', '{"password": "s3cret"'])
def test_an_unreadable_connection_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", value)
    with pytest.raises(ValueError, match="AIRFLOW_CONN_SOURCE") as refused:
        endpoint("source", DEFAULT)
    assert "s3cret" not in str(refused.value)


def test_the_assets_to_reconcile_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().reconciled_assets == ["BTC", "ETH", "SOL"]
    monkeypatch.setenv("UNWIND_RECONCILED_ASSETS", " eth, doge ,")
    assert settings().reconciled_assets == ["ETH", "DOGE"]
    monkeypatch.setenv("UNWIND_RECONCILED_ASSETS", " , ")
    with pytest.raises(ValueError, match="UNWIND_RECONCILED_ASSETS names no asset"):
        _ = settings().reconciled_assets


def test_settings_of_spark_have_names_and_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().spark_options == {}
    monkeypatch.setenv("UNWIND_SPARK_OPTIONS", "spark.cores.max=4  spark.ui.enabled=true")
    assert settings().spark_options == {"spark.cores.max": "4", "spark.ui.enabled": "true"}
    monkeypatch.setenv("UNWIND_SPARK_OPTIONS", "spark.cores.max 4")
    with pytest.raises(ValueError, match=r"UNWIND_SPARK_OPTIONS has 'spark\.cores\.max'"):
        _ = settings().spark_options


def test_the_target_is_duckdb_or_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().target == "duckdb"
    monkeypatch.setenv("UNWIND_TARGET", "Spark")
    assert settings().target == "spark"
    monkeypatch.setenv("UNWIND_TARGET", "flink")
    with pytest.raises(ValueError, match="UNWIND_TARGET is 'flink'; set it to duckdb or spark"):
        _ = settings().target


@pytest.mark.parametrize(
    ("variable", "value", "most"),
    [
        ("UNWIND_KEEP_RELEASES", "0", "100000"),
        ("UNWIND_KEEP_RELEASES", "100001", "100000"),
        ("UNWIND_KEEP_RELEASE_DAYS", "999999999999", "36500"),
        ("UNWIND_TRACKED_INSTRUMENTS", "-1", "10000"),
        ("UNWIND_TRACKED_INSTRUMENTS", "1.5", "10000"),
        ("UNWIND_WORKERS", "9" * 5000, "1000"),
    ],
)
def test_a_count_has_a_range(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, most: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(
        SettingError, match=f"{variable} is '.*'; set it to a whole number from 1 to {most}"
    ):
        getattr(settings(), variable.removeprefix("UNWIND_").lower())


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("9" * 400, "which no machine has; set it to at most 1,024 TiB"),
        ("64MiB", "set it to that or more"),
        ("plenty", "write it as 4GB"),
    ],
)
def test_the_memory_limit_has_a_range(
    monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", value)
    with pytest.raises(SettingError, match=problem):
        memory_limit()


def test_the_memory_of_spark_has_a_form_and_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, taken in [("", "2g"), ("1500M", "1500m"), ("4gb", "4gb")]:
        monkeypatch.setenv("UNWIND_SPARK_MEMORY", value)
        assert settings().spark_memory == taken
    for value in ("2", "0g", "100m", "99999999999t", "much"):
        monkeypatch.setenv("UNWIND_SPARK_MEMORY", value)
        with pytest.raises(SettingError, match="write it as 2g or 1500m, from 512m to 16t"):
            _ = settings().spark_memory


def test_the_level_of_the_log_is_taken_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, level in [("info", "INFO"), ("Debug", "DEBUG"), ("", "WARNING"), (" ", "WARNING")]:
        monkeypatch.setenv("UNWIND_LOG_LEVEL", value)
        assert settings().log_level("WARNING") == level
    monkeypatch.setenv("UNWIND_LOG_LEVEL", "loud")
    with pytest.raises(SettingError, match="UNWIND_LOG_LEVEL is 'loud'; set it to one of DEBUG"):
        settings().log_level("WARNING")


@pytest.mark.parametrize(
    ("home", "problem"), [("/tmp/a?b", "a question mark"), ("/tmp/\udcff", "not written in UTF-8")]
)
def test_a_home_that_the_database_cannot_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, home: str, problem: str
) -> None:
    monkeypatch.setenv("UNWIND_HOME", home)
    with pytest.raises(SettingError, match=f"UNWIND_HOME is '/tmp/.*{problem}"):
        _ = settings().home


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("UNWIND_KEEP_RELEASES", "0"),
        ("UNWIND_KEEP_RELEASE_DAYS", "999999999999"),
        ("UNWIND_WORKERS", "many"),
        ("UNWIND_PAGE", "perhaps"),
        ("UNWIND_MEMORY_LIMIT", "plenty"),
        ("UNWIND_NOW", "tomorrow"),
    ],
)
def test_a_refresh_judges_its_settings_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    for phase in (refresh.refresh, refresh.stage):
        with pytest.raises(SettingError, match=f"{variable} is '{value}'"):
            phase(Home(tmp_path / "home"))
    assert not (tmp_path / "home").exists()


DAGS = PROJECT_ROOT / "dags"
# Environments of child processes are built from this one, libraries read their own variables,
# connections have Airflow's names, and a DAG file imports no `unwind`.
READS_THE_ENVIRONMENT = {
    "refresh_warehouse.py",
    "unwind/settings.py",
    "unwind/connections.py",
    "unwind/demo.py",
    "unwind/standalone.py",
    "unwind/spark/build.py",
    "unwind/spark/session.py",
    "unwind/superset/serve.py",
    "unwind/warehouse/dbt.py",
    "unwind/warehouse/dbt_by_hand.py",
    "unwind/warehouse/dbt_fork.py",
    "unwind/warehouse/dbt_worker.py",
    "unwind/warehouse/gate_context.py",
}
# Set by the code itself, in the environments of dbt and Great Expectations.
FOR_CHILDREN = re.compile(r"UNWIND_(DUCKDB_\w*|DBT_\w*|GATES|STAGING|WAREHOUSE)")


def sources() -> dict[str, str]:
    return {
        path.relative_to(DAGS).as_posix(): path.read_text() for path in sorted(DAGS.rglob("*.py"))
    }


def test_the_environment_is_read_in_one_module() -> None:
    found = {name for name, text in sources().items() if re.search(r"os\.(environ|getenv)", text)}
    assert found == READS_THE_ENVIRONMENT


def test_every_variable_of_the_code_is_one_of_the_settings() -> None:
    named = {one for text in sources().values() for one in re.findall(r"UNWIND_[A-Z_]+", text)}
    assert {one for one in named if not FOR_CHILDREN.fullmatch(one)} == set(VARIABLES)


def test_the_page_on_operations_lists_every_variable() -> None:
    page = Path(PROJECT_ROOT / "docs" / "operations.md").read_text()
    table = page[page.index("| variable | means |") :].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert sorted(re.findall(r"`(UNWIND_\w+)`", " ".join(cells))) == sorted(VARIABLES)
