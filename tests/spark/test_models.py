"""Every SQL model of the project has a translation for Spark, which this does not start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import duckdb
import pytest
from sqlglot import parse_one
from sqlglot.errors import SqlglotError

from tests.spark.translating import compiled_for_spark, refused, types_in
from unwind.settings import Home
from unwind.spark.allowed import UnknownConstructError
from unwind.spark.translate import check
from unwind.spark.types import TypesOf

NOT_TRANSLATED = "uses SQL that is not translated for Spark: "


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return compiled_for_spark(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def types(empty_tables: Callable[[], Home]) -> TypesOf:
    return types_in(empty_tables())


def test_every_model_is_translated(models: dict[str, str], types: TypesOf) -> None:
    """A failure names the model and the construct: docs/spark.md says what to write instead."""
    assert {"fct_liquidations", "leverage_hourly", "stress_hourly"} <= models.keys()
    assert len(models) > 100
    assert refused(models, types) == {}


@pytest.mark.parametrize(
    ("place", "unknown", "construct"),
    [
        # In place of a column, a table, a condition; of a window, a filter and an order.
        ("venue,", "jaccard(venue, venue) as venue,", "JACCARD(venue, venue)"),
        ("from final", "from final tablesample 10%", "TableSample"),
        ("from final", "from final where venue ilike 'b%'", "ILike"),
        ("from final", "from final qualify ntile(4) over (order by venue) = 1", "Ntile"),
        ("from final", "from final order by strlen(venue)", "STRLEN(venue)"),
        ("from final", "from (pivot final on venue using count(*)) as pivoted", "Pivot"),
        ("from final", "from final where venue in (select unnest(str_split('a', ',')))", "Split"),
    ],
)
def test_a_model_with_an_unknown_construct_is_refused(
    types: TypesOf, place: str, unknown: str, construct: str
) -> None:
    made = (
        'with final as (select venue, hour_at from "warehouse"."marts"."venue_coverage_hourly")'
        " select venue, hour_at from final"
    )
    assert refused({"made": made}, types) == {}
    assert made.count(place) >= 1
    head, _, tail = made.rpartition(place)
    found = refused({"made": f"{head}{unknown}{tail}"}, types)
    assert found["made"].startswith(f"made {NOT_TRANSLATED}")
    assert construct in found["made"]


# All functions of DuckDB that the translation knows in some form, by DuckDB's names: each was
# looked up in Spark's documentation. A new version of SQLGlot may read others as known expressions.
KNOWN_FUNCTIONS = {
    *("abs", "asin", "ceil", "ceiling", "exp", "floor", "greatest", "isnan", "least", "ln", "log"),
    *("log10", "log2", "mod", "pi", "pow", "power", "round", "sign", "sin", "sqrt"),
    *("char_length", "character_length", "concat", "concat_ws", "contains", "ends_with", "lcase"),
    *("len", "length", "lower", "ltrim", "md5", "regexp_extract", "regexp_matches"),
    *("regexp_replace", "replace", "rtrim", "starts_with", "trim", "ucase", "upper"),
    *("date_diff", "date_trunc", "datediff", "datetrunc", "epoch", "epoch_ms", "hour", "isodow"),
    *("make_timestamp", "minute", "time_bucket", "to_hours", "to_minutes", "to_seconds"),
    *("to_timestamp", "json_object", "generate_series", "range"),
    *("array_distinct", "list_distinct", "list_position", "list_value", "hash"),
    *("any_value", "arg_max", "arg_min", "argmax", "argmin", "array_agg", "avg", "bool_and"),
    *("bool_or", "corr", "count", "group_concat", "list", "listagg", "max", "max_by", "median"),
    *("min", "min_by", "stddev_samp", "string_agg", "sum"),
    *("first_value", "lag", "last_value", "lead", "rank", "row_number"),
}
ARGUMENTS = (*("", "a", "a, b", "a, b, c", "'hour', a", "'hour', a, b", "interval 1 hour, a"),)


def is_known(function: str) -> bool:
    for arguments in ARGUMENTS:
        try:
            check("made", parse_one(f"select {function}({arguments})", read="duckdb"))
        except (UnknownConstructError, SqlglotError):
            continue
        return True
    return False


def test_no_other_function_of_duckdb_passes() -> None:
    functions = duckdb.sql(
        "select distinct function_name from duckdb_functions()"
        " where function_type in ('scalar', 'aggregate') and database_name = 'system'"
        " and regexp_full_match(function_name, '[a-z][a-z_0-9]+')"
        " and not starts_with(function_name, 'icu_')"
    ).fetchall()
    assert len(functions) > 400
    assert {name for (name,) in functions if is_known(name)} == KNOWN_FUNCTIONS


def test_without_the_target_nothing_of_spark_is_imported() -> None:
    imported = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, unwind.cli.building, unwind.spark.build, unwind.warehouse.refresh\n"
            "print({name.partition('.')[0] for name in sys.modules} & {'pyspark', 'sqlglot'})",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert imported.stdout == "set()\n"
