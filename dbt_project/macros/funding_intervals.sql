{#-
    Funding intervals that venues list, as the end of a stg_<venue>__funding_intervals model.

    Arguments: venue; relation, a CTE with batch_id, raw_object, raw_line, row_in_line, received_at,
    sealed_at, instrument (*linear or *inverse for all of that type that the answer does not name),
    interval_hours (text or number) and reject_reason (null where nothing is wrong so far). The time
    of receipt counts as the time of listing.
-#}
{% macro staged_funding_intervals(venue, relation) -%}
limits as (

    {{ plausibility_limits(['interval_hours_min', 'interval_hours_max']) | indent(4) }}

),

numbered as (

    select
        * exclude (interval_hours),
        try_cast(interval_hours as double) as interval_hours,
        coalesce(received_at, sealed_at) as observed_at,

    from {{ relation }}

)

select
    batch_id,
    raw_object,
    raw_line,
    try_cast(row_in_line as integer) as row_in_line,
    received_at,
    sealed_at,
    '{{ venue }}' as venue,
    instrument,
    observed_at,
    date_trunc('hour', observed_at) as hour_at,
    interval_hours,
    case
        when reject_reason is not null then reject_reason
        when instrument is null then 'missing_field'
        when interval_hours is null or not isfinite(interval_hours) then 'unreadable_number'
        when interval_hours <= 0 then 'non_positive_number'
        -- Periods between settlements are derived from it: a wrong one would affect other rows.
        when interval_hours < interval_hours_min or interval_hours > interval_hours_max
            then 'implausible_interval'
    end as reject_reason,

from numbered
cross join limits
{%- endmacro %}


{#-
    The hours whose funding intervals the batches being built can change, as a subquery: a settlement
    is compared with its neighbours, at most two intervals of eight hours away, and a listing is
    valid from eight hours before it was read to `funding_listing_hours` after.
-#}
{% macro funding_interval_hours() -%}
    (
        select distinct touched.hour_at + steps.hours_later * interval 1 hour as hour_at

        from (
            select hour_at from {{ ref('int_funding_sightings') }}
            where batch_id in {{ build_batches() }}
            union
            select hour_at from {{ ref('int_funding_listings') }}
            where batch_id in {{ build_batches() }}
            union
            select hour_at from {{ source("ops", "pending_hours") }}
        ) as touched
        cross join (
            select unnest(range(-24, {{ var('funding_listing_hours') }} + 1)) as hours_later
        ) as steps
    )
{%- endmacro %}
