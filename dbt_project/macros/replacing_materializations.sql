{#-
    dbt-duckdb's materializations, with a short way for SQL models whose table exists: one message to
    the database instead of six to eight. A small hour builds a hundred models, of which most take a
    millisecond of SQL.

    Columns and types are not looked at again then: a model that has changed is built from nothing
    (unwind.warehouse.models), and dbt-duckdb checks its contract when it is.

    Where units have written the model's rows, these are taken instead of the model's own query
    (units.sql).
-#}
{% materialization incremental, adapter="duckdb", supported_languages=["sql", "python"] -%}
    {%- set written = rows_of_units() -%}
    {%- set is_python = model.language == "python" and not written -%}
    {%- set is_replaced = (
        is_replaceable() and config.get("incremental_strategy") == "replace_partitions"
    ) -%}
    {%- if not is_python and not is_replaced and not written and not is_unit() -%}
        {{ return(dbt.materialization_incremental_duckdb()) }}
    {%- endif -%}

    {%- set rows = make_temp_relation(this).include(database=false, schema=false) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if is_python -%}
        {#- dbt runs Python for a materialization alone, not for one that calls another. -#}
        {%- call statement("main", language="python") -%}
            {{ create_table_as(is_replaced, rows if is_replaced else this, compiled_code, "python") }}
        {%- endcall -%}
    {%- elif not is_replaced -%}
        {%- call statement("main") -%}
            {{ create_table_as(false, this, written) if written else write_file_of_unit(compiled_code) }}
        {%- endcall -%}
    {%- endif -%}
    {%- if is_replaced -%}
        {#- Rows of SQL go into the table as they come, without a copy between. -#}
        {%- call statement("replace" if is_python else "main") -%}
            {{ get_incremental_replace_partitions_sql({
                "target_relation": this,
                "temp_relation": rows if is_python else "(\n" ~ (written or compiled_code) ~ "\n)",
            }) }};
            {%- if is_python %}
            drop table {{ rows }}
            {%- endif %}
        {%- endcall -%}
    {%- elif not is_unit() -%}
        {%- do persist_docs(this.incorporate(type="table"), model) -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({"relations": [this]}) }}
{%- endmaterialization %}


{% materialization table, adapter="duckdb", supported_languages=["sql"] -%}
    {%- set is_new = config.get("contract").enforced or not is_replaceable() -%}
    {%- if is_new and not is_unit() -%}
        {{ return(dbt.materialization_table_duckdb()) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement("main") -%}
        {%- if is_unit() -%}
            {{ write_file_of_unit(compiled_code) }}
        {%- else -%}
            create or replace table {{ this }} as (
                {{ compiled_code }}
            )
        {%- endif -%}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({"relations": [this]}) }}
{%- endmaterialization %}


{#- Whether the model's table exists and its rows may be replaced in it. -#}
{% macro is_replaceable() -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ return(existing is not none and existing.is_table and not should_full_refresh()) }}
{%- endmacro %}
