"""docs/adr/0017-dependencies.md has a line for every direct dependency, and for nothing else."""

from __future__ import annotations

import re
import tomllib

import pytest

from unwind.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "adr" / "0017-dependencies.md").read_text()
PROJECT = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", one)[0].lower() for one in requirements}


def test_every_dependency_states_its_purpose() -> None:
    cells = re.findall(r"^\| ([a-z][^|]*) \| [^|]* \|$", PAGE, flags=re.MULTILINE)
    listed = {name.strip() for cell in cells for name in cell.split(",")} - {"package"}
    assert listed == names(PROJECT["dependencies"])


# Imported under another name than its package's.
IMPORTED_AS = {"dbt-spark": "dbt.adapters.spark"}
LOCK = re.compile(r"^([a-z0-9.-]+)==", flags=re.MULTILINE)


def test_celery_is_in_a_lock_of_its_own_that_repeats_no_package() -> None:
    [cell] = re.findall(r"^\| celery \| ([^|]*) \| [^|]* \|$", PAGE, flags=re.MULTILINE)
    listed = {name.strip() for name in cell.split(",")}
    assert listed == names(PROJECT["optional-dependencies"]["celery"])
    added = set(LOCK.findall((PROJECT_ROOT / "requirements-celery.lock").read_text()))
    assert listed | {"redis"} <= added
    assert not added & set(LOCK.findall((PROJECT_ROOT / "requirements.lock").read_text()))


@pytest.mark.parametrize("extra", ["postgres", "s3", "spark"])
def test_every_package_of_an_extra_states_its_purpose_and_is_imported(extra: str) -> None:
    [cell] = re.findall(rf"^\| {extra} \| ([^|]*) \| [^|]* \|$", PAGE, flags=re.MULTILINE)
    listed = {name.strip() for name in cell.split(",")}
    assert listed == names(PROJECT["optional-dependencies"][extra])
    code = "\n".join(path.read_text() for path in (PROJECT_ROOT / "dags").rglob("*.py"))
    for name in listed:
        module = IMPORTED_AS.get(name, name.replace("-", "_"))
        assert re.search(rf"^\s*(import|from) {module}\b", code, re.MULTILINE), name


def test_tools_to_build_and_test_are_named() -> None:
    tools = names(PROJECT["optional-dependencies"]["dev"])
    paragraph = PAGE[PAGE.index("To build and test") : PAGE.index("**Consequences.**")]
    assert {one for one in tools if one not in paragraph} == set()


def test_each_is_imported_or_used_by_name() -> None:
    used = {
        # Commands, drivers and plug-ins, which other programs use.
        *("apache-airflow", "dbt-core", "dbt-duckdb", "duckdb-sqlalchemy", "great-expectations"),
        *("psycopg2-binary", "pytz", "pandas", "polars", "apache-airflow-providers-smtp"),
        "asyncpg",
    }
    code = "\n".join(path.read_text() for path in (PROJECT_ROOT / "dags").rglob("*.py"))
    imported = {
        name
        for name in names(PROJECT["dependencies"]) - used
        if re.search(rf"^\s*(import|from) {name.replace('-', '_')}\b", code, flags=re.MULTILINE)
    }
    assert imported == names(PROJECT["dependencies"]) - used
