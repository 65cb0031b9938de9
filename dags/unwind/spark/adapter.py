"""dbt's adapter for Spark, in a process that builds on Spark: models are translated, then built.

It is dbt-spark with a session of ours. The project's materializations for Spark
(macros/spark_materializations.sql) hand each compiled model to `build_model`.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import Any

from dbt.adapters.base.meta import available
from dbt.adapters.contracts.relation import Policy, RelationType
from dbt.adapters.spark import Plugin
from dbt.adapters.spark.impl import SparkAdapter
from dbt.adapters.spark.relation import SparkRelation
from dbt_common.exceptions import DbtRuntimeError

from unwind.errors import UnwindError
from unwind.spark.building import Builder


@dataclass
class _Quoted(Policy):
    database: bool = False
    schema: bool = True
    identifier: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class Relation(SparkRelation):
    """A relation as the models' own dialect writes it: `"marts"."release"`, without a database."""

    quote_policy: Policy = field(default_factory=_Quoted)
    quote_character: str = '"'

    def __post_init__(self) -> None:
        """Takes any database: the project's are two files of DuckDB, and mean nothing here."""

    @classmethod
    def create(cls, database: str | None = None, **kwargs: Any) -> Any:
        return super().create(database=None, **kwargs)


class Adapter(SparkAdapter):
    """Spark, with the store's tables as relations."""

    Relation = Relation
    # What builds, one per process: dbt makes adapters by itself.
    builder: Builder

    @classmethod
    def type(cls) -> str:
        return "spark"

    @classmethod
    def get_adapter_run_info(cls, config: Any) -> Any:
        return SparkAdapter.get_adapter_run_info(config)

    def quote(self, identifier: str) -> str:
        return f'"{identifier}"'

    def list_schemas(self, database: str) -> list[str]:
        return []

    def check_schema_exists(self, database: str, schema: str) -> bool:
        return True

    def create_schema(self, relation: Any) -> None:
        """Schemas are parts of names."""

    def list_relations_without_caching(self, schema_relation: Any) -> list[Any]:
        return [
            self.Relation.create(schema=schema, identifier=identifier, type=RelationType.Table)
            for schema, _, identifier in (
                name.partition(".") for name in self.builder.tables.store.names()
            )
            if schema == schema_relation.schema
        ]

    @available
    def build_model(
        self, relation: Any, model: dict[str, Any], code: str, touched: str | None = None
    ) -> None:
        """Builds a model. `touched` is SQL of the values whose rows it replaces; else all."""
        self._of(model["name"], self.builder.build, relation, model, code, touched)

    @available
    def delete_rows(self, model: dict[str, Any], statement: str) -> None:
        """Does a `delete from relation where condition`, as a hook of a model."""
        self._of(model["name"], self.builder.delete, statement)

    def _of(self, name: str, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except UnwindError as error:
            raise DbtRuntimeError(str(error)) from error
        except Exception as error:
            traceback.print_exc()
            raise DbtRuntimeError(f"Spark failed in {name}: {_first_lines(error)}") from error


def install(builder: Builder) -> None:
    """Makes this process's dbt build on Spark by `builder`."""
    Adapter.builder = builder
    Plugin.adapter = Adapter


def _first_lines(error: Exception) -> str:
    return "\n".join(str(error).splitlines()[:6])
