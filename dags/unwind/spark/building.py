"""One model on Spark: translated, computed, put into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp, parse_one

from unwind.spark.on_driver import ON_DRIVER, run_on_driver
from unwind.spark.python_models import run_python
from unwind.spark.session import MEANING
from unwind.spark.tables import Tables, view_name
from unwind.spark.translate import Schema, contract_type, translate

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A table with rows under these is kept in partitions by day.
BY_DAY = ("hour_at", "event_date")


class Builder:
    """Builds models of a dbt run, in the order that dbt finds."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._known: Schema = {}

    def build(self, relation: Any, model: dict[str, Any], code: str, touched: str | None) -> None:
        """Builds a model and replaces its rows: those of `touched`, or all where it is None."""
        name = f"{relation.schema}.{relation.identifier}"
        materialized = model["config"]["materialized"]
        if model["language"] == "python":
            rows = run_python(self.tables, model["name"], code)
        elif model["name"] in ON_DRIVER:
            rows = run_on_driver(self.tables, model["name"], code)
        else:
            rows = self.query(model["name"], code)
        if model["config"]["contract"]["enforced"]:
            rows = _as_promised(rows, model)
        if materialized == "view":
            rows.createOrReplaceTempView(view_name(name))
            self._known.pop(name, None)
            return
        partition = (model["config"].get("meta") or {}).get("partition")
        column = partition if partition in BY_DAY and materialized == "incremental" else None
        changed = self.query(f"{model['name']} (its hours)", touched) if touched else None
        self.tables.replace(name, rows, column, changed)
        self._known.pop(name, None)

    def delete(self, name: str, statement: str) -> None:
        """Deletes the rows of a table for which a condition is true."""
        parsed = parse_one(statement, read="duckdb")
        assert isinstance(parsed, exp.Delete), statement
        table = parsed.this
        condition = parsed.args["where"].this
        kept = (
            exp.select("*").from_(table).where(exp.func("coalesce", condition, exp.false()).not_())
        )
        gone = exp.select("hour_at").distinct().from_(table.copy()).where(condition.copy())
        hours = self.query(f"{name} (its hook)", gone.sql("duckdb"))
        rows = self.query(f"{name} (its hook)", kept.sql("duckdb"))
        self.tables.replace(f"{table.db}.{table.name}", rows.limit(0), "hour_at", hours)

    def query(self, name: str, code: str) -> DataFrame:
        """The rows of a query in DuckDB's dialect. Raises UnknownConstructError."""
        session = self.tables.session
        for setting, value in MEANING.items():
            # dbt-spark has its own idea of some.
            session.conf.set(setting, value)
        return session.sql(translate(name, code, self.types))

    def types(self, relation: str) -> dict[str, str] | None:
        """A relation's columns and types as Spark writes them; None for an unknown one."""
        if relation not in self._known:
            session = self.tables.session
            if not session.catalog.tableExists(view_name(relation)):
                return None
            schema = session.table(view_name(relation)).schema
            self._known[relation] = {one.name: one.dataType.simpleString() for one in schema}
        return self._known[relation]


def _as_promised(rows: DataFrame, model: dict[str, Any]) -> DataFrame:
    """The rows with the columns of the model's contract, in their types."""
    from pyspark.sql import functions as f

    promised = {name: one["data_type"] for name, one in model["columns"].items()}
    if set(promised) != set(rows.columns):
        odd = sorted(set(promised) ^ set(rows.columns))
        raise ValueError(f"its columns are not those of its contract: {', '.join(odd)}")
    return rows.select(
        *(f.col(name).cast(contract_type(promised[name])).alias(name) for name in rows.columns)
    )
