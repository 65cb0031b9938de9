{#-
    How dbt writes a Python model's table. dbt-duckdb's own imports pyarrow and, with it, NumPy, for
    every table, and leaves the temporary ones of increments in the database; the models here return
    relations of DuckDB.
-#}
{% macro py_write_table(
    temporary, relation, compiled_code, partitioned_by=none, sorted_by=none
) -%}
{%- set table = "temporary table" if temporary else "table" -%}
{%- set rows = "rows_of_" ~ relation.identifier -%}
{{ compiled_code }}

def materialize(rows, connection):
    connection.register("{{ rows }}", rows)
    connection.execute('create {{ table }} {{ relation }} as from {{ rows }}')
    connection.unregister("{{ rows }}")
{% endmacro %}
