{{ config(post_hook="{{ prune_as_of_hours() }}") }}
{%- set hours_kept = 24 * (var('map_inventory_days') | int) %}

with

built as (

    select
        hour_at,
        try_cast(date_trunc('day', hour_at) as timestamp) as from_at,

    from {{ as_of_build_hours() }}

),

midnights as (

    select distinct
        from_at as midnight_at,
        from_at - interval {{ (var('map_inventory_days') | int) - 1 }} day as from_at,

    from built

),

tracked as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in (select hour_at, from built)

),

flows as (

    from {{ ref('int_position_flows_hourly') }}

    where hour_at >= {{ first_hour_read(hours_kept - 1) }}

),

entries as (

    from {{ ref('int_position_entries_hourly') }}

    where hour_at >= {{ first_hour_read(hours_kept - 1) }}

),

levels as (

    from {{ ref('int_liquidation_levels_daily') }}

    where hour_at >= {{ first_hour_read(hours_kept - 24) }}

),

{{ hours_of_positions() }},

{{ placed_levels() }},

{{ carried_levels() }},

day_so_far as (

    select
        built.hour_at,
        built.from_at,
        hours.base_asset,
        min(hours.low_usd) as low_usd,
        max(hours.high_usd) as high_usd,
        exp(sum(hours.ln_kept_long)::double) as kept_long,
        exp(sum(hours.ln_kept_short)::double) as kept_short,
        max(hours.available_at) as available_at,

    from built
    inner join hours
        on hours.hour_at between built.from_at and built.hour_at

    group by all

),

carried_so_far as (

    select
        day_so_far.hour_at,
        carried.base_asset,
        carried.liquidated_side,
        carried.leverage,
        carried.price_bucket,
        carried.position_base
        * case carried.liquidated_side
            when 'long' then day_so_far.kept_long
            else day_so_far.kept_short
        end as position_base,

    from carried
    inner join day_so_far
        on carried.midnight_at = day_so_far.from_at
        and carried.base_asset = day_so_far.base_asset

    where {{ is_out_of_reach(
        'carried.price_bucket', 'day_so_far.low_usd', 'day_so_far.high_usd'
    ) }}

),

alive as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        leverage,
        price_bucket,
        position_base,

    from placed

    union all

    select
        hour_at,
        base_asset,
        liquidated_side,
        leverage,
        price_bucket,
        position_base,

    from carried_so_far

),

by_leverage as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        price_bucket,
        {%- for leverage in mix_leverages() %}
        coalesce(
            sum(try_cast(round(position_base, 8) as decimal(38, 8))) filter (
                where leverage = {{ leverage }}
            ),
            0
        )::double * {{ bucket_middle('price_bucket') }} as mass_{{ leverage }}x_usd,
        {%- endfor %}

    from alive

    group by hour_at, base_asset, liquidated_side, price_bucket

),

fixed_mix as (

    select
        any_value(mix_version) as mix_version,
        {%- for leverage in mix_leverages() %}
        max(weight) filter (where leverage = {{ leverage }}) as fixed_{{ leverage }}x,
        {%- endfor %}

    from {{ ref('leverage_mix') }}

),

-- The mix fitted to the days before, and whether it beat the fixed one on them.
fitted_mixes as (

    select
        hour_at,
        is_default,
        available_at,
        {%- for leverage in mix_leverages() %}
        weight_{{ leverage }}x as fitted_{{ leverage }}x,
        {%- endfor %}

    from {{ ref('int_liquidation_map_scores_daily') }}

    where mix_variant = 'fitted'
        and base_asset = 'ALL'
        and horizon_hours = 24
        and hour_at in (select from_at - interval 1 hour, from built)
        and hour_at >= {{ first_hour_read(24) }}

),

