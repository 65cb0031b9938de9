{#-
    How dbt writes a Python model's table. dbt-duckdb's own imports pyarrow and, with it, NumPy, for
    every table; the models here return relations of DuckDB.
-#}
{% macro py_write_table(
    temporary, relation, compiled_code, partitioned_by=none, sorted_by=none
) -%}
{{ compiled_code }}

def materialize(rows, connection):
    connection.register("rows_of_{{ relation.identifier }}", rows)
    connection.execute('create table {{ relation }} as from rows_of_{{ relation.identifier }}')
    connection.unregister("rows_of_{{ relation.identifier }}")
{% endmacro %}
