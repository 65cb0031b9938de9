{#-
    Incremental strategy: empties the partitions being built, then inserts the model's rows.

    dbt's delete+insert only deletes keys that the new rows carry, so an hour rebuilt to zero rows
    would keep its old ones; and a composite key compiles to a quadratic delete.
    The model's meta names the partitions: `batch_id` (the batches being built) or `hour_at` (the
    pending hours and every later hour that reads one of them, see `build_hours`; a model that is built
    while staging names its hours by `rebuilds: funding_interval_hours`) or `event_date` (the days of
    these hours).
-#}
{% macro get_incremental_replace_partitions_sql(arg_dict) %}
    {%- set partition = config.get("meta").get("partition") -%}
    delete from {{ arg_dict["target_relation"] }}
    where {{ partition }} in
        {% if partition == "batch_id" -%} {{ build_batches() }}
        {%- elif config.get("meta").get("rebuilds") == "funding_interval_hours" -%}
            {{ funding_interval_hours() }}
        {%- elif partition == "event_date" -%} {{ build_days() }}
        {%- else -%} {{ build_hours() }}
        {%- endif %};

    -- By name: a column that the table lacks fails, and the refresh's error says what to do.
    insert into {{ arg_dict["target_relation"] }} by name
    select * from {{ arg_dict["temp_relation"] }}
{% endmacro %}


{#- The batches being built, as a subquery. -#}
{% macro build_batches() -%}
    (select batch_id from {{ source("ops", "build_batches") }})
{%- endmacro %}


{#-
    The hours that a model rebuilds, as a subquery: the pending hours, and every later hour of the
    spine that reads one of them, directly or through other models. Of a slice, those in its range.
-#}
{% macro build_hours() -%}
    {%- set lookback_hours = lookback_hours_of(model.unique_id) -%}
    (
        select hour_at from {{ source("ops", "pending_hours") }}
        {%- if is_slice() %}
        where {{ is_of_slice("hour_at") }}
        {%- endif %}
        {%- if lookback_hours > 0 %}
        -- Beside the pending ones: rejected rows may stand under hours outside of the spine.
        union
        select spine.hour_at
        from {{ source("ops", "hours") }} as spine
        asof inner join {{ source("ops", "pending_hours") }} as pending
            on spine.hour_at >= pending.hour_at
        where spine.hour_at <= pending.hour_at + interval {{ lookback_hours }} hour
            {%- if is_slice() %}
            and {{ is_of_slice("spine.hour_at") }}
            {%- endif %}
        {%- endif %}
    )
{%- endmacro %}


{#- The days of which a model rebuilds an hour, as a subquery: a daily table rebuilds them whole. -#}
{% macro build_days() -%}
    (select distinct hour_at::date as event_date from {{ build_hours() }})
{%- endmacro %}


{#-
    Whether a row's hour is in one of the days being rebuilt, as a condition.

    Argument: hour_at, the column of the hour.
-#}
{% macro is_of_build_days(hour_at='hour_at') -%}
    {#- The range first: by it DuckDB skips what it need not read. -#}
    {{ hour_at }} >= (select min(event_date) from {{ build_days() }})
        and {{ hour_at }}::date in {{ build_days() }}
{%- endmacro %}


{#-
    How many hours back a model's rows depend on others: over its parents, the largest sum of the
    parent's own look-back and of the hours that the model reads behind its own hour, which its meta
    states as `window_hours: {parent: hours}`; zero where none is stated.

    The graph exists once the project is parsed, and is empty in a unit test. It is one object for all
    nodes of a run, so what was computed for one model is kept in it for the others.
    unwind.warehouse.lookbacks computes the same in Python, and a test compares the two.

    Argument: node_id, the unique id of a model.
-#}
{% macro lookback_hours_of(node_id) -%}
    {%- set known = graph.setdefault("lookback_hours", {}) if execute else {} -%}
    {%- if node_id not in known -%}
        {%- set node = graph.get("nodes", {}).get(node_id) if execute else none -%}
        {%- set windows = node.config.meta.get("window_hours", {}) if node else {} -%}
        {%- set reached = [0] -%}
        {%- for parent_id in (node.depends_on.nodes if node else []) -%}
            {%- set window = windows.get(parent_id.split(".")[-1], 0) | int -%}
            {%- do reached.append(window + lookback_hours_of(parent_id)) -%}
        {%- endfor -%}
        {%- do known.update({node_id: reached | max}) -%}
    {%- endif -%}
    {{ return(known[node_id]) }}
{%- endmacro %}


{#-
    The earliest hour that a model must read of a parent to rebuild its hours: the first pending hour
    less `window_hours`, which the model's meta states as well. A scalar subquery.
-#}
{% macro first_hour_read(window_hours) -%}
    {%- set first = "min(hour_at)" -%}
    {%- if is_slice() and ends_of_slice()[0] -%}
        {%- set first = "greatest(min(hour_at), " ~ ends_of_slice()[0] ~ ")" -%}
    {%- endif -%}
    (
        select {{ first }} - interval {{ window_hours }} hour
        from {{ source("ops", "pending_hours") }}
    )
{%- endmacro %}
