{#-
    The materializations of the target `spark`: each hands the compiled model, in DuckDB's dialect, to
    unwind.spark, which translates it, or stops the run where it cannot. Hooks delete rows.
-#}
{% materialization incremental, adapter="spark", supported_languages=["sql", "python"] -%}
    {%- set partition = config.get("meta").get("partition") -%}
    {%- set touched = none -%}
    {%- if is_incremental() and partition == "event_date" -%}
        {%- set touched = "select event_date from " ~ build_days() ~ " as touched" -%}
    {%- elif is_incremental() -%}
        {%- set touched = "select hour_at from " ~ build_hours() ~ " as touched" -%}
    {%- endif -%}
    {%- call noop_statement("main", "OK") -%}{{ compiled_code }}{%- endcall -%}
    {%- do adapter.build_model(this, model, compiled_code, touched) -%}
    {%- for hook in post_hooks -%}
        {%- do adapter.delete_rows(model, render(hook.sql)) -%}
    {%- endfor -%}
    {{ return({"relations": [this.incorporate(type="table")]}) }}
{%- endmaterialization %}


{% materialization table, adapter="spark", supported_languages=["sql"] -%}
    {%- call noop_statement("main", "OK") -%}{{ compiled_code }}{%- endcall -%}
    {%- do adapter.build_model(this, model, compiled_code) -%}
    {{ return({"relations": [this.incorporate(type="table")]}) }}
{%- endmaterialization %}


{% materialization view, adapter="spark" -%}
    {%- call noop_statement("main", "OK") -%}{{ compiled_code }}{%- endcall -%}
    {%- do adapter.build_model(this, model, compiled_code) -%}
    {{ return({"relations": [this.incorporate(type="view")]}) }}
{%- endmaterialization %}


{#- A schema is a part of a table's name there. -#}
{% macro spark__generate_database_name(custom_database_name=none, node=none) -%}
    {{ return(none) }}
{%- endmacro %}
