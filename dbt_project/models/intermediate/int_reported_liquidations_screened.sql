-- One row per staged sum of liquidations: either good or rejected with a reason. A source may correct
-- its sums: the latest counts.
{{ config(materialized='ephemeral') }}

with

limits as (

    {{ plausibility_limits(['volume_usd_max']) | indent(4) }}

),

staged as (

    from {{ ref('int_reported_liquidations_staged') }}

    -- Part of its readers' queries, which pick their own hours.
    where hour_at >= {{ first_hour_read(0) }}

),

holds as (

    select distinct
        batch_id,
        venue,
        true as is_held,

    from {{ source('ops', 'holds') }}

    where released_at is null

),

judged as (

    select
        staged.* exclude (reject_reason),
        case
            when staged.reject_reason is not null then staged.reject_reason
            when holds.is_held then 'held'
            -- Liquidations cannot exceed the traded volume.
            when greatest(staged.long_usd, staged.short_usd) > limits.volume_usd_max
                then 'implausible_volume'
        end as reject_reason,

    from staged
    cross join limits
    left join holds
        on staged.batch_id = holds.batch_id
        and staged.venue = holds.venue

),

final as (

    select
        * exclude (raw_values),
        case
            when reject_reason is not null then coalesce(
                raw_values,
                {{ values_as_text(['long_usd', 'short_usd', 'long_base', 'short_base']) }}
            )
        end as raw_values,
        case
            when reject_reason is null then row_number() over (
                partition by reject_reason, venue, exchange, instrument, observed_at, bar_seconds
                order by
                    received_at desc nulls last, raw_object desc, raw_line desc, row_in_line desc
            )
        end::integer as sighting_rank,

    from judged

)

from final
