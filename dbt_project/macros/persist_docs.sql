{#-
    Writes comments only where a table is new: an incremental run keeps them, and one statement per
    column for hundreds of columns would take longer than the run itself. A unit's tables are read by
    nobody.
-#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if not is_unit() and not (model.config.materialized == "incremental" and is_incremental()) -%}
        {{ default__persist_docs(relation, model, for_relation, for_columns) }}
    {%- endif -%}
{%- endmacro %}
