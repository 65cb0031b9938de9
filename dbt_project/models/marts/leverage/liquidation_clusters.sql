{#- Kinds of price at the market. The others (bankruptcy, limit_order, entry, unknown) are off it by
an amount that differs between venues. #}
{%- set market_price_kinds = "('fill_avg', 'mark')" -%}
{{ config(post_hook="{{ prune_as_of_hours() }}") }}

with

built_hours as (

    select hour_at,

    from {{ as_of_build_hours() }}

),

hourly as (

    from {{ ref('int_liquidations_by_bucket') }}

    where hour_at >= {{ first_hour_read(719) }}

),

tracked as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in (select hour_at, from built_hours)

),

prices as (

    from {{ ref('int_price_windows_hourly') }}

    where hour_at >= {{ first_hour_read(719) }}

),

-- An hour's liquidations enter all three windows at once and leave them one after the other. Summing
-- what enters and leaves costs as much as there are rows, not rows times hours; in decimals an empty
-- window is exactly zero. Changes before the first hour built are combined into one. What the 30 days
-- hold until the last hour built was available when the latest of it was; what leaves before that stays
-- at its own hour.
built_span as (

    select
        min(hour_at) as first_at,
        max(hour_at) as last_at,

    from built_hours

),

changes as (

    select
        hourly.base_asset,
        hourly.price_kind,
        hourly.price_bucket,
        case
            when step.hours_later is null
                and hourly.hour_at + interval 720 hour <= built_span.last_at
                then hourly.hour_at
            else greatest(
                hourly.hour_at + to_hours(coalesce(step.hours_later, 0)), built_span.first_at
            )
        end as changed_at,
        max(hourly.available_at) filter (where step.hours_later is null) as entered_available_at,
        {% for side in ['long', 'short'] -%}
        {% for span in ['24h', '7d', '30d'] -%}
        sum(
            case step.in_{{ span }}
                when 1 then hourly.{{ side }}_usd
                when -1 then -hourly.{{ side }}_usd
                else 0
            end
        ) as {{ side }}_{{ span }}_change,
        {% endfor -%}
        {% endfor %}

    from hourly
    cross join (
        values (0, 1, 1, 1), (24, -1, 0, 0), (168, 0, -1, 0), (720, 0, 0, -1), (null, 0, 0, 0)
    ) as step (hours_later, in_24h, in_7d, in_30d)
    cross join built_span

    where hourly.hour_at + to_hours(coalesce(step.hours_later, 0)) <= built_span.last_at

    group by all

),

active as (

    select
        base_asset,
        price_kind,
        price_bucket,
        changed_at as from_at,
        lead(changed_at) over by_change as until_at,
        max(entered_available_at) over (
            by_change range between interval 719 hour preceding and current row
        ) as available_at,
        {% for side in ['long', 'short'] -%}
        {% for span in ['24h', '7d', '30d'] -%}
        try_cast(sum({{ side }}_{{ span }}_change) over by_change as decimal(38, 4))
            as {{ side }}_{{ span }}_usd,
        {% endfor -%}
        {% endfor %}

    from changes

    window by_change as (partition by base_asset, price_kind, price_bucket order by changed_at)

    qualify long_30d_usd + short_30d_usd > 0

),

active_hourly as (

    select
        active.*,
        unnest(
            range(
                active.from_at,
                coalesce(active.until_at, built_span.last_at + interval 1 hour),
                interval 1 hour
            )
        ) as hour_at,

    from active
    cross join built_span

),

buckets as (

    select
        active_hourly.*,
        pow(1.0025, active_hourly.price_bucket) as low_usd,
        pow(1.0025, active_hourly.price_bucket + 0.5) as middle_usd,
        pow(1.0025, active_hourly.price_bucket + 1) as high_usd,

    from active_hourly
    inner join tracked
        on active_hourly.hour_at = tracked.hour_at
        and active_hourly.base_asset = tracked.base_asset

),

-- When the prices of the hour's last 30 days, in which swing lows are sought, were available.
priced as (

    select
        hour_at,
        base_asset,
        greatest(
            tracked_available_at,
            max(available_at) over (
                partition by base_asset
                order by hour_at
                range between interval 719 hour preceding and current row
            )
        ) as available_at,

    from (
        select
            hour_at,
            base_asset,
            null::timestamp as available_at,
            true as is_tracked,
            available_at as tracked_available_at,

        from tracked

        union all by name

        select
            hour_at,
            base_asset,
            available_at,
            false as is_tracked,

        from prices
    ) as tracked_and_prices

    qualify is_tracked

),

