"""Models that are not translated: computed on the driver by DuckDB, like Python models.

What they use has no counterpart in Spark that gives the same digits or the same text. Their
parents' rows must fit on the driver.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from unwind.database import in_memory
from unwind.spark.tables import Tables, view_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ON_DRIVER = {
    "grain_audit": "the log-gamma function, printf",
    "liquidation_map": "inner products of lists, whose sums have an order of their own",
    "market_brief_hourly": "numbers and times formatted as sentences",
    "reconciliation": "maps that are built from lists",
}


def run_on_driver(tables: Tables, name: str, code: str) -> DataFrame:
    """The rows of a model that DuckDB computes from its parents' rows."""
    tree = parse_one(code, read="duckdb")
    relations = {(table.db, table.name) for table in tree.find_all(exp.Table) if table.db}
    tables.store.root.mkdir(parents=True, exist_ok=True)
    connection = in_memory()
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=tables.store.root) as scratch:
        try:
            for schema, table in sorted(relations):
                folder = Path(scratch) / f"{schema}.{table}"
                view = tables.session.table(view_name(f"{schema}.{table}"))
                view.write.parquet(str(folder))
                connection.execute(f'create schema if not exists "{schema}"')
                connection.execute(
                    f'create view "{schema}"."{table}" as'
                    f" select * from read_parquet('{folder}/*.parquet')"
                )
            target = tables.store.new_folder("driver") / f"{name}.parquet"
            target.parent.mkdir(parents=True)
            query = code.strip().rstrip(";")
            connection.execute(f"copy ({query}) to '{target}' (format parquet)")
        finally:
            connection.close()
    return tables.session.read.parquet(str(target))
