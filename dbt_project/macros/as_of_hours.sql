{#-
    The hours that an as-of table rebuilds, as a subquery: those of build_hours() within the last
    `detail_days` days of the spine. As-of tables repeat their facts for every window, so they keep
    a bounded past; older as-ofs are a query over facts.
-#}
{% macro as_of_build_hours() -%}
    (
        select hour_at from {{ build_hours() }}
        where hour_at > {{ last_pruned_as_of_hour() }}
    )
{%- endmacro %}


{#- The latest hour that an as-of table no longer keeps. A scalar subquery. -#}
{% macro last_pruned_as_of_hour() -%}
    (
        select max(hour_at) - interval {{ var('detail_days', 90) }} day
        from {{ source('ops', 'hours') }}
    )
{%- endmacro %}


{#- Post-hook of an as-of table: drops the as-ofs that the spine's growth has left behind. -#}
{% macro prune_as_of_hours() -%}
    delete from {{ this }} where hour_at <= {{ last_pruned_as_of_hour() }}
{%- endmacro %}
