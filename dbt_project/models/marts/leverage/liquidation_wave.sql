-- The ladder of long levels, from the price down, by distance in percent of the price. With impact,
-- a drop reaches a level where drop + impact(sold above it) >= distance, that is, where it is
-- not less than distance - impact(sold above it), and ends at the first level it does not reach.
-- Down the ladder the largest of these differences so far only grows, so each level ends the drops
-- from that of the levels above to its own. That is the least fixed point, exactly, without
-- iterating.
{{ config(post_hook="{{ prune_as_of_hours() }}") }}
{%- set max_drop = var('wave_max_drop_percent') | int %}
{%- set masses = ['mass_usd', 'mass_low_usd', 'mass_mid_usd', 'mass_high_usd'] %}
{%- set factors = {
    'low': var('wave_impact_factor_low'),
    'mid': var('wave_impact_factor_mid'),
    'high': var('wave_impact_factor_high'),
} %}

with

hours as (

    select hour_at,

    from {{ as_of_build_hours() }}

),

tracked as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in (select hour_at, from hours)

),

levels as (

    from {{ ref('liquidation_map') }}

    where hour_at in (select hour_at, from hours)

),

prices as (

    from {{ ref('int_price_windows_hourly') }}

    where hour_at in (select hour_at, from hours)

),

derivative_volumes as (

    from {{ ref('int_asset_derivative_volumes_hourly') }}

    where hour_at in (select hour_at, from hours)

),

spot_volumes as (

    from {{ ref('int_asset_volumes_hourly') }}

    where hour_at in (select hour_at, from hours)

),

maps as (

    select
        hour_at,
        base_asset,
        max(price_usd) as price_usd,
        max(price_source) as price_source,
        max(mix_variant) as mix_variant,
        max(mix_version) as mix_version,
        max(model_version) as map_model_version,
        max(available_at) as available_at,

    from levels

    group by all

),

volumes as (

    select
        tracked.hour_at,
        tracked.base_asset,
        case when derivative_volumes.volume_24h_usd > 0 then 'derivatives' else 'spot' end
            as volume_source,
        case volume_source
            when 'derivatives' then derivative_volumes.volume_24h_usd
            else spot_volumes.volume_24h_usd
        end as volume_24h_usd,
        volume_source = 'spot' or derivative_volumes.is_volume_missing
            as is_volume_incomplete,
        greatest(derivative_volumes.available_at, spot_volumes.available_at) as available_at,

    from tracked
    left join derivative_volumes
        on tracked.hour_at = derivative_volumes.hour_at
        and tracked.base_asset = derivative_volumes.base_asset
    left join spot_volumes
        on tracked.hour_at = spot_volumes.hour_at
        and tracked.base_asset = spot_volumes.base_asset

    where derivative_volumes.volume_24h_usd > 0
        or spot_volumes.volume_24h_usd > 0

),

inputs as (

    select
        tracked.hour_at,
        tracked.base_asset,
        maps.* exclude (hour_at, base_asset, available_at),
        volumes.* exclude (hour_at, base_asset, available_at),
        prices.realised_volatility_24h,
        -- The fall in percent for Y = 1 is this times the square root of the dollars sold.
        100 * prices.realised_volatility_24h / sqrt(volumes.volume_24h_usd) as impact_scale,
        greatest(
            tracked.available_at, maps.available_at, volumes.available_at, prices.available_at
        ) as available_at,

    from tracked
    {%- for table in ['maps', 'volumes', 'prices'] %}
    left join {{ table }}
        on tracked.hour_at = {{ table }}.hour_at
        and tracked.base_asset = {{ table }}.base_asset
    {%- endfor %}

),

longs as (

    select
        hour_at,
        base_asset,
        -distance_percent as distance_percent,
        {%- for mass in masses %}
        try_cast({{ mass }} as decimal(38, 4)) as {{ mass }},
        {%- endfor %}

    from levels

    where liquidated_side = 'long'

),

steps as (

    select
        hour_at,
        base_asset,
        try_cast(ceil(distance_percent) as integer) as drop_percent,
        {%- for mass in masses %}
        sum({{ mass }}) as {{ mass }},
        {%- endfor %}

    from longs

    group by all

),

drops as (

    select unnest(range(1, {{ max_drop + 1 }}))::integer as drop_percent,

),

-- Narrow until the last step, as there are twenty rows for each of the inputs.
forced as (

    select
        tracked.hour_at,
        tracked.base_asset,
        drops.drop_percent,
        coalesce(steps.mass_usd, 0)::double as step_forced_usd,
        {%- for mass in masses %}
        coalesce(sum(steps.{{ mass }}) over to_the_drop, 0)::double as forced_{{ mass }},
        {%- endfor %}

    from tracked
    cross join drops
    left join steps
        on tracked.hour_at = steps.hour_at
        and tracked.base_asset = steps.base_asset
        and drops.drop_percent = steps.drop_percent

    window to_the_drop as (
        partition by tracked.hour_at, tracked.base_asset order by drops.drop_percent
    )

),

-- A last rung, out of reach, ends all that run past the levels.
rungs as (

    select
        hour_at,
        base_asset,
        distance_percent,
        mass_usd,

    from longs

    union all

    select
        hour_at,
        base_asset,
        'infinity'::double as distance_percent,
        0 as mass_usd,

    from maps

),

