-- How leverage left an asset, or all tracked ones, over the 24 hours that end with the hour, by rules in a fixed order.
--
-- A rule that cannot be judged, as an input is unknown, leaves the class open: the later ones hold only
-- where the earlier ones do not.
-- Tables with an available_at of their own: leverage_hourly's is that of its changes, too.
{%- set tables = [
    'leverage', 'forced', 'peaks', 'first_prices', 'volatilities', 'waves', 'frozen_thresholds',
] %}
{%- set month_hours = 720 %}
-- Where an episode that closed within a week may have begun, and the pause before it.
{%- set wave_hours = 167 + var('episode_max_hours') + 1 %}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

leverage as (

    select
        hour_at,
        base_asset,
        oi_change_24h_share,
        available_at,

    from {{ ref('leverage_hourly') }}

    where hour_at in {{ build_hours() }}

),

open_interest_changes as (

    select
        hour_at,
        base_asset,
        matched_start_24h_usd,

    from {{ ref('int_asset_open_interest_changes_hourly') }}

    where hour_at in {{ build_hours() }}

),

open_interest as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        oi_start_base,
        oi_end_base,
        available_at,

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

liquidations as (

    select
        hour_at,
        venue,
        base_asset,
        total_usd,
        available_at,

    from {{ ref('liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

hidden as (

    from {{ ref('int_hidden_liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

imbalances as (

    select
        hour_at,
        base_asset,
        long_1h_usd,
        long_24h_usd = 0 and short_24h_usd = 0 as had_none,
        available_at,

    from {{ ref('liquidation_imbalance_hourly') }}

    where hour_at >= {{ first_hour_read(wave_hours) }}

),

first_prices as (

    select
        hour_at + interval 23 hour as hour_at,
        base_asset,
        open_usd as start_price_usd,
        available_at,

    from {{ ref('int_asset_prices_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

price_windows as (

    select
        hour_at,
        base_asset,
        log_return,
        low_24h_usd,
        available_at,

    from {{ ref('int_price_windows_hourly') }}

    where hour_at >= {{ first_hour_read(month_hours - 1) }}

),

episodes as (

    select
        hour_at,
        base_asset,
        oi_change_share,
        available_at,

    from {{ ref('int_liquidation_episodes') }}

    where not is_open
        and hour_at >= {{ first_hour_read(167) }}

),

thresholds as (

    select
        hour_at,
        base_asset,
        available_at,

    from {{ ref('int_liquidation_thresholds_daily') }}

    where hour_at >= {{ first_hour_read(wave_hours + 23) }}

),

grid as (

    select
        hour_at,
        base_asset,
        available_at,

    from tracked_assets

    union all

    select
        hour_at,
        'ALL' as base_asset,
        null::timestamp as available_at,

    from hours

),

-- Of the assets whose change in coins is known, as leverage_hourly weighs them.
starts as (

    select
        tracked_assets.hour_at,
        coalesce(tracked_assets.base_asset, 'ALL') as base_asset,
        sum(open_interest_changes.matched_start_24h_usd)::double as oi_start_usd,

    from tracked_assets
    inner join leverage
        on tracked_assets.hour_at = leverage.hour_at
        and tracked_assets.base_asset = leverage.base_asset
    inner join open_interest_changes
        on tracked_assets.hour_at = open_interest_changes.hour_at
        and tracked_assets.base_asset = open_interest_changes.base_asset

    where leverage.oi_change_24h_share is not null

    group by tracked_assets.hour_at, rollup(tracked_assets.base_asset)

),

-- Venues with an instrument whose open interest is known at both ends of the 24 hours.
matched_venues as (

    select
        closing.hour_at,
        closing.venue,
        closing.base_asset,
        max(greatest(closing.available_at, opening.available_at)) as available_at,

    from open_interest as closing
    inner join tracked_assets
        on closing.hour_at = tracked_assets.hour_at
        and closing.base_asset = tracked_assets.base_asset
    inner join open_interest as opening
        on closing.hour_at - interval 23 hour = opening.hour_at
        and closing.venue = opening.venue
        and closing.instrument = opening.instrument
        and closing.base_asset = opening.base_asset

    where closing.oi_end_base is not null
        and opening.oi_start_base is not null

    group by all

),

-- Numerator and denominator of the forced ratio are of the same venues.
forced as (

    select
        matched_venues.hour_at,
        coalesce(matched_venues.base_asset, 'ALL') as base_asset,
        sum(liquidations.total_usd) as forced_24h_usd,
        max(greatest(matched_venues.available_at, liquidations.available_at)) as available_at,
        {{- summed_moments('hidden', sides=['total']) }}

    from matched_venues
    inner join liquidations
        on matched_venues.venue = liquidations.venue
        and matched_venues.base_asset = liquidations.base_asset
        and liquidations.hour_at between matched_venues.hour_at - interval 23 hour
        and matched_venues.hour_at
    left join hidden
        on liquidations.hour_at = hidden.hour_at
        and liquidations.venue = hidden.venue
        and liquidations.base_asset = hidden.base_asset

    group by matched_venues.hour_at, rollup(matched_venues.base_asset)

),

peaks as (

    select
        hour_at,
        base_asset,
        had_none,
        sum(long_1h_usd) over last_day as long_24h_usd,
        max(long_1h_usd) over last_day as peak_hour_usd,
        -- Where there was no episode, that is known from these hours as well.
        max(available_at) over (
            by_hour range between interval {{ wave_hours }} hour preceding and current row
        ) as available_at,

    from imbalances

    window
        by_hour as (partition by base_asset order by hour_at),
        last_day as (by_hour range between interval 23 hour preceding and current row)

    qualify hour_at in {{ build_hours() }}

),

volatilities as (

    select
        hour_at,
        base_asset,
        low_24h_usd,
        -- As realised_volatility_24h, over 30 days: a missing hour counts as an average one.
        case
            when count(log_return) over last_month >= 0.75 * {{ month_hours }}
                then round(
                    sqrt(
                        24
                        * sum(try_cast(log_return * log_return as decimal(38, 18)))
                            over last_month::double
                        / count(log_return) over last_month
                    ),
                    8
                )
        end as daily_volatility_30d,
        max(available_at) over last_month as available_at,

    from price_windows

    window last_month as (
        partition by base_asset
        order by hour_at
        range between interval {{ month_hours - 1 }} hour preceding and current row
    )

    qualify hour_at in {{ build_hours() }}

),

waves as (

    select
        grid.hour_at,
        grid.base_asset,
        count(*) as episodes_7d,
        count(*) filter (
            where episodes.oi_change_share
            between {{ var('staged_min_oi_change') }} and {{ var('staged_max_oi_change') }}
        ) as stages_7d,
        count(*) filter (where episodes.oi_change_share is null) as unknown_oi_episodes_7d,
        min(episodes.oi_change_share) as smallest_episode_oi_change_share,
        max(episodes.available_at) as available_at,

    from grid
    inner join episodes
        on grid.base_asset = episodes.base_asset
        and episodes.hour_at between grid.hour_at - interval 167 hour and grid.hour_at

    group by all

),

frozen_thresholds as (

    select
        grid.hour_at,
        grid.base_asset,
        max(thresholds.available_at) as available_at,

    from grid
    inner join thresholds
        on grid.base_asset = thresholds.base_asset
        and thresholds.hour_at
        between grid.hour_at - interval {{ wave_hours + 23 }} hour and grid.hour_at

    group by all

),

inputs as (

    select
        grid.hour_at,
        grid.base_asset,
        leverage.oi_change_24h_share,
        starts.oi_start_usd,
        case
            when leverage.oi_change_24h_share < 0
                then -leverage.oi_change_24h_share * starts.oi_start_usd
        end as oi_fall_24h_usd,
        -- Where nothing was published, and that is known, there is no row to sum.
        coalesce(forced.forced_24h_usd, if(peaks.had_none, 0, null)) as forced_24h_usd,
        forced.* exclude (hour_at, base_asset, forced_24h_usd, available_at),
        peaks.long_24h_usd,
        round((peaks.peak_hour_usd / nullif(peaks.long_24h_usd, 0))::double, 6) as peak_hour_share,
        first_prices.start_price_usd,
        volatilities.low_24h_usd,
        case
            when volatilities.low_24h_usd is not null and first_prices.start_price_usd > 0
                then round(
                    greatest(0, 1 - volatilities.low_24h_usd / first_prices.start_price_usd), 8
                )
        end as drawdown_24h_share,
        volatilities.daily_volatility_30d,
        coalesce(waves.episodes_7d, 0)::integer as episodes_7d,
        coalesce(waves.stages_7d, 0)::integer as stages_7d,
        coalesce(waves.unknown_oi_episodes_7d, 0)::integer as unknown_oi_episodes_7d,
        waves.smallest_episode_oi_change_share,
        greatest(
            {%- for table in tables %}
            {{ table }}.available_at,
            {%- endfor %}
            grid.available_at
        ) as available_at,

    from grid
    {%- for table in ['starts'] + tables %}
    left join {{ table }}
        on grid.hour_at = {{ table }}.hour_at
        and grid.base_asset = {{ table }}.base_asset
    {%- endfor %}

),

with_intervals as (

    select
        *,
        {{- interval_columns('forced_24h_usd', 'usd', 'total') }}
        {{ is_partly_unestimated('usd', 'total') }} as has_unestimated_part,

    from inputs

),

with_ratios as (

    select
        *,
        {%- for end in ['', '_low', '_mid', '_high'] %}
        round(forced_24h_usd{{ end }}::double / nullif(oi_fall_24h_usd, 0), 6)
            as forced_ratio{{ end }},
        {%- endfor %}

    from with_intervals

),

-- In SQL's three values: a condition that fails decides, whatever is unknown beside it. Without long
-- liquidations there is no peak hour, and no rule that needs one holds.
judged as (

    select
        *,
        oi_change_24h_share <= {{ var('capitulation_max_oi_change') }}
        and if(
            long_24h_usd = 0,
            false,
            peak_hour_share >= {{ var('capitulation_min_peak_hour_share') }}
        )
        and drawdown_24h_share
        >= {{ var('capitulation_min_drawdown_sigmas') }} * daily_volatility_30d as is_capitulation,
        case
            when smallest_episode_oi_change_share < {{ var('staged_min_oi_change') }} then false
            when stages_7d + unknown_oi_episodes_7d < {{ var('staged_min_episodes') }} then false
            when unknown_oi_episodes_7d = 0 then true
        end
        and if(long_24h_usd = 0, false, peak_hour_share < {{ var('staged_max_peak_hour_share') }})
            as is_staged,
        oi_change_24h_share <= {{ var('voluntary_max_oi_change') }}
        and forced_ratio_high < {{ var('voluntary_max_forced_ratio') }} as is_voluntary,
        case
            when is_capitulation then 'capitulation'
            when is_capitulation is null then 'capitulation_unknown'
            when is_staged then 'staged'
            when is_staged is null then 'staged_unknown'
            when is_voluntary then 'voluntary'
            when is_voluntary is null then 'voluntary_unknown'
            else 'none_holds'
        end as deciding_rule,

    from with_ratios

),

final as (

    select
        hour_at,
        base_asset,
        case
            when deciding_rule = 'none_holds' then 'mixed'
            when not ends_with(deciding_rule, '_unknown') then deciding_rule
        end as unwind_class,
        deciding_rule,
        is_capitulation,
        is_staged,
        is_voluntary,
        oi_change_24h_share,
        oi_start_usd,
        oi_fall_24h_usd,
        forced_24h_usd,
        forced_24h_usd_low,
        forced_24h_usd_mid,
        forced_24h_usd_high,
        has_unestimated_part,
        forced_ratio,
        forced_ratio_low,
        forced_ratio_mid,
        forced_ratio_high,
        long_24h_usd,
        peak_hour_share,
        start_price_usd,
        low_24h_usd,
        drawdown_24h_share,
        daily_volatility_30d,
        episodes_7d,
        stages_7d,
        unknown_oi_episodes_7d,
        smallest_episode_oi_change_share,
        {%- for name in [
            'capitulation_max_oi_change', 'capitulation_min_peak_hour_share',
            'capitulation_min_drawdown_sigmas', 'staged_min_oi_change', 'staged_max_oi_change',
            'staged_max_peak_hour_share', 'voluntary_max_oi_change', 'voluntary_max_forced_ratio',
        ] %}
        {{ var(name) }}::double as {{ name }},
        {%- endfor %}
        {{ var('staged_min_episodes') }}::integer as staged_min_episodes,
        '{{ var('unwind_label_version') }}' as label_version,
        hour_at - interval 23 hour as window_start_at,
        hour_at + interval 1 hour as window_end_at,
        hour_at + interval 1 hour as as_of_at,
        available_at,

    from judged

)

select *,

from final

order by hour_at
