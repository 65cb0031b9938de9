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

-- Both estimates and settled rates; at one instant the settled one counts.
rates as (

    select
        venue,
        instrument,
        base_asset,
        funding_at,
        interval_hours,
        funding_rate * 8 / interval_hours as funding_rate_8h,
        available_at,

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

-- The latest rate of each instrument. It is valid until its interval ends, plus five minutes for late
-- settlements. One of the last day whose interval has ended counts as missing.
last_rates as (

    select
        hours.hour_at,
        rates.venue,
        rates.instrument,
        rates.base_asset,
        rates.funding_at,
        rates.funding_rate_8h,
        rates.available_at,
        rates.funding_at >= hours.hour_at + interval 55 minute
            - case
                when rates.interval_hours between 0 and 24
                    then to_minutes(try_cast(rates.interval_hours * 60 as bigint))
            end as is_in_force,

    from hours
    cross join instruments
    asof inner join rates
        on instruments.venue = rates.venue
        and instruments.instrument = rates.instrument
        and hours.hour_at + interval 1 hour > rates.funding_at

),

latest_rates as (

    from last_rates

    where is_in_force
        or funding_at >= hour_at - interval 23 hour

),

coverage as (

    from {{ ref('int_asset_open_interest_coverage_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

-- A weight may be as old as the hour, so that venues polled once an hour are not left out.
open_interest as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where oi_last_usd > 0
        and hour_at >= {{ first_hour_read(0) }}

),

series as (

    from {{ ref('int_price_series_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

volumes as (

    from {{ ref('int_instrument_volumes_hourly') }}

    where volume_24h_usd > 0
        and hour_at >= {{ first_hour_read(0) }}

),

-- The series, of points or bars, with the latest price of the hour.
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
        greatest(marks.available_at, indexes.available_at) as available_at,

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
        latest_rates.hour_at,
        latest_rates.venue,
        latest_rates.instrument,
        latest_rates.base_asset,
        if(latest_rates.is_in_force, latest_rates.funding_rate_8h, null) as funding_rate_8h,
        bases.basis,
        open_interest.oi_last_usd,
        volumes.volume_24h_usd,
        greatest(
            latest_rates.available_at,
            bases.available_at,
            open_interest.available_at,
            volumes.available_at
        ) as available_at,

    from latest_rates
    left join open_interest
        on latest_rates.hour_at = open_interest.hour_at
        and latest_rates.venue = open_interest.venue
        and latest_rates.instrument = open_interest.instrument
    left join bases
        on latest_rates.hour_at = bases.hour_at
        and latest_rates.venue = bases.venue
        and latest_rates.instrument = bases.instrument
    left join volumes
        on latest_rates.hour_at = volumes.hour_at
        and latest_rates.venue = volumes.venue
        and latest_rates.instrument = volumes.instrument

),

-- Rounded to whole ten-thousandths of a dollar, a weight can be none.
in_force as (

    select
        *,
        try_cast(round(oi_last_usd, 4) as decimal(38, 4)) as oi_usd,
        try_cast(round(oi_last_usd * funding_rate_8h, 8) as decimal(38, 8)) as oi_funding_8h_usd,
        try_cast(round(oi_last_usd * basis, 8) as decimal(38, 8)) as oi_basis_usd,
        try_cast(round(volume_24h_usd, 4) as decimal(38, 4)) as volume_usd,
        try_cast(round(volume_24h_usd * funding_rate_8h, 8) as decimal(38, 8))
            as volume_funding_8h_usd,

    from by_instrument

    where funding_rate_8h is not null

),

-- A rate of the last day whose interval has ended, or one without a weight, is not in the mean.
missing as (

    select
        hour_at,
        base_asset,
        count(*) filter (where funding_rate_8h is null or oi_last_usd is null) as instruments,
        max(available_at) as available_at,

    from by_instrument

    group by all

),

weighted as (

    select
        hour_at,
        base_asset,
        count(distinct venue) as venues,
        count(*) as instruments,
        min(funding_rate_8h) as lowest_funding_rate_8h,
        max(funding_rate_8h) as highest_funding_rate_8h,
        sum(oi_usd)::double as oi_usd,
        sum(oi_funding_8h_usd)::double / nullif(sum(oi_usd), 0)::double as funding_rate_8h,
        sum(volume_usd)::double as volume_24h_usd,
        count(distinct venue) filter (where volume_usd is not null) as volume_venues,
        sum(volume_funding_8h_usd)::double / nullif(sum(volume_usd), 0)::double
            as volume_funding_rate_8h,
        sum(oi_basis_usd)::double
        / nullif(sum(oi_usd) filter (where basis is not null), 0)::double as basis,

    from in_force

    group by all

),

final as (

    select
        tracked_assets.hour_at,
        tracked_assets.hour_at + interval 1 hour as as_of_at,
        tracked_assets.base_asset,
        round(weighted.funding_rate_8h, 10) as oi_weighted_funding_8h,
        round(weighted.funding_rate_8h * 3 * 365, 8) as oi_weighted_apr,
        round(weighted.volume_funding_rate_8h, 10) as volume_weighted_funding_8h,
        round(weighted.volume_funding_rate_8h * 3 * 365, 8) as volume_weighted_apr,
        round(weighted.lowest_funding_rate_8h, 10) as lowest_funding_rate_8h,
        round(weighted.highest_funding_rate_8h, 10) as highest_funding_rate_8h,
        round(weighted.basis, 8) as oi_weighted_basis,
        weighted.oi_usd as weighted_oi_usd,
        weighted.volume_24h_usd as weighted_volume_24h_usd,
        coalesce(weighted.venues, 0)::integer as venues,
        coalesce(weighted.instruments, 0)::integer as instruments,
        coalesce(weighted.volume_venues, 0)::integer as volume_venues,
        coalesce(missing.instruments, 0) > 0
            or coalesce(coverage.is_missing_at_end, false) as is_incomplete,
        -- The rates in force are among those of the last day.
        greatest(tracked_assets.available_at, missing.available_at, coverage.available_at)
            as available_at,

    from tracked_assets
    left join weighted
        on tracked_assets.hour_at = weighted.hour_at
        and tracked_assets.base_asset = weighted.base_asset
    left join missing
        on tracked_assets.hour_at = missing.hour_at
        and tracked_assets.base_asset = missing.base_asset
    left join coverage
        on tracked_assets.hour_at = coverage.hour_at
        and tracked_assets.base_asset = coverage.base_asset

)

select *,

from final

order by hour_at
