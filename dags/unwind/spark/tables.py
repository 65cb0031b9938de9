"""Tables of the store as views of a Spark session, and what a query gives as a table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unwind.spark.store import WHOLE, Store, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DAY = "_day"


def view_name(name: str) -> str:
    """The view behind a relation `schema.name`: temporary views have no schema."""
    return name.replace(".", "__")


class Tables:
    """The store's tables in a session."""

    def __init__(self, session: SparkSession, store: Store) -> None:
        self.session = session
        self.store = store
        for name in store.names():
            self.show(name)

    def show(self, name: str) -> None:
        """Makes a table's rows the rows of its view."""
        self.rows(name).createOrReplaceTempView(view_name(name))

    def rows(self, name: str, partitions: Iterable[str] | None = None) -> DataFrame:
        """The rows of a table, of the named partitions or of all."""
        from pyspark.sql.types import StructType

        table = self.store.table(name)
        assert table, name
        schema = StructType.fromJson(table.schema)
        files = self.store.files(name, partitions)
        if not files:
            return self.session.createDataFrame([], schema)
        return self.session.read.schema(schema).parquet(*files)

    def write_aside(self, view: str, rows: DataFrame) -> bool:
        """Makes rows a view of files of this run alone; False where Parquet cannot hold them."""
        names = [one.name.lower() for one in rows.schema]
        if len(set(names)) < len(names) or any(
            one.dataType.typeName() == "void" for one in rows.schema
        ):
            return False
        folder = self.store.aside(view)
        rows.write.mode("overwrite").parquet(str(folder))
        written = self.session.read.schema(_as_nullable(rows.schema)).parquet(str(folder))
        written.createOrReplaceTempView(view)
        return True

    def forget_aside(self, model: str) -> None:
        """Deletes the files of a model's steps."""
        for folder in self.store.aside(model).parent.glob(f"{model}__step__*"):
            self.session.catalog.dropTempView(folder.name)
            shutil.rmtree(folder, ignore_errors=True)

    def replace(
        self, name: str, rows: DataFrame, column: str | None, touched: DataFrame | None
    ) -> None:
        """Makes `rows` a table, in partitions by the UTC day of `column`, in one where it is null.

        With `touched`, values of the column, they take the place of those rows alone, and the other
        rows of these days stay.
        """

        former = self.store.table(name)
        if touched is None or column is None or former is None:
            self._put(name, rows, column, None)
            return
        touched = touched.toDF("_touched").distinct().cache()
        days = _days(touched)
        rows = _as(rows, former).unionByName(self._others(name, column, touched, days))
        self._put(name, rows, column, days)
        touched.unpersist()

    def delete(self, name: str, column: str, gone: DataFrame) -> None:
        """Deletes the rows with these values of the column by which the table is partitioned."""
        former = self.store.table(name)
        gone = gone.toDF("_touched").distinct().cache()
        days = _days(gone)
        if former and days:
            self._put(name, self._others(name, column, gone, days), column, days, former.replaced)
        gone.unpersist()

    def _others(self, name: str, column: str, touched: DataFrame, days: list[str]) -> DataFrame:
        """The rows of these days with other values of the column than the touched ones."""
        from pyspark.sql import functions as f

        return self.rows(name, days).join(
            f.broadcast(touched), f.col(column) == f.col("_touched"), "left_anti"
        )

    def _put(
        self,
        name: str,
        rows: DataFrame,
        column: str | None,
        days: list[str] | None,
        before: Sequence[str] | None = (),
    ) -> None:
        """Writes rows in the place of those days, or of all; `before` were replaced in this run."""
        from pyspark.sql import functions as f

        folder = self.store.new_folder(name)
        # Nullability is not part of what a table promises; the gates judge it.
        schema = _nullable(json.loads(rows.schema.json()))
        if column is None:
            rows.write.parquet(str(folder))
            written = {WHOLE: _files(folder)}
        else:
            day = f.coalesce(f.date_format(column, "yyyy-MM-dd"), f.lit(WHOLE))
            # A day's rows go to one file.
            by_day = rows.withColumn(DAY, day).repartition(DAY)
            by_day.write.partitionBy(DAY).parquet(str(folder))
            written = {
                of_day.name.removeprefix(f"{DAY}="): _files(of_day)
                for of_day in sorted(folder.glob(f"{DAY}=*"))
            }
        self.store.put(name, schema, written, days, before)
        if not any(written.values()):
            shutil.rmtree(folder, ignore_errors=True)
        self.show(name)


def _days(touched: DataFrame) -> list[str]:
    from pyspark.sql import functions as f

    days = touched.select(f.date_format("_touched", "yyyy-MM-dd")).distinct().collect()
    return sorted(row[0] for row in days)


def _as(rows: DataFrame, former: Table) -> DataFrame:
    """The rows with the columns and types of the table that they go into."""
    from pyspark.sql import functions as f
    from pyspark.sql.types import StructType

    schema = StructType.fromJson(former.schema)
    return rows.select(*(f.col(one.name).cast(one.dataType).alias(one.name) for one in schema))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _as_nullable(schema: Any) -> Any:
    from pyspark.sql.types import StructType

    return StructType.fromJson(_nullable(json.loads(schema.json())))


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "fields": [{**one, "nullable": True} for one in schema["fields"]]}
