{#-
    Whether there is a warehouse to ask while SQL is being written. There is none while dbt parses,
    nor by hand (profiles.yml), where `dbt docs generate` describes an empty database.
-#}
{% macro has_warehouse() -%}
    {{ return(execute and env_var("UNWIND_STAGING", ":memory:") != ":memory:") }}
{%- endmacro %}
