{#-
    Whether SQL that is being compiled can query a warehouse. It cannot while dbt parses, nor when dbt
    runs by hand (profiles.yml), where `dbt docs generate` describes an empty database, nor in a unit
    test, which has no sources and an empty graph.
-#}
{% macro has_warehouse() -%}
    {{ return(
        execute and env_var("UNWIND_STAGING", ":memory:") != ":memory:" and graph.get("nodes")
    ) }}
{%- endmacro %}
