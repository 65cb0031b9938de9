"""What was built on Spark, as SQL that DuckDB's own models run instead: dbt writes it to the files.

So contracts, comments, the replacing of hours and hooks are those of a build on DuckDB.
"""

from __future__ import annotations

from typing import Any

from unwind.database import quoted
from unwind.spark.store import Store

NAMES = {
    **{"string": "varchar", "long": "bigint", "short": "smallint", "byte": "tinyint"},
    **{"timestamp_ntz": "timestamp", "binary": "blob", "void": "integer"},
}


def sql_of_models(store: Store, built: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The SQL, with Jinja, that reads each model's rows from the store."""
    return {
        name: sql_of_model(store, model)
        for name, model in built.items()
        if store.table(model["relation"])
    }


def sql_of_model(store: Store, model: dict[str, Any]) -> str:
    """The SQL of one model: of the hours or days being built, or of all where it is new."""
    name = model["relation"]
    table = store.table(name)
    assert table, name
    types = {
        column: model["types"].get(column) or duckdb_type(kind)
        for column, kind in table.columns.items()
    }
    columns = ",\n    ".join(f'cast("{one}" as {kind}) as "{one}"' for one, kind in types.items())
    files = store.files(name, table.replaced)
    if not files:
        empty = ",\n    ".join(f'cast(null as {kind}) as "{one}"' for one, kind in types.items())
        return f"select\n    {empty}\n\nlimit 0"
    listed = ", ".join(map(quoted, files))
    partition = model["partition"]
    hours = {"hour_at": "build_hours()", "event_date": "build_days()"}.get(partition or "")
    only = ""
    if table.replaced is not None and hours:
        only = f"\n\nwhere {partition} in {{{{ {hours} }}}}"
    return (
        f"select\n    {columns}\n\nfrom read_parquet([{listed}], hive_partitioning = false){only}"
    )


def duckdb_type(kind: Any) -> str:
    """A type in the JSON of a schema of Spark's, as DuckDB writes it."""
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return f"{duckdb_type(kind['elementType'])}[]"
        fields = ", ".join(f'"{one["name"]}" {duckdb_type(one["type"])}' for one in kind["fields"])
        return f"struct({fields})"
    return str(NAMES.get(kind, kind))
