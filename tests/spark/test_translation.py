"""DuckDB's SQL as Spark's: values on both, and an error for what is not known."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping

import duckdb
import pytest

from tests.spark.constructs import CONSTRUCTS, texts
from unwind.settings import PROJECT_ROOT
from unwind.spark.allowed import UnknownConstructError
from unwind.spark.translate import translate

PYTHON = PROJECT_ROOT / ".spark" / "bin" / "python"


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_duckdb_gives_the_value_and_spark_has_a_translation(name: str) -> None:
    query, expected = CONSTRUCTS[name]
    assert texts(duckdb.sql(query).fetchall()) == expected
    assert translate("a_model", query)


@pytest.fixture(scope="module")
def on_spark() -> Mapping[str, object]:
    python = os.environ.get("UNWIND_SPARK_PYTHON", str(PYTHON))
    ran = subprocess.run(
        [python, "-m", "tests.spark.constructs"],
        env={**os.environ, "PYTHONPATH": f"{PROJECT_ROOT}:{PROJECT_ROOT / 'dags'}"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: Mapping[str, object] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.long
@pytest.mark.skipif("UNWIND_LONG" not in os.environ, reason="make spark-test")
@pytest.mark.parametrize("name", CONSTRUCTS)
def test_spark_gives_the_same_value(on_spark: Mapping[str, object], name: str) -> None:
    assert on_spark[name] == CONSTRUCTS[name][1]


@pytest.mark.parametrize(
    ("query", "construct"),
    [
        ("select lgamma(3.0)", "Anonymous: LGAMMA(3.0)"),
        ("select list_filter([1, 2], x -> x > 1)", "ArrayFilter"),
        ("select a from t positional join u", "Join"),
        ("select strftime(t, '%Y') from u", "TimeToStr"),
        ("select a::hugeint from t", "DataType"),
        ("select date_diff('month', a, b) from t", "a difference in months"),
        ("select a[:-2] from t", "Slice"),
        ("select a from t offset 1", "OFFSET 1"),
        ("select round(a, 2) from t", "of an unknown type"),
        # Spark's lists leave nulls out.
        ("select list(a) from t", "a list in an order of its own"),
        ("select list(distinct a) from t", "a list in an order of its own"),
        ("select list(distinct a order by a) filter (where b) from t", "or of some rows"),
        ("select max(a, 2) over () from t", "the largest of some rows"),
        # Spark requires an order for them.
        ("select row_number() over () from t", "a row's place without an order"),
        ("select lag(a ignore nulls) over (partition by b) from t", "without an order"),
        # It escapes nothing in DuckDB.
        (r"select a like 'b\_c' from t", "a pattern that is not plain"),
        ("select a like b from t", "a pattern that is not plain"),
    ],
)
def test_what_is_not_known_stops_with_the_model_and_the_construct(
    query: str, construct: str
) -> None:
    with pytest.raises(UnknownConstructError) as raised:
        translate("a_model", query)
    assert str(raised.value).startswith("a_model uses SQL that is not translated for Spark: ")
    assert construct in str(raised.value)


def test_a_relation_is_the_view_of_its_schema_and_name() -> None:
    query = 'select release.a from "warehouse"."marts"."release"'
    assert " ".join(translate("a_model", query).split()) == (
        "SELECT release.a FROM marts__release AS release"
    )
