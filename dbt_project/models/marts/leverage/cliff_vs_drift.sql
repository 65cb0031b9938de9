-- Long levels under margin and under an option split, at zero interest. Both flows are in dollars
-- at each level's own price, so that the two are of the same coins.
{{ config(post_hook="{{ prune_as_of_hours() }}") }}
{%- set tenors = var('cliff_tenors_days') %}

with

hours as (

    select hour_at,

    from {{ as_of_build_hours() }}

),

waves as (

    select
        hour_at,
        base_asset,
        drop_percent,
        price_usd,
        price_source,
        forced_usd,
        mix_variant,
        mix_version,
        map_model_version,
        available_at,

    from {{ ref('liquidation_wave') }}

    where hour_at in (select hour_at, from hours)

),

levels as (

    select
        hour_at,
        base_asset,
        price_usd,
        try_cast(ceil(-distance_percent) as integer) as drop_percent,
        mass_usd,
        {{ bucket_middle('price_bucket') }} as level_usd,
        mass_usd / level_usd as level_base,

    from {{ ref('liquidation_map') }}

    where hour_at in (select hour_at, from hours)
        and liquidated_side = 'long'

),

volatilities as (

    select
        hour_at,
        base_asset,
        daily_volatility_30d,
        available_at,

    from {{ ref('unwind_classification') }}

    where hour_at in (select hour_at, from hours)
        and daily_volatility_30d > 0

),

-- d1 = (ln(x / K) + v / 2) / sqrt(v), of v = sigma^2 tau.
before as (

    select
        levels.hour_at,
        levels.base_asset,
        levels.mass_usd,
        {%- for days in tenors %}
        volatilities.daily_volatility_30d * sqrt({{ days }}.0) as deviation_{{ days }}d,
        {{ natural_log('(levels.price_usd / levels.level_usd)') }} / deviation_{{ days }}d
        + deviation_{{ days }}d / 2 as d1_{{ days }}d,
        {%- endfor %}

    from levels
    inner join volatilities
        on levels.hour_at = volatilities.hour_at
        and levels.base_asset = volatilities.base_asset

),

-- Who hedges P is short 1 - Phi(d1) of each coin; who has sold N holds Phi(d1).
hedged as (

    select
        *,
        {%- for days in tenors %}
        {{ normal_cdf('d1_' ~ days ~ 'd') }} as hedge_{{ days }}d,
        {%- endfor %}

    from before

),

drops as (

    select
        drop_percent,
        1 - drop_percent / 100 as price_ratio,
        {{ natural_log('price_ratio') }} as log_ratio,

    from (
        select
            unnest(range(1, {{ (var('wave_max_drop_percent') | int) + 1 }}))::integer
                as drop_percent,
    ) as drop_percents

),

dropped as (

    select
        hedged.*,
        drops.drop_percent,
        {%- for days in tenors %}
        hedged.d1_{{ days }}d + drops.log_ratio / hedged.deviation_{{ days }}d
            as dropped_d1_{{ days }}d,
        {%- endfor %}

    from hedged
    cross join drops

),

drifts as (

    select
        hour_at,
        base_asset,
        drop_percent,
        {%- for days in tenors %}
        sum(
            try_cast(
                round(
                    mass_usd * (hedge_{{ days }}d - {{ normal_cdf('dropped_d1_' ~ days ~ 'd') }}),
                    4
                ) as decimal(38, 4)
            )
        )::double as drift_{{ days }}d_usd,
        {%- endfor %}

    from dropped

    group by all

),

-- Levels and coins by the percent in which a fall reaches them, those below all drops included.
steps as (

    select
        hour_at,
        base_asset,
        drop_percent,
        sum(try_cast(mass_usd as decimal(38, 4))) as mass_usd,
        sum(try_cast(round(level_base, 8) as decimal(38, 8))) as level_base,

    from levels

    group by all

),

totals as (

    select
        hour_at,
        base_asset,
        sum(mass_usd)::double as levels_usd,
        sum(level_base)::double as levels_base,

    from steps

    group by all

),

tenors as (

    select unnest({{ tenors }})::integer as tenor_days,

),

flows as (

    select
        waves.* exclude (available_at),
        waves.price_usd * (1 - waves.drop_percent / 100) as dropped_price_usd,
        volatilities.daily_volatility_30d,
        waves.price_usd is not null as is_mapped,
        is_mapped and volatilities.daily_volatility_30d is not null as is_known,
        coalesce(totals.levels_usd, 0) as levels_usd,
        coalesce(totals.levels_base, 0) as levels_base,
        coalesce(
            sum(steps.level_base) over (
                partition by waves.hour_at, waves.base_asset order by waves.drop_percent
            ),
            0
        )::double as reached_base,
        drifts.* exclude (hour_at, base_asset, drop_percent),
        greatest(waves.available_at, volatilities.available_at) as available_at,

    from waves
    left join volatilities
        on waves.hour_at = volatilities.hour_at
        and waves.base_asset = volatilities.base_asset
    left join totals
        on waves.hour_at = totals.hour_at
        and waves.base_asset = totals.base_asset
    {%- for table in ['steps', 'drifts'] %}
    left join {{ table }}
        on waves.hour_at = {{ table }}.hour_at
        and waves.base_asset = {{ table }}.base_asset
        and waves.drop_percent = {{ table }}.drop_percent
    {%- endfor %}

),

-- Of each coin P has min(1, K / x) and N max(0, 1 - K / x): P has all of what the price x reached,
-- and of the rest the dollars of its levels.
claims as (

    select
        *,
        reached_base + (levels_usd - forced_usd) / dropped_price_usd as principal_base,
        levels_base - reached_base - (levels_usd - forced_usd) / dropped_price_usd as call_base,

    from flows

),

final as (

    select
        claims.hour_at,
        claims.base_asset,
        claims.drop_percent,
        tenors.tenor_days,
        claims.price_usd,
        claims.price_source,
        round(claims.dropped_price_usd, 14) as dropped_price_usd,
        claims.daily_volatility_30d,
        case when claims.is_mapped then claims.levels_usd end as levels_usd,
        case when claims.is_mapped then claims.levels_base end as levels_base,
        round(claims.principal_base, 6) as principal_base,
        case when claims.is_mapped then greatest(round(claims.call_base, 6), 0) end as call_base,
        claims.forced_usd as cliff_usd,
        case when claims.is_known then 0.0::double end as drift_usd_low,
        case
            when claims.is_known
                then coalesce(
                    case tenors.tenor_days
                        {%- for days in tenors %}
                        when {{ days }} then claims.drift_{{ days }}d_usd
                        {%- endfor %}
                    end,
                    0
                )
        end as drift_usd_high,
        claims.mix_variant,
        claims.mix_version,
        claims.map_model_version,
        '{{ var('cliff_model_version') }}' as model_version,
        claims.hour_at + interval 1 hour as as_of_at,
        claims.available_at,

    from claims
    cross join tenors

)

select *,

from final

order by hour_at
