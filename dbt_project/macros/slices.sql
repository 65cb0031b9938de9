{#-
    Large builds, in slices of hours (unwind.warehouse.slices): one run of dbt for each, from the oldest
    on. `UNWIND_DBT_SLICE` has its first and last hour, `2026-01-01T00_2026-03-31T23`; the first one has no
    beginning, the last one no end.
-#}


{#- Whether this run builds a slice. -#}
{% macro is_slice() -%}
    {{ return(execute and env_var("UNWIND_DBT_SLICE", "") != "") }}
{%- endmacro %}


{#- The first and the last hour of the slice, as SQL; none where it has no such end. -#}
{% macro ends_of_slice() -%}
    {%- set ends = [] -%}
    {%- for hour in env_var("UNWIND_DBT_SLICE").split("_") -%}
        {%- do ends.append("timestamp " ~ text_in_sql(hour ~ ":00:00") if hour else none) -%}
    {%- endfor -%}
    {{ return(ends) }}
{%- endmacro %}


{#- Whether an hour is in the slice, as a condition. -#}
{% macro is_of_slice(hour_at) -%}
    {%- set first, last = ends_of_slice() -%}
    {%- if first %}{{ hour_at }} >= {{ first }}{% endif -%}
    {%- if first and last %} and {% endif -%}
    {%- if last %}{{ hour_at }} <= {{ last }}{% endif -%}
{%- endmacro %}