mixes as (

    select
        built.hour_at,
        fixed_mix.*,
        fitted_mixes.available_at,
        {%- for leverage in mix_leverages() %}
        fitted_mixes.fitted_{{ leverage }}x,
        -- How much more of this leverage the mix in use has than the fixed one.
        case
            when fitted_mixes.is_default
                then fitted_mixes.fitted_{{ leverage }}x / fixed_mix.fixed_{{ leverage }}x
            else 1.0
        end as scale_{{ leverage }}x,
        {%- endfor %}
        case when fitted_mixes.is_default then 'fitted' else 'fixed' end as mix_variant,

    from built
    cross join fixed_mix
    left join fitted_mixes
        on built.from_at - interval 1 hour = fitted_mixes.hour_at

),

weighted as (

    select
        by_leverage.*,
        mixes.mix_variant,
        mixes.mix_version,
        mixes.available_at as mix_available_at,
        {% for leverage in mix_leverages() -%}
        mixes.fixed_{{ leverage }}x * by_leverage.mass_{{ leverage }}x_usd
        {%- if not loop.last %} + {% endif %}
        {%- endfor %} as fixed_mass_usd,
        {% for leverage in mix_leverages() -%}
        mixes.fitted_{{ leverage }}x * by_leverage.mass_{{ leverage }}x_usd
        {%- if not loop.last %} + {% endif %}
        {%- endfor %} as fitted_mass_usd,

    from by_leverage
    inner join mixes
        on by_leverage.hour_at = mixes.hour_at

),

with_totals as (

    select
        *,
        case mix_variant when 'fitted' then fitted_mass_usd else fixed_mass_usd end as mass_usd,
        sum(
            try_cast(
                round(
                    case mix_variant when 'fitted' then fitted_mass_usd else fixed_mass_usd end, 4
                ) as decimal(38, 4)
            )
        ) over (partition by hour_at, base_asset, liquidated_side)::double as side_total_usd,

    from weighted

),

prices as (

    select distinct
        entries.hour_at,
        entries.base_asset,
        entries.hour_close_usd as price_usd,
        entries.price_source,
        greatest(day_so_far.available_at, known_at_midnight.available_at) as available_at,

    from entries
    inner join tracked
        on entries.hour_at = tracked.hour_at
        and entries.base_asset = tracked.base_asset
    inner join day_so_far
        on entries.hour_at = day_so_far.hour_at
        and entries.base_asset = day_so_far.base_asset
    left join known_at_midnight
        on day_so_far.from_at = known_at_midnight.midnight_at
        and day_so_far.base_asset = known_at_midnight.base_asset

),

listed as (

    select
        with_totals.*,
        prices.price_usd,
        prices.price_source,
        greatest(prices.available_at, with_totals.mix_available_at) as available_at,
        array_value(
            {%- for leverage in mix_leverages() %}
            with_totals.mass_{{ leverage }}x_usd{% if not loop.last %},{% endif %}
            {%- endfor %}
        ) as masses_usd,
        {% for leverage in mix_leverages() -%}
        (with_totals.mass_{{ leverage }}x_usd > 0)::integer{% if not loop.last %} + {% endif %}
        {%- endfor %} as leverages,
        case
            {%- for leverage in mix_leverages() %}
            when with_totals.mass_{{ leverage }}x_usd > 0 then {{ loop.index }}
            {%- endfor %}
        end as first_leverage,
        round(100 * ({{ bucket_middle('price_bucket') }} / prices.price_usd - 1), 6)
            as distance_percent,

    from with_totals
    inner join prices
        on with_totals.hour_at = prices.hour_at
        and with_totals.base_asset = prices.base_asset

    where with_totals.mass_usd >= {{ var('map_level_floor_usd') }}
        and with_totals.mass_usd
        >= {{ var('map_level_floor_share') }} * with_totals.side_total_usd
        and {{ bucket_middle('price_bucket') }} between
            prices.price_usd * {{ 1 - (var('map_max_distance_percent') | int) / 100 }}
            and prices.price_usd * {{ 1 + (var('map_max_distance_percent') | int) / 100 }}

),

