-- One row per episode of forced long selling and base_asset or ALL, under the hour in which it is over (or,
-- while it is open, under the spine's last hour): from that hour and those before it alone.
--
-- A minute with more than the day's open threshold opens an episode; 15 minutes at or under the close
-- threshold end it. So episodes lie within runs of minutes over the close threshold with fewer than 15
-- others between them, each from its first minute over the open threshold on. A run that began 48
-- hours before a UTC midnight or earlier is cut there: no hour depends on more than
-- episode_max_hours before it.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set hours_read = var('episode_max_hours') + 1 %}
{%- set quiet_minutes = var('episode_quiet_minutes') %}
{%- set cut_hours = var('episode_max_hours') - 24 %}
{%- set sides = ['long', 'short', 'total'] %}

with

spine as (

    select
        max(hour_at) as last_hour_at,
        max(hour_at) + interval 1 hour as end_at,

    from {{ source('ops', 'hours') }}

),

minutely as (

    from {{ ref('liquidations_minutely') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

hidden as (

    from {{ ref('int_hidden_liquidations_minutely') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

hidden_hourly as (

    from {{ ref('int_hidden_liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

thresholds as (

    from {{ ref('int_liquidation_thresholds_daily') }}

    where hour_at >= {{ first_hour_read(hours_read + 23) }}

),

liquidations as (

    select
        unnest([base_asset, 'ALL']) as base_asset,
        venue,
        event_at,

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and liquidated_side = 'long'
        and hour_at >= {{ first_hour_read(hours_read) }}

),

coverage as (

    from {{ ref('int_asset_coverage_hourly') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

open_interest as (

    select
        hour_at,
        venue,
        instrument,
        unnest([base_asset, 'ALL']) as base_asset,
        oi_start_base,
        oi_end_base,
        oi_start_usd,
        available_at,

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

prices as (

    from {{ ref('int_asset_prices_hourly') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

of_markets as (

    select
        * exclude (base_asset),
        base_asset as asset,
        unnest([base_asset, 'ALL']) as base_asset,

    from minutely

),

minutes as (

    select
        minute_at,
        base_asset,
        sum(long_usd) as long_usd,
        max(available_at) as available_at,

    from of_markets

    group by all

),

active as (

    select
        minutes.* replace (
            greatest(minutes.available_at, thresholds.available_at) as available_at
        ),
        thresholds.hour_at as day_at,
        thresholds.open_threshold_usd,
        minutes.minute_at - lag(minutes.minute_at) over by_asset
        <= interval {{ quiet_minutes }} minute as is_continuing,

    from minutes
    inner join thresholds
        on minutes.base_asset = thresholds.base_asset
        and date_trunc('day', minutes.minute_at) = thresholds.hour_at
        and minutes.long_usd > thresholds.close_threshold_usd

    window by_asset as (partition by minutes.base_asset order by minutes.minute_at)

),

numbered as (

    select
        *,
        count(case when is_continuing is distinct from true then 1 end) over (
            partition by base_asset order by minute_at
        ) as run_number,

    from active

),

runs as (

    select
        *,
        min(minute_at) over (partition by base_asset, run_number) as run_started_at,
        case when run_started_at <= day_at - interval {{ cut_hours }} hour then day_at end
            as cut_at,

    from numbered

),

grouped as (

    select
        base_asset,
        min(minute_at) filter (where long_usd > open_threshold_usd) as started_at,
        min(day_at) filter (where long_usd > open_threshold_usd) as started_day_at,
        max(minute_at) as last_minute_at,
        max(day_at) + interval 1 day as next_day_at,
        any_value(run_started_at) as run_started_at,
        max(available_at) as available_at,

    from runs

    group by base_asset, run_number, cut_at

),

found as (

    select
        *,
        last_minute_at + interval {{ quiet_minutes + 1 }} minute as quiet_at,
        run_started_at <= next_day_at - interval {{ cut_hours }} hour and next_day_at <= quiet_at
            as is_cut,
        case when is_cut then next_day_at else quiet_at end as closed_at,

    from grouped

    where started_at is not null

),

episodes as (

    select
        case
            when found.closed_at > spine.end_at then spine.last_hour_at
            else date_trunc('hour', found.closed_at - interval 1 minute)
        end as hour_at,
        found.base_asset,
        found.started_at,
        found.closed_at > spine.end_at as is_open,
        found.last_minute_at,
        -- Anything in the pause before it would have begun it earlier.
        date_trunc('hour', found.run_started_at - interval {{ quiet_minutes }} minute)
            as first_covered_hour_at,
        date_trunc('hour', found.started_at) as first_hour_at,
        date_trunc('hour', found.last_minute_at) as last_hour_at,
        case when not is_open then found.last_minute_at + interval 1 minute end as ended_at,
        case when not is_open then found.closed_at end as closed_at,
        case when not is_open then found.is_cut end as is_cut,
        thresholds.open_threshold_usd,
        thresholds.close_threshold_usd,
        thresholds.history_hours as threshold_history_hours,
        found.available_at,

    from found
    cross join spine
    inner join thresholds
        on found.base_asset = thresholds.base_asset
        and found.started_day_at = thresholds.hour_at

    where found.closed_at - interval 1 minute >= {{ first_hour_read(0) }}

),

pending as (

    from episodes

    where hour_at in {{ build_hours() }}

),

of_minutes as (

    select
        pending.base_asset,
        pending.started_at,
        of_markets.minute_at,
        of_markets.hour_at,
        of_markets.venue,
        of_markets.asset,
        of_markets.long_usd,
        of_markets.short_usd,
        of_markets.total_usd,
        of_markets.long_events,
        of_markets.short_events,
        of_markets.is_lower_bound,
        of_markets.available_at,
        hidden.* exclude (minute_at, hour_at, venue, base_asset, available_at),

    from pending
    inner join of_markets
        on pending.base_asset = of_markets.base_asset
        and of_markets.minute_at between pending.started_at and pending.last_minute_at
    left join hidden
        on of_markets.minute_at = hidden.minute_at
        and of_markets.venue = hidden.venue
        and of_markets.asset = hidden.base_asset

),

-- The errors of an hour's minutes are in part the same: the variance of a part of an hour is the
-- smaller of the whole hour's and of the square of the minutes' summed standard deviations
-- (docs/coverage.md).
of_hours as (

    select
        of_minutes.base_asset,
        of_minutes.started_at,
        of_minutes.hour_at,
        of_minutes.venue,
        of_minutes.asset,
        {%- for side in sides %}
        sum(of_minutes.{{ side }}_usd) as {{ side }}_usd,
        {%- for moment in moments() %}
        {%- set column = side ~ '_' ~ moment %}
        {%- if moment.endswith('_variance') %}
        least(
            any_value(hidden_hourly.{{ column }})::double,
            sum(try_cast(sqrt(of_minutes.{{ column }}::double) as decimal(38, 6)))::double ** 2
        ) as {{ column }},
        {%- else %}
        sum(of_minutes.{{ column }}) as {{ column }},
        {%- endif %}
        {%- endfor %}
        {%- endfor %}
        sum(of_minutes.long_events) as long_events,
        sum(of_minutes.short_events) as short_events,
        bool_or(of_minutes.is_lower_bound) as is_lower_bound,
        max(of_minutes.available_at) as available_at,

    from of_minutes
    left join hidden_hourly
        on of_minutes.hour_at = hidden_hourly.hour_at
        and of_minutes.venue = hidden_hourly.venue
        and of_minutes.asset = hidden_hourly.base_asset

    group by all

),

totals as (

    select
        base_asset,
        started_at,
        {%- for side in sides %}
        sum({{ side }}_usd) as {{ side }}_usd,
        {%- for moment in moments() %}
        {%- set column = side ~ '_' ~ moment %}
        {%- if moment.endswith('_variance') %}
        sum(try_cast({{ column }} as decimal(38, 4))) as {{ column }},
        {%- else %}
        sum({{ column }}) as {{ column }},
        {%- endif %}
        {%- endfor %}
        {%- endfor %}
        sum(long_events)::bigint as long_events,
        sum(short_events)::bigint as short_events,
        count(distinct venue) filter (where long_events > 0) as long_venues,
        bool_or(is_lower_bound) as is_lower_bound,
        max(available_at) as available_at,

    from of_hours

    group by all

),

by_minute as (

    select
        base_asset,
        started_at,
        minute_at,
        coalesce(sum(long_usd), 0) as long_usd,
        row_number() over (
            partition by base_asset, started_at
            order by sum(long_usd) desc nulls last, minute_at asc
        ) as place,

    from of_minutes

    group by base_asset, started_at, minute_at

),

shapes as (

    select
        base_asset,
        started_at,
        max(minute_at) filter (where place = 1) as peak_minute_at,
        max(long_usd) as peak_minute_usd,
        sum(long_usd) filter (where place <= 10) as top_10_minutes_usd,
        sum(long_usd) as all_minutes_usd,

    from by_minute

    group by all

),

-- Half of what was liquidated after the peak minute.
after_peak as (

    select
        by_minute.base_asset,
        by_minute.started_at,
        date_diff('minute', shapes.peak_minute_at, by_minute.minute_at) as minutes_after_peak,
        2 * sum(by_minute.long_usd) over (
            by_episode order by by_minute.minute_at
        ) >= sum(by_minute.long_usd) over by_episode as has_half,
        sum(by_minute.long_usd) over by_episode as after_peak_usd,

    from by_minute
    inner join shapes
        on by_minute.base_asset = shapes.base_asset
        and by_minute.started_at = shapes.started_at
        and by_minute.minute_at > shapes.peak_minute_at

    window by_episode as (partition by by_minute.base_asset, by_minute.started_at)

),

half_lives as (

    select
        base_asset,
        started_at,
        min(minutes_after_peak) filter (where has_half and after_peak_usd > 0)
            as half_life_minutes,

    from after_peak

    group by all

),

-- Venues date to the second or finer: what falls in one second has no order.
first_seconds as (

    select
        pending.base_asset,
        pending.started_at,
        liquidations.venue,
        min(date_trunc('second', liquidations.event_at)) as first_at,

    from pending
    inner join liquidations
        on pending.base_asset = liquidations.base_asset
        and pending.started_at <= liquidations.event_at
        and pending.last_minute_at + interval 1 minute > liquidations.event_at

    group by all

),

ranked_venues as (

    select
        *,
        rank() over (partition by base_asset, started_at order by first_at) as place,

    from first_seconds

),

movers as (

    select
        base_asset,
        started_at,
        case when count(*) filter (where place = 1) = 1 then min_by(venue, place) end
            as first_mover,
        date_diff(
            'second', min(first_at), min(first_at) filter (where place > 1)
        ) as first_mover_lead_seconds,

    from ranked_venues

    group by all

),

-- Of the same instruments at the start of the first hour and at the end of the last one.
both_ends as (

    select
        pending.base_asset,
        pending.started_at,
        opening.oi_start_base,
        closing.oi_end_base,
        opening.oi_start_usd,
        greatest(opening.available_at, closing.available_at) as available_at,

    from pending
    inner join open_interest as opening
        on pending.base_asset = opening.base_asset
        and pending.first_hour_at = opening.hour_at
    inner join open_interest as closing
        on pending.base_asset = closing.base_asset
        and pending.last_hour_at = closing.hour_at
        and opening.venue = closing.venue
        and opening.instrument = closing.instrument

    where opening.oi_start_base is not null
        and closing.oi_end_base is not null

),

-- Coins of two assets do not add up: of ALL, each change is valued at the start.
changes as (

    select
        base_asset,
        started_at,
        case
            when base_asset != 'ALL'
                then sum(try_cast(round(oi_start_base, 8) as decimal(38, 8)))::double
        end as oi_start_base,
        case
            when base_asset != 'ALL'
                then sum(try_cast(round(oi_end_base, 8) as decimal(38, 8)))::double
        end as oi_end_base,
        sum(
            try_cast(
                round((oi_end_base / nullif(oi_start_base, 0) - 1) * oi_start_usd, 8)
                as decimal(38, 8)
            )
        )::double as oi_change_usd,
        sum(try_cast(round(oi_start_usd, 4) as decimal(38, 4)))
            filter (where oi_start_base > 0)::double as oi_start_usd,
        count(*) as instruments,
        max(available_at) as available_at,

    from both_ends

    group by base_asset, started_at

),

of_prices as (

    select
        pending.base_asset,
        pending.started_at,
        max(prices.open_usd) filter (where prices.hour_at = pending.first_hour_at)
            as start_price_usd,
        -- Of every hour, or it may not be the lowest.
        case
            when count(prices.low_usd)
                = 1 + date_diff(
                    'hour', any_value(pending.first_hour_at), any_value(pending.last_hour_at)
                )
                then min(prices.low_usd)
        end as low_price_usd,
        max(prices.available_at) as available_at,

    from pending
    inner join prices
        on pending.base_asset = prices.base_asset
        and prices.hour_at between pending.first_hour_at and pending.last_hour_at

    group by all

),

of_coverage as (

    select
        pending.base_asset,
        pending.started_at,
        count(*) filter (
            where coverage.is_complete and coverage.hour_at >= pending.first_hour_at
        ) as complete_hours,
        max(coverage.available_at) as available_at,

    from pending
    inner join coverage
        on pending.base_asset = coverage.base_asset
        and coverage.hour_at between pending.first_covered_hour_at and pending.hour_at

    group by all

),

final as (

    select
        pending.hour_at,
        pending.base_asset,
        pending.started_at,
        pending.ended_at,
        pending.closed_at,
        pending.is_open,
        pending.is_cut,
        pending.last_hour_at,
        pending.open_threshold_usd,
        pending.close_threshold_usd,
        pending.threshold_history_hours,
        {%- for side in sides %}
        totals.{{ side }}_usd,
        {{- interval_columns(side ~ '_usd', 'usd', side) }}
        {%- endfor %}
        {{ is_partly_unestimated('usd', 'total') }} as has_unestimated_part,
        totals.long_events,
        totals.short_events,
        totals.long_venues::integer as long_venues,
        totals.is_lower_bound,
        coalesce(of_coverage.complete_hours, 0)
        < date_diff('hour', pending.first_hour_at, pending.hour_at) + 1
            as is_incomplete,
        shapes.peak_minute_at,
        round((shapes.peak_minute_usd / nullif(shapes.all_minutes_usd, 0))::double, 6)
            as peak_minute_share,
        round((shapes.top_10_minutes_usd / nullif(shapes.all_minutes_usd, 0))::double, 6)
            as top_10_minutes_share,
        case when not pending.is_open then half_lives.half_life_minutes end::integer
            as half_life_minutes,
        movers.first_mover,
        movers.first_mover_lead_seconds::integer as first_mover_lead_seconds,
        changes.oi_start_base,
        changes.oi_end_base,
        coalesce(changes.instruments, 0)::integer as oi_instruments,
        round(
            if(
                pending.base_asset = 'ALL',
                changes.oi_change_usd / nullif(changes.oi_start_usd, 0),
                changes.oi_end_base / nullif(changes.oi_start_base, 0) - 1
            ),
            8
        ) as oi_change_share,
        of_prices.start_price_usd,
        of_prices.low_price_usd,
        case
            when of_prices.low_price_usd is not null and of_prices.start_price_usd > 0
                then round(greatest(0, 1 - of_prices.low_price_usd / of_prices.start_price_usd), 8)
        end as drawdown_share,
        greatest(
            pending.available_at,
            totals.available_at,
            changes.available_at,
            of_prices.available_at,
            of_coverage.available_at
        ) as available_at,

    from pending
    inner join totals
        on pending.base_asset = totals.base_asset
        and pending.started_at = totals.started_at
    inner join shapes
        on pending.base_asset = shapes.base_asset
        and pending.started_at = shapes.started_at
    {%- for table in ['half_lives', 'movers', 'changes', 'of_prices', 'of_coverage'] %}
    left join {{ table }}
        on pending.base_asset = {{ table }}.base_asset
        and pending.started_at = {{ table }}.started_at
    {%- endfor %}

)

select *,

from final

order by hour_at
