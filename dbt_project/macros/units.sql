{#-
    Builds that are divided into units (unwind.warehouse.units). A unit builds a range of hours in
    databases of its own, and nobody reads these but the unit itself: no contract is checked and no
    comments are written. The writer takes the rows of all units from their Parquet files.
-#}


{#- Whether this run builds one unit. -#}
{% macro is_unit() -%}
    {{ return(execute and env_var("UNWIND_DBT_UNIT", "") != "") }}
{%- endmacro %}


{#-
    The rows of the model being built that units have written, as a query; none where no unit has.

    A unit writes hours; of these, each model takes the ones that it rebuilds.
-#}
{% macro rows_of_units() -%}
    {%- set folder = env_var("UNWIND_DBT_UNITS", "") if execute else "" -%}
    {%- if not folder or this.identifier not in models_of_units(folder) -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set rows -%}
        from read_parquet({{ files_of_units(folder, this.identifier) }})

        where hour_at in {{ build_hours() }}
    {%- endset -%}
    {{ return(rows) }}
{%- endmacro %}


{#- The models of which units have written rows; asked once in a run. -#}
{% macro models_of_units(folder) -%}
    {%- if "models_of_units" not in graph -%}
        {%- set listed = run_query(
            "select distinct parse_filename(file, true) from glob("
            ~ files_of_units(folder, "*") ~ ")"
        ) -%}
        {%- do graph.update({"models_of_units": listed.columns[0].values() | list}) -%}
    {%- endif -%}
    {{ return(graph["models_of_units"]) }}
{%- endmacro %}


{#- A pattern of files, as text in SQL. Units that are not complete have names with a dot in front. -#}
{% macro files_of_units(folder, name) -%}
    '{{ folder | replace("'", "''") }}/hours-*/{{ name }}.parquet'
{%- endmacro %}
