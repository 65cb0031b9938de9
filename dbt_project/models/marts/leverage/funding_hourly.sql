{{ config(meta={'partition': 'hour_at', 'lookback_hours': 720}) }}

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

-- Estimates and settled rates alike; of one instant the settled one counts.
rates as (

    select
        venue,
        instrument,
        base_asset,
        funding_at,
        interval_hours,
        funding_rate * 8 / interval_hours as funding_rate_8h,

    from {{ ref('fct_funding') }}

    where funding_rate is not null
        and interval_hours > 0
        and interval_hours <= 24
        and base_asset is not null
        and hour_at >= {{ first_hour_read(24) }}

    qualify
        row_number() over (
            partition by venue, instrument, funding_at
            order by is_settled desc, raw_object asc, raw_line asc
        ) = 1

),

instruments as (

    select distinct
        venue,
        instrument,

    from rates

),

-- A rate stands until its interval is over; five minutes of grace cover late settlements.
rates_in_force as (

    select
        hours.hour_at,
        rates.venue,
        rates.instrument,
        rates.base_asset,
        rates.funding_rate_8h,

    from hours
    cross join instruments
    asof inner join rates
        on instruments.venue = rates.venue
        and instruments.instrument = rates.instrument
        and hours.hour_at + interval 1 hour > rates.funding_at

    where rates.funding_at >= hours.hour_at + interval 55 minute
        - to_minutes((rates.interval_hours * 60)::bigint)

),

-- A weight may be as old as the hour: a venue polled once an hour is not left out for it.
open_interest as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where oi_last_usd > 0
        and hour_at >= {{ first_hour_read(0) }}

),

series as (

    from {{ ref('int_price_series_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

venue_volumes as (

    select
        hour_at,
        venue,
        base_asset,
        sum(round(volume_usd, 4)::decimal(38, 4)) as volume_usd,

    from series

    where price_kind = 'spot'
        and is_best_bars
        and volume_usd > 0

    group by all

),

-- The hours of a day, told back from its last: see exchange_breakdown.
day as (

    select unnest(range(24)) as hours_back,

),

volumes as (

    select
        hours.hour_at,
        venue_volumes.venue,
        venue_volumes.base_asset,
        sum(venue_volumes.volume_usd) as volume_24h_usd,

    from venue_volumes
    cross join day
    inner join hours
        on venue_volumes.hour_at + to_hours(day.hours_back) = hours.hour_at

    group by all

),

-- Of points and bars, the series with the latest price of the hour.
closes as (

    from series

    where price_kind in ('mark', 'index')

    qualify
        row_number() over (
            partition by hour_at, venue, instrument, price_kind
            order by close_at desc, bar_seconds asc, quote_asset asc
        ) = 1

),

bases as (

    select
        marks.hour_at,
        marks.venue,
        marks.instrument,
        (marks.close_usd - indexes.close_usd) / indexes.close_usd as basis,

    from closes as marks
    inner join closes as indexes
        on marks.hour_at = indexes.hour_at
        and marks.venue = indexes.venue
        and marks.instrument = indexes.instrument

    where marks.price_kind = 'mark'
        and indexes.price_kind = 'index'
        and abs(epoch(marks.close_at) - epoch(indexes.close_at)) <= 300

),

by_instrument as (

    select
        rates_in_force.hour_at,
        rates_in_force.venue,
        rates_in_force.instrument,
        rates_in_force.base_asset,
        rates_in_force.funding_rate_8h,
        bases.basis,
        round(open_interest.oi_last_usd, 4)::decimal(38, 4) as oi_usd,
        round(open_interest.oi_last_usd * rates_in_force.funding_rate_8h, 8)::decimal(38, 8)
            as oi_funding_8h_usd,
        round(open_interest.oi_last_usd * bases.basis, 8)::decimal(38, 8) as oi_basis_usd,

    from rates_in_force
    left join open_interest
        on rates_in_force.hour_at = open_interest.hour_at
        and rates_in_force.venue = open_interest.venue
        and rates_in_force.instrument = open_interest.instrument
    left join bases
        on rates_in_force.hour_at = bases.hour_at
        and rates_in_force.venue = bases.venue
        and rates_in_force.instrument = bases.instrument

),

-- A venue's rate is its instruments' mean by open interest, or a plain mean where it gives none.
by_venue as (

    select
        hour_at,
        venue,
        base_asset,
        coalesce(
            sum(oi_funding_8h_usd)::double / sum(oi_usd)::double,
            sum(round(funding_rate_8h, 12)::decimal(38, 12))::double / count(*)
        ) as funding_rate_8h,

    from by_instrument

    group by all

),

volume_weighted as (

    select
        by_venue.hour_at,
        by_venue.base_asset,
        sum(
            round(volumes.volume_24h_usd::double * by_venue.funding_rate_8h, 8)::decimal(38, 8)
        )::double
        / sum(volumes.volume_24h_usd)::double as funding_rate_8h,

    from by_venue
    inner join volumes
        on by_venue.hour_at = volumes.hour_at
        and by_venue.venue = volumes.venue
        and by_venue.base_asset = volumes.base_asset

    group by all

),

oi_weighted as (

    select
        hour_at,
        base_asset,
        count(distinct venue) as venues,
        count(*) as instruments,
        min(funding_rate_8h) as lowest_funding_rate_8h,
        max(funding_rate_8h) as highest_funding_rate_8h,
        sum(oi_usd)::double as oi_usd,
        sum(oi_funding_8h_usd)::double / sum(oi_usd)::double as funding_rate_8h,
        sum(oi_basis_usd)::double
        / sum(oi_usd) filter (where basis is not null)::double as basis,

    from by_instrument

    group by all

),

final as (

    select
        tracked_assets.hour_at,
        tracked_assets.hour_at + interval 1 hour as as_of_at,
        tracked_assets.base_asset,
        round(oi_weighted.funding_rate_8h, 10) as oi_weighted_funding_8h,
        round(oi_weighted.funding_rate_8h * 3 * 365, 8) as oi_weighted_apr,
        round(volume_weighted.funding_rate_8h, 10) as volume_weighted_funding_8h,
        round(volume_weighted.funding_rate_8h * 3 * 365, 8) as volume_weighted_apr,
        round(oi_weighted.lowest_funding_rate_8h, 10) as lowest_funding_rate_8h,
        round(oi_weighted.highest_funding_rate_8h, 10) as highest_funding_rate_8h,
        round(oi_weighted.basis, 8) as oi_weighted_basis,
        oi_weighted.oi_usd as weighted_oi_usd,
        coalesce(oi_weighted.venues, 0)::integer as venues,
        coalesce(oi_weighted.instruments, 0)::integer as instruments,

    from tracked_assets
    left join oi_weighted
        on tracked_assets.hour_at = oi_weighted.hour_at
        and tracked_assets.base_asset = oi_weighted.base_asset
    left join volume_weighted
        on tracked_assets.hour_at = volume_weighted.hour_at
        and tracked_assets.base_asset = volume_weighted.base_asset

)

select *,

from final

order by hour_at
