"""dbt's Python models on Spark: their parents' rows are pulled to the driver, and the same function
computes them there, with DuckDB as ever; its rows go back to Spark."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unwind.database import in_memory
from unwind.spark.tables import Tables, view_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def run_python(tables: Tables, name: str, code: str) -> DataFrame:
    """The rows of a Python model, whose compiled code defines `model` and dbt's own `dbtObj`."""
    from pyspark.sql import functions as f

    scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=tables.store.root))
    connection = in_memory()
    try:

        def pulled(relation: str) -> Any:
            relation = relation.replace('"', "")
            folder = scratch / relation
            tables.session.table(view_name(relation)).write.mode("overwrite").parquet(str(folder))
            return connection.sql(f"select * from read_parquet('{folder}/*.parquet')")

        space: dict[str, Any] = {}
        exec(compile(code, name, "exec"), space)  # noqa: S102
        rows = space["model"](space["dbtObj"](pulled), connection)
        target = tables.store.new_folder("python") / f"{name}.parquet"
        target.parent.mkdir(parents=True)
        connection.register("rows_of_model", rows)
        connection.execute(f"copy (from rows_of_model) to '{target}' (format parquet)")
        frame = tables.session.read.parquet(str(target))
        return frame.select(*(f.col(column) for column in frame.columns))
    finally:
        connection.close()
        shutil.rmtree(scratch, ignore_errors=True)
