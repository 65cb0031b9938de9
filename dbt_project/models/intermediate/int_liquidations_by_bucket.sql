-- One row per hour, base_asset, kind of price and price bucket with a counted liquidation.
-- Bucket b spans 1.0025^b to 1.0025^(b + 1) dollars per unit of the asset.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

liquidations as (

    from {{ ref('fct_liquidations') }}

    where hour_at in {{ build_hours() }}
        and {{ counted_liquidations() }}
        and price_usd > 0

),

final as (

    select
        hour_at,
        base_asset,
        price_kind,
        try_cast(floor({{ natural_log('price_usd::double') }} / ln(1.0025)) as integer)
            as price_bucket,
        try_cast(
            coalesce(sum(notional_usd) filter (where liquidated_side = 'long'), 0)
            as decimal(38, 4)
        )
            as long_usd,
        try_cast(
            coalesce(sum(notional_usd) filter (where liquidated_side = 'short'), 0)
            as decimal(38, 4)
        )
            as short_usd,
        max(available_at) as available_at,

    from liquidations

    group by all

)

select *,

from final

order by hour_at
