{#-
    Incremental strategy: empties the partitions being built, then inserts the model's rows.

    dbt's delete+insert only deletes keys that the new rows carry, so an hour rebuilt to zero rows
    would keep its old ones; and a composite key compiles to a quadratic delete.
    The partitions are, by the model's meta: `batch_id` (the batches being built) or `hour_at`
    (the pending hours, with every later hour within `lookback_hours`; a model built while staging
    names its own hours by `rebuilds: funding_interval_hours`).
-#}
{% macro get_incremental_replace_partitions_sql(arg_dict) %}
    {%- set partition = config.get("meta").get("partition") -%}
    delete from {{ arg_dict["target_relation"] }}
    where {{ partition }} in
        {% if partition == "batch_id" -%} {{ build_batches() }}
        {%- elif config.get("meta").get("rebuilds") == "funding_interval_hours" -%}
            {{ funding_interval_hours() }}
        {%- else -%} {{ build_hours() }}
        {%- endif %};

    -- By name: a column that the table does not have fails, with the way out in the refresh's error.
    insert into {{ arg_dict["target_relation"] }} by name
    select * from {{ arg_dict["temp_relation"] }}
{% endmacro %}


{#- The batches being built, as a subquery. -#}
{% macro build_batches() -%}
    (select batch_id from {{ source("ops", "build_batches") }})
{%- endmacro %}


{#-
    The hours that a model rebuilds, as a subquery: the pending hours and, where the model's meta
    states `lookback_hours`, every later hour of the spine whose look-back covers one.
-#}
{% macro build_hours() -%}
    {%- set lookback_hours = (config.get("meta") or {}).get("lookback_hours", 0) -%}
    {%- if lookback_hours == 0 -%}
        (select hour_at from {{ source("ops", "pending_hours") }})
    {%- else -%}
        (
            -- Rejected rows may stand under hours outside of the spine.
            select hour_at from {{ source("ops", "pending_hours") }}
            union
            select spine.hour_at
            from {{ source("ops", "hours") }} as spine
            asof inner join {{ source("ops", "pending_hours") }} as pending
                on spine.hour_at >= pending.hour_at
            where spine.hour_at <= pending.hour_at + interval {{ lookback_hours }} hour
        )
    {%- endif -%}
{%- endmacro %}


{#-
    The earliest hour that a model must read to rebuild its hours: the first pending hour less
    `window_hours`, the span of the model's own trailing windows. A scalar subquery.
-#}
{% macro first_hour_read(window_hours) -%}
    (
        select min(hour_at) - interval {{ window_hours }} hour
        from {{ source("ops", "pending_hours") }}
    )
{%- endmacro %}