sold as (

    select
        rungs.hour_at,
        rungs.base_asset,
        rungs.distance_percent,
        inputs.impact_scale,
        coalesce(
            sum(rungs.mass_usd) over (
                partition by rungs.hour_at, rungs.base_asset
                order by rungs.distance_percent
                rows between unbounded preceding and 1 preceding
            ),
            0
        )::double as sold_above_usd,

    from rungs
    inner join inputs
        on rungs.hour_at = inputs.hour_at
        and rungs.base_asset = inputs.base_asset

    where inputs.impact_scale is not null

),

differences as (

    select
        hour_at,
        base_asset,
        distance_percent,
        sold_above_usd,
        {%- for end, factor in factors.items() %}
        distance_percent - {{ factor }} * impact_scale * sqrt(sold_above_usd)
            as difference_{{ end }},
        {%- endfor %}

    from sold

),

-- Each rung ends the drops from the largest difference of the rungs above, inclusive, to its own.
bounds as (

    select
        hour_at,
        base_asset,
        sold_above_usd,
        {%- for end in factors %}
        greatest(ceil(coalesce(max(difference_{{ end }}) over above, 0)), 1) as first_{{ end }},
        least(ceil(difference_{{ end }}), {{ max_drop + 1 }}) as next_{{ end }},
        {%- endfor %}

    from differences

    window above as (
        partition by hour_at, base_asset
        order by distance_percent
        rows between unbounded preceding and 1 preceding
    )

),

ends as (

    select unnest({{ factors.keys() | list }}) as factor_end,

),

ended as (

    select
        bounds.hour_at,
        bounds.base_asset,
        ends.factor_end,
        bounds.sold_above_usd,
        try_cast(
            unnest(
                case ends.factor_end
                    {%- for end in factors %}
                    when '{{ end }}' then range(
                        try_cast(bounds.first_{{ end }} as bigint),
                        try_cast(bounds.next_{{ end }} as bigint)
                    )
                    {%- endfor %}
                end
            ) as integer
        ) as drop_percent,

    from bounds
    cross join ends

    where
        {%- for end in factors %}
        {% if not loop.first %}or {% endif %}bounds.first_{{ end }} < bounds.next_{{ end }}
        {%- endfor %}

),

waves as (

    select
        hour_at,
        base_asset,
        drop_percent,
        {%- for end in factors %}
        max(sold_above_usd) filter (where factor_end = '{{ end }}') as wave_usd_{{ end }},
        {%- endfor %}

    from ended

    group by all

),

with_waves as (

    select
        forced.*,
        inputs.* exclude (hour_at, base_asset),
        {%- for end in factors %}
        {{ factors[end] }}::double as impact_factor_{{ end }},
        waves.wave_usd_{{ end }},
        forced.drop_percent
        + impact_factor_{{ end }} * inputs.impact_scale * sqrt(waves.wave_usd_{{ end }})
            as unbounded_percent_{{ end }},
        -- least() would take a null for 100.
        case
            when unbounded_percent_{{ end }} is not null
                then round(least(unbounded_percent_{{ end }}, 100), 6)
        end as final_drop_percent_{{ end }},
        -- The dollars that move the price by 1%: 1 = Y x scale x root of dollars.
        1 / pow(nullif(impact_factor_{{ end }} * inputs.impact_scale, 0), 2)
            as dollars_per_percent_{{ end }},
        {%- endfor %}

    from forced
    inner join inputs
        on forced.hour_at = inputs.hour_at
        and forced.base_asset = inputs.base_asset
    left join waves
        on forced.hour_at = waves.hour_at
        and forced.base_asset = waves.base_asset
        and forced.drop_percent = waves.drop_percent

),

final as (

    select
        hour_at,
        base_asset,
        drop_percent,
        price_usd,
        price_source,
        {%- for name, mass in [
            ('step_forced_usd', 'step_forced_usd'),
            ('forced_usd', 'forced_mass_usd'),
            ('forced_usd_low', 'forced_mass_low_usd'),
            ('forced_usd_mid', 'forced_mass_mid_usd'),
            ('forced_usd_high', 'forced_mass_high_usd'),
        ] %}
        case when price_usd is not null then {{ mass }} end as {{ name }},
        {%- endfor %}
        realised_volatility_24h,
        volume_24h_usd,
        volume_source,
        is_volume_incomplete,
        {%- for end in factors %}
        impact_factor_{{ end }},
        {%- endfor %}
        {%- for end in factors %}
        wave_usd_{{ end }},
        {%- endfor %}
        {%- for end in factors %}
        final_drop_percent_{{ end }},
        {%- endfor %}
        {%- for end in factors %}
        round(final_drop_percent_{{ end }} / drop_percent, 6) as amplification_{{ end }},
        {%- endfor %}
        final_drop_percent_high >= {{ var('map_max_distance_percent') | int }} as is_beyond_map,
        case when dollars_per_percent_mid is not null then 'square_root_of_volume' end
            as depth_source,
        round(dollars_per_percent_high, 4) as depth_usd_low,
        round(dollars_per_percent_mid, 4) as depth_usd_mid,
        round(dollars_per_percent_low, 4) as depth_usd_high,
        {%- for end in factors %}
        case
            when price_usd is not null
                then round(step_forced_usd / dollars_per_percent_{{ end }}, 8)
        end as local_reproduction_{{ end }},
        {%- endfor %}
        mix_variant,
        mix_version,
        map_model_version,
        '{{ var('wave_model_version') }}' as model_version,
        hour_at + interval 1 hour as as_of_at,
        available_at,

    from with_waves

)

select *,

from final

order by hour_at
