"""The dbt project's models as they are handed to Spark, translated without it.

dbt compiles them as for Spark: without a warehouse, no macro asks DuckDB's files for what suits
them better. Columns have the types that DuckDB gives them.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from unwind.database import in_memory
from unwind.settings import Home
from unwind.spark.allowed import UnknownConstructError
from unwind.spark.handing_over import spark_type
from unwind.spark.on_driver import ON_DRIVER
from unwind.spark.translate import translate
from unwind.spark.types import TypesOf
from unwind.warehouse import dbt, parsed_project
from unwind.warehouse.building import FACTS_AND_MARTS

# As `refresh.UNTESTED`, whose option this command of dbt has not.
NO_TESTS = ("--exclude", "resource_type:test", "resource_type:unit_test")
# As Spark writes a type in a query, where that is not its name in a schema.
WRITTEN = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}


def compiled_for_spark(folder: Path) -> dict[str, str]:
    """The compiled SQL of every model that is translated, by its name."""
    home = Home(folder)
    # The project may be parsed here, and is kept for all: relations are in a database of this name.
    variables = {"UNWIND_WAREHOUSE": str(folder / home.warehouse_db.name), "DO_NOT_TRACK": "1"}
    with mock.patch.object(dbt, "dbt_environment", return_value=variables):
        dbt.run_dbt(home, ["compile", "--select", FACTS_AND_MARTS, *NO_TESTS])
    texts = {path.stem: path.read_text() for path in home.dbt_target.rglob("compiled/**/*.sql")}
    return {name: texts[name] for name in translated_models()}


def translated_models() -> set[str]:
    """The names of the models in SQL that a build on Spark translates."""
    manifest = parsed_project.read(dbt.DBT_PROJECT)
    assert manifest
    return {
        node.name
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and node.language == "sql"
        and "staging" not in node.tags
        and node.config.materialized != "ephemeral"
        and node.config.incremental_strategy != "append"
    } - ON_DRIVER.keys()


def types_in(home: Home) -> TypesOf:
    """The columns of a home's tables and views, in Spark's types."""
    connection = in_memory()
    for path in (home.staging_db, home.warehouse_db):
        connection.execute(f"attach '{path}' as {path.stem} (read_only)")
    found: dict[str, dict[str, str]] = {}
    for relation, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where database_name in ('staging', 'warehouse') order by table_name, column_index"
    ).fetchall():
        found.setdefault(relation, {})[column] = _written(spark_type(kind))
    connection.close()
    return found.get


def refused(models: Mapping[str, str], types: TypesOf) -> dict[str, str]:
    """By model, the first line of the error of those that are not translated."""
    found = {}
    thresholds = gc.get_threshold()
    # Trees are garbage in circles; to look for them as often as usual takes a third of the time.
    gc.freeze()
    gc.set_threshold(100_000)
    try:
        for name, sql in sorted(models.items()):
            try:
                translate(name, sql, types)
            except UnknownConstructError as error:
                found[name] = str(error).splitlines()[0]
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
    return found


def _written(kind: object) -> str:
    if isinstance(kind, dict):
        return f"array<{_written(kind['elementType'])}>"
    return WRITTEN.get(str(kind), str(kind))