draws as (

    select
        draw,
        {%- for leverage in mix_leverages() %}
        max(weight) filter (where leverage = {{ leverage }}) as drawn_{{ leverage }}x,
        {%- endfor %}

    from {{ ref('leverage_mix_draws') }}

    group by draw

),

-- Draws are moved to the mix in use by its weights over the fixed ones, and sum to 1 again.
moved_draws as (

    select
        mixes.hour_at,
        draws.draw,
        {%- for leverage in mix_leverages() %}
        draws.drawn_{{ leverage }}x * mixes.scale_{{ leverage }}x as moved_{{ leverage }}x,
        {%- endfor %}
        {% for leverage in mix_leverages() -%}
        moved_{{ leverage }}x
        {%- if not loop.last %} + {% endif %}
        {%- endfor %} as moved_total,

    from draws
    cross join mixes

),

draws_of_hours as (

    select
        hour_at,
        list(
            array_value(
                {%- for leverage in mix_leverages() %}
                moved_{{ leverage }}x / moved_total{% if not loop.last %},{% endif %}
                {%- endfor %}
            )
            order by draw
        ) as mixes_drawn,
        -- Of each leverage alone, in the same order.
        [
            {%- for leverage in mix_leverages() %}
            quantile_disc(moved_{{ leverage }}x / moved_total, [0.1, 0.5, 0.9])
            {%- if not loop.last %},{% endif %}
            {%- endfor %}
        ] as shares_drawn,

    from moved_draws

    group by hour_at

),

-- The estimates of the drawn mixes at 10, 50 and 90%: of a hundred, the 10th, 50th and 90th.
-- Materialized, so that they are drawn once and not for each of them.
with_draws as materialized (

    select
        listed.*,
        case
            -- Most rows have one leverage: the order of its shares is that of the estimates.
            when listed.leverages = 1
                then list_transform(
                    draws_of_hours.shares_drawn[listed.first_leverage],
                    lambda share: share * listed.masses_usd[listed.first_leverage]
                )
            else list_aggregate(
                list_transform(
                    draws_of_hours.mixes_drawn,
                    lambda mix: array_inner_product(mix, listed.masses_usd)
                ),
                'quantile_disc',
                [0.1, 0.5, 0.9]
            )
        end as drawn_usd,

    from listed
    inner join draws_of_hours
        on listed.hour_at = draws_of_hours.hour_at

),

final as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        price_bucket,
        round(pow(1.0025, price_bucket), 14) as bucket_low_usd,
        round(pow(1.0025, price_bucket + 1), 14) as bucket_high_usd,
        round(mass_usd, 4) as mass_usd,
        round(drawn_usd[1], 4) as mass_low_usd,
        round(drawn_usd[2], 4) as mass_mid_usd,
        round(drawn_usd[3], 4) as mass_high_usd,
        round(fixed_mass_usd, 4) as fixed_mass_usd,
        round(fitted_mass_usd, 4) as fitted_mass_usd,
        {%- for leverage in mix_leverages() %}
        round(mass_{{ leverage }}x_usd, 4) as mass_{{ leverage }}x_usd,
        {%- endfor %}
        round(side_total_usd, 4) as side_total_usd,
        round(mass_usd / side_total_usd, 8) as side_share,
        count(*) over (partition by hour_at, base_asset, liquidated_side)::integer
            as side_buckets,
        price_usd,
        price_source,
        distance_percent,
        mix_variant,
        mix_version,
        '{{ var('map_model_version') }}' as model_version,
        try_cast(date_trunc('day', hour_at) as timestamp)
        - interval {{ (var('map_inventory_days') | int) - 1 }} day as window_start_at,
        hour_at + interval 1 hour as window_end_at,
        hour_at + interval 1 hour as as_of_at,
        available_at,

    from with_draws

)

select *,

from final

order by hour_at
