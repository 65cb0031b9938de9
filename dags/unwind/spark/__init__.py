"""Facts and marts built on Apache Spark instead of DuckDB (docs/spark.md).

Staged rows are handed over as Parquet, dbt runs the same models through dbt-spark, translated as
they are compiled, and what was built is read back into the warehouse's files, where the marts gate
judges it and a release is made as ever. Only `worker` and what it imports needs the extra.
"""
