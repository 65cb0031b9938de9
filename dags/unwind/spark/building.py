"""One model on Spark: translated, computed, put into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp, parse_one

from unwind.spark.on_driver import ON_DRIVER, run_on_driver
from unwind.spark.python_models import run_python
from unwind.spark.steps import MAX_WEIGHT_IN_TWO_PLACES, steps_of, weight_of_query
from unwind.spark.tables import Tables, view_name
from unwind.spark.translate import Schema, as_text, contract_type, translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A table with rows under these is kept in partitions by day.
BY_DAY = ("hour_at", "event_date")


class Builder:
    """Builds models of a dbt run, in the order that dbt finds."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._known: Schema = {}
        self._weights: dict[str, int] = {}

    def build(self, relation: Any, model: dict[str, Any], code: str, touched: str | None) -> None:
        """Builds a model and replaces its rows: those of `touched`, or all where it is None."""
        relation_name = f"{relation.schema}.{relation.identifier}"
        name, materialized = model["name"], model["config"]["materialized"]
        if materialized == "view":
            self._show(name, relation_name, code)
            return
        if model["language"] == "python":
            rows = run_python(self.tables, name, code)
        elif name in ON_DRIVER:
            rows = run_on_driver(self.tables, name, code)
        else:
            rows = self.query(name, code)
        if model["config"]["contract"]["enforced"]:
            rows = _as_promised(rows, model)
        partition = (model["config"].get("meta") or {}).get("partition")
        column = partition if partition in BY_DAY and materialized == "incremental" else None
        changed = self.query(f"{name}__its_hours", touched) if touched else None
        self.tables.replace(relation_name, rows, column, changed)
        self._known.pop(relation_name, None)
        self.tables.forget_aside(name)

    def _show(self, name: str, relation: str, code: str) -> None:
        """Makes a view. One with a large plan is written instead, for this run."""
        rows, weight = self._computed(name, code)
        view = view_name(relation)
        self._known.pop(relation, None)
        if weight > MAX_WEIGHT_IN_TWO_PLACES and self.tables.write_aside(view, rows):
            weight = 0
        else:
            rows.createOrReplaceTempView(view)
        self._weights[view] = weight

    def delete(self, statement: str) -> None:
        """Deletes the rows of a table for which a condition on their hour is true."""
        parsed = parse_one(statement, read="duckdb")
        assert isinstance(parsed, exp.Delete), statement
        table, condition = parsed.this, parsed.args["where"].this
        gone = exp.select("hour_at").distinct().from_(table).where(condition)
        name = f"{table.db}.{table.name}"
        self.tables.delete(
            name, "hour_at", self.query(f"{table.name}__its_hook", gone.sql("duckdb"))
        )

    def query(self, name: str, code: str) -> DataFrame:
        """The rows of a query in DuckDB's dialect. Raises UnknownConstructError."""
        return self._computed(name, code)[0]

    def _computed(self, name: str, code: str) -> tuple[DataFrame, int]:
        """The rows of a query, with the weight of their plan."""
        session = self.tables.session
        *first, last = steps_of(name, translated(name, code, self.types), self._weight_of)
        weights = dict(self._weights)
        for step in first:
            weight = weight_of_query(step.query, self._weight_of)
            rows = session.sql(as_text(name, step.query))
            if not self.tables.write_aside(step.view, rows):
                rows.createOrReplaceTempView(step.view)
                weights[step.view] = weight
        weight = weight_of_query(last.query, lambda view: weights.get(view, 0))
        return session.sql(as_text(name, last.query)), weight

    def _weight_of(self, view: str) -> int:
        return self._weights.get(view, 0)

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
