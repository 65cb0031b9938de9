{#-
    Builds that are divided into units: staging into batches, facts into ranges of hours
    (unwind.warehouse.staging_units, units). A unit builds its part apart from the others and writes
    each table as a Parquet file, which takes a third of the time of a table in its database. The
    writer takes the rows of all units from these files.
-#}


{#- Whether this run builds one unit. -#}
{% macro is_unit() -%}
    {{ return(execute and env_var("UNWIND_DBT_UNIT", "") != "") }}
{%- endmacro %}


{#-
    Writes the model's rows into the unit's folder, and makes a view of them: no contract is checked
    and nothing is commented where nobody reads but the unit itself.
-#}
{% macro write_file_of_unit(query) -%}
    {%- set file = env_var("UNWIND_DBT_UNIT") ~ "/" ~ this.identifier ~ ".parquet" -%}
    copy (
        {{ query }}
    ) to {{ text_in_sql(file) }} (format parquet);

    create or replace view {{ this }} as
    from read_parquet({{ text_in_sql(file) }})
{%- endmacro %}


{#-
    The rows of the model being built that units have written, as a query; none where no unit has.

    Units of batches have the rows of theirs. The files of a unit of hours begin before and end after
    the hours that it is for; of these hours, each model takes the ones that it rebuilds.
-#}
{% macro rows_of_units() -%}
    {%- set folder = env_var("UNWIND_DBT_UNITS", "") if execute else "" -%}
    {%- set units = units_of_models(folder).get(this.identifier) if folder -%}
    {%- if not units -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set rows -%}
        {% for unit in units -%}
        from read_parquet({{ text_in_sql(folder ~ "/" ~ unit ~ "/" ~ this.identifier ~ ".parquet") }})

        {% if unit.startswith("hours_") -%}
        {%- set first_hour, last_hour = unit.split("_")[1:] -%}
        where hour_at between '{{ first_hour }}:00'::timestamp and '{{ last_hour }}:00'::timestamp
            and hour_at in {{ build_hours() }}
        {%- endif %}
        {% if not loop.last %}union all{% endif %}

        {% endfor -%}
    {%- endset -%}
    {{ return(rows) }}
{%- endmacro %}


{#-
    The complete units in which each model was built, asked once in a run. The name of a unit of hours
    states them, `hours_2026-01-19T00_2026-01-19T11`; of one that is not complete, it begins with a dot.
-#}
{% macro units_of_models(folder) -%}
    {%- set key = "units_of_models " ~ folder -%}
    {%- if key not in graph -%}
        {%- set listed = run_query(
            "select parse_filename(file, true), split_part(file, '/', -2) from glob("
            ~ text_in_sql(folder ~ "/[a-z]*/*.parquet") ~ ") order by all"
        ) -%}
        {%- set units = {} -%}
        {%- for model_name, unit in listed.rows -%}
            {%- do units.setdefault(model_name, []).append(unit) -%}
        {%- endfor -%}
        {%- do graph.update({key: units}) -%}
    {%- endif -%}
    {{ return(graph[key]) }}
{%- endmacro %}
