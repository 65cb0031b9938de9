{#-
    The hours that an as-of table rebuilds, as a subquery: those of build_hours() that it keeps.
-#}
{% macro as_of_build_hours() -%}
    (
        select hour_at from {{ build_hours() }}
        where hour_at in {{ kept_as_of_hours() }}
    )
{%- endmacro %}


{#-
    The hours that an as-of table keeps, as a subquery: the newest `detail_days` days' worth of the
    hours on days of which something was landed. As-of tables repeat their facts for every window,
    so they keep a bounded past; older as-ofs are a query over facts. Days without data do not
    count, so that a far later hour takes nothing away from an earlier episode.
-#}
{% macro kept_as_of_hours() -%}
    (
        select hour_at
        from {{ source('ops', 'hours') }}
        where hour_at::date not in (select utc_date from {{ source('ops', 'empty_days') }})
        -- Not by a limit, below which DuckDB filters (docs/adr/0028).
        qualify row_number() over (order by hour_at desc) <= {{ 24 * (var('detail_days', 90) | int) }}
    )
{%- endmacro %}


{#- Post-hook of an as-of table: drops the as-ofs that newer days with data have left behind. -#}
{% macro prune_as_of_hours() -%}
    delete from {{ this }} where hour_at not in {{ kept_as_of_hours() }}
{%- endmacro %}
