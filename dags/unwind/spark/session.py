"""The session of Spark that a build runs in: its settings decide what SQL means there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What `UNWIND_SPARK_MASTER` names where it is not set: Spark in one process, on all processors.
LOCAL = "local[*]"

MEANING = {
    # Instants are UTC without an offset, as in DuckDB.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # An overflow, a division by zero or a text that is no number raises; it gives no null.
    "spark.sql.ansi.enabled": "true",
    # Decimals keep the scale of their product, as in DuckDB, or raise.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    # Functions are Spark's own; a name that a relation of the project has is that relation.
    "spark.sql.caseSensitive": "false",
}


def start(master: str, memory: str, scratch: str, options: dict[str, str]) -> SparkSession:
    """A session on `master`; the driver gets `memory`, as Spark writes it (2g).

    On this machine it listens on loopback alone. `options` are further settings of Spark.
    """
    from pyspark.sql import SparkSession

    if master.startswith("local") or "127.0.0.1" in master:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder: Any = SparkSession.builder.master(master).appName("unwind")
    settings = {
        "spark.driver.memory": memory,
        "spark.local.dir": scratch,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": f"{scratch}/spark-warehouse",
        "spark.sql.catalogImplementation": "in-memory",
        # Spark puts small parts together; this many are enough to begin with.
        "spark.sql.shuffle.partitions": "8" if master.startswith("local") else "200",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # The small side of a join is given five minutes, which busy processors do not keep.
        "spark.sql.broadcastTimeout": "7200",
        **options,
        **MEANING,
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    shared: SparkSession = builder.getOrCreate()
    shared.sparkContext.setLogLevel("ERROR")
    # dbt-spark gives the shared one settings of its own.
    session = shared.newSession()
    for name, value in MEANING.items():
        session.conf.set(name, value)
    return session