swing_lows as (

    select distinct
        tracked.hour_at,
        tracked.base_asset,
        prices.confirmed_swing_low_usd as swing_low_usd,

    from tracked
    inner join prices
        on tracked.base_asset = prices.base_asset
        and tracked.hour_at >= prices.hour_at
        and prices.hour_at > tracked.hour_at - interval 720 hour

    where prices.confirmed_swing_low_usd is not null

),

with_swing_lows as (

    select
        buckets.*,
        case
            when above.swing_low_usd / buckets.middle_usd
                < coalesce(buckets.middle_usd / below.swing_low_usd, 'infinity'::double)
                then above.swing_low_usd
            else below.swing_low_usd
        end as nearest_swing_low_usd,

    from buckets
    asof left join swing_lows as below
        on buckets.hour_at = below.hour_at
        and buckets.base_asset = below.base_asset
        and buckets.middle_usd >= below.swing_low_usd
    asof left join swing_lows as above
        on buckets.hour_at = above.hour_at
        and buckets.base_asset = above.base_asset
        and buckets.middle_usd < above.swing_low_usd

),

spots as (

    select
        *,
        try_cast(floor({{ natural_log('close_usd') }} / ln(1.0025)) as integer) as spot_bucket,

    from prices

),

final as (

    select
        with_swing_lows.hour_at,
        with_swing_lows.base_asset,
        with_swing_lows.price_kind,
        with_swing_lows.price_kind in {{ market_price_kinds }} as is_market_price,
        with_swing_lows.price_bucket,
        round(with_swing_lows.low_usd, 14) as bucket_low_usd,
        round(with_swing_lows.high_usd, 14) as bucket_high_usd,
        with_swing_lows.long_24h_usd,
        with_swing_lows.short_24h_usd,
        with_swing_lows.long_7d_usd,
        with_swing_lows.short_7d_usd,
        with_swing_lows.long_30d_usd,
        with_swing_lows.short_30d_usd,
        prices.close_usd as spot_usd,
        prices.realised_volatility_24h,
        case
            when with_swing_lows.price_bucket < prices.spot_bucket then 'below'
            when with_swing_lows.price_bucket > prices.spot_bucket then 'above'
            when with_swing_lows.price_bucket = prices.spot_bucket then 'holds_spot'
        end as relative_to_spot,
        -- The bucket that contains the spot price lies on both sides of it: its distance is zero.
        case
            when relative_to_spot = 'holds_spot' then 0
            else round(100 * (with_swing_lows.middle_usd / prices.close_usd - 1), 6)
        end as distance_to_spot_percent,
        case
            when prices.realised_volatility_24h > 0 and relative_to_spot = 'holds_spot' then 0
            when prices.realised_volatility_24h > 0
                then round(
                    {{ natural_log('(with_swing_lows.middle_usd / prices.close_usd)') }}
                    / prices.realised_volatility_24h,
                    6
                )
        end as distance_to_spot_sigmas,
        with_swing_lows.nearest_swing_low_usd,
        round(
            100 * (with_swing_lows.middle_usd / with_swing_lows.nearest_swing_low_usd - 1), 6
        ) as distance_to_swing_low_percent,
        prices.low_24h_usd,
        round(100 * (with_swing_lows.middle_usd / prices.low_24h_usd - 1), 6)
            as distance_to_low_24h_percent,
        with_swing_lows.hour_at - interval 719 hour as window_start_at,
        with_swing_lows.hour_at + interval 1 hour as window_end_at,
        with_swing_lows.hour_at + interval 1 hour as as_of_at,
        greatest(with_swing_lows.available_at, priced.available_at) as available_at,

    from with_swing_lows
    inner join priced
        on with_swing_lows.hour_at = priced.hour_at
        and with_swing_lows.base_asset = priced.base_asset
    left join spots as prices
        on with_swing_lows.hour_at = prices.hour_at
        and with_swing_lows.base_asset = prices.base_asset

)

select *,

from final

order by hour_at
