{#-
    Writes comments only where a table is new: an incremental run leaves them in place, and a
    statement for each of hundreds of columns would cost more than the run's own work.
-#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if not (model.config.materialized == "incremental" and is_incremental()) -%}
        {{ default__persist_docs(relation, model, for_relation, for_columns) }}
    {%- endif -%}
{%- endmacro %}
