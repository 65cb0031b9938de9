-- One row per staged market capitalisation: either good or rejected with a reason.
--
-- A coin that neither a listing nor the seed of assets names is quarantined: no model would use it. Of
-- two coins with one symbol on two pages, the better rank counts.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set grain = 'base_asset, source, observed_at' %}

with

limits as (

    {{ plausibility_limits(['market_cap_usd_min', 'price_usd_min', 'price_usd_max']) | indent(4) }}

),

staged as (

    from {{ ref('int_market_caps_staged') }}

    where hour_at in {{ build_hours() }}

),

holds as (

    select distinct
        batch_id,
        venue,
        true as is_held,

    from {{ source('ops', 'holds') }}

    where released_at is null

),

known_assets as (

    select
        base_asset,
        true as is_known,

    from {{ ref('int_known_assets') }}

),

named as (

    select
        staged.* exclude (reject_reason),
        case
            when staged.reject_reason is not null then staged.reject_reason
            when holds.is_held then 'held'
            when known_assets.is_known is null then 'no_listing'
            when staged.market_cap_usd < limits.market_cap_usd_min then 'implausible_number'
            when staged.price_usd < limits.price_usd_min or staged.price_usd > limits.price_usd_max
                then 'implausible_price'
        end as reject_reason,

    from staged
    cross join limits
    left join holds
        on staged.batch_id = holds.batch_id
        and staged.venue = holds.venue
    left join known_assets
        on staged.base_asset = known_assets.base_asset

),

with_meant_coin as (

    select
        * exclude (reject_reason),
        coalesce(
            reject_reason,
            case
                when instrument != first_value(instrument) over (
                    partition by reject_reason, {{ grain }}
                    order by rank nulls last, {{ winning_sighting() }}
                )
                    then 'ambiguous_symbol'
            end
        ) as reject_reason,

    from named

),

ranked as (

    select
        *,
        case
            when reject_reason is null then row_number() over (
                partition by reject_reason, {{ grain }}
                order by rank nulls last, {{ winning_sighting() }}
            )
        end as sighting_rank,

    from with_meant_coin

),

final as (

    select
        * exclude (raw_values, sighting_rank),
        case
            when reject_reason is not null then coalesce(
                raw_values,
                {{ values_as_text(['price_usd', 'market_cap_usd', 'volume_24h_usd', 'rank']) }}
            )
        end as raw_values,
        sighting_rank::integer as sighting_rank,
        -- Coins have no listing.
        false as is_listed,

    from ranked

)

select *,

from final

order by hour_at
