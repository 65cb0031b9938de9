with

tiers as (

    from {{ ref('maintenance_margin_tiers') }}

),

venues as (

    {% for venue in var('venues') -%}
    select '{{ venue }}' as venue,
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

),

-- A venue without tiers of its own has the default ones.
tiers_of_venues as (

    select
        venues.venue,
        tiers.venue as tier_source,
        tiers.base_asset,
        tiers.notional_from_usd,
        tiers.maintenance_margin_rate,
        tiers.deduction_usd,
        tiers.max_leverage,

    from venues
    inner join tiers
        on venues.venue = tiers.venue

    union all

    select
        venues.venue,
        tiers.venue as tier_source,
        tiers.base_asset,
        tiers.notional_from_usd,
        tiers.maintenance_margin_rate,
        tiers.deduction_usd,
        tiers.max_leverage,

    from venues
    cross join tiers

    where tiers.venue = 'default'
        and not exists (
            select 1,
            from {{ ref('maintenance_margin_tiers') }} as own
            where own.venue = venues.venue
        )

),

tier_of_position as (

    select
        venue,
        base_asset,
        max_by(tier_source, notional_from_usd) as tier_source,
        max_by(maintenance_margin_rate, notional_from_usd) as maintenance_margin_rate,
        max_by(deduction_usd, notional_from_usd)
        / {{ var('map_position_usd') }} as deduction_share,
        max_by(max_leverage, notional_from_usd) as max_leverage,

    from tiers_of_venues

    where notional_from_usd <= {{ var('map_position_usd') }}

    group by venue, base_asset

),

leveraged as (

    select
        tier_of_position.*,
        mix.leverage,
        least(mix.leverage, tier_of_position.max_leverage) as effective_leverage,

    from tier_of_position
    cross join {{ ref('leverage_mix') }} as mix

),

by_side as (

    {% for liquidated_side in ['long', 'short'] -%}
    select
        venue,
        base_asset,
        tier_source,
        '{{ liquidated_side }}' as liquidated_side,
        leverage,
        effective_leverage,
        maintenance_margin_rate,
        deduction_share,
        {{ liquidation_price_ratio(
            liquidated_side, 'effective_leverage', 'maintenance_margin_rate', 'deduction_share'
        ) }} as price_ratio,

    from leveraged
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}

),

final as (

    select
        *,
        -- From the middle of the entry's bucket to the bucket of the level.
        try_cast(floor(0.5 + {{ natural_log('price_ratio') }} / ln(1.0025)) as integer)
            as bucket_distance,

    from by_side

)

from final
