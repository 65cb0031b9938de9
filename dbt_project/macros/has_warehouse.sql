{#-
    Whether SQL that is being compiled can query a warehouse. It cannot while dbt parses, nor when dbt
    runs by hand (profiles.yml), where `dbt docs generate` describes an empty database.
-#}
{% macro has_warehouse() -%}
    {{ return(execute and env_var("UNWIND_STAGING", ":memory:") != ":memory:") }}
{%- endmacro %}
