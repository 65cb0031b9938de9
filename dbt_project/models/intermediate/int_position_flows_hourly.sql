-- One row per hour, venue and base_asset: how many coins of positions were opened and closed, from
-- the open interest of the instruments known at both ends of the hour.
--
-- A contract has a long and a short. Where open interest falls by more than a side's liquidations,
-- the rest of that side was closed otherwise; the side that was liquidated dies at its level instead.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

tracked as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

liquidations as (

    from {{ ref('int_instrument_liquidations_hourly') }}

    where hour_at in {{ build_hours() }}

),

instruments as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        oi_start_base,
        oi_end_base - oi_start_base as change_base,
        coalesce(oi_end_usd / nullif(oi_end_base, 0), oi_start_usd / nullif(oi_start_base, 0))
            as price_usd,
        available_at,

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at in {{ build_hours() }}
        and oi_start_base is not null
        and oi_end_base is not null

),

with_liquidations as (

    select
        instruments.* replace (
            greatest(instruments.available_at, liquidations.available_at, tracked.available_at)
                as available_at
        ),
        {%- for liquidated_side in ['long', 'short'] %}
        coalesce(
            liquidations.{{ liquidated_side }}_usd::double / nullif(instruments.price_usd, 0), 0
        ) as liquidated_{{ liquidated_side }}_base,
        {%- endfor %}

    from instruments
    inner join tracked
        on instruments.hour_at = tracked.hour_at
        and instruments.base_asset = tracked.base_asset
    left join liquidations
        on instruments.hour_at = liquidations.hour_at
        and instruments.venue = liquidations.venue
        and instruments.instrument = liquidations.instrument
        and instruments.base_asset = liquidations.base_asset

),

-- Summed in decimals, so that the order of the instruments makes no difference.
summed as (

    select
        hour_at,
        venue,
        base_asset,
        count(*)::integer as instruments,
        {%- for column, value in [
            ('oi_start_base', 'oi_start_base'),
            ('opened_base', 'greatest(change_base, 0)'),
            ('closed_long_base', 'greatest(-change_base - liquidated_long_base, 0)'),
            ('closed_short_base', 'greatest(-change_base - liquidated_short_base, 0)'),
        ] %}
        try_cast(
            sum(try_cast(round({{ value }}, 8) as decimal(38, 8))) as decimal(38, 8)
        ) as {{ column }},
        {%- endfor %}
        max(available_at) as available_at,

    from with_liquidations

    group by hour_at, venue, base_asset

),

listed_tiers as (

    select distinct
        venue,
        base_asset,

    from {{ ref('int_liquidation_price_ratios') }}

),

final as (

    select
        summed.hour_at,
        summed.venue,
        summed.base_asset,
        coalesce(listed_tiers.base_asset, '*') as tier_asset,
        summed.instruments,
        summed.oi_start_base,
        summed.opened_base,
        summed.closed_long_base,
        summed.closed_short_base,
        summed.available_at,

    from summed
    left join listed_tiers
        on summed.venue = listed_tiers.venue
        and summed.base_asset = listed_tiers.base_asset

)

select *,

from final

order by hour_at
