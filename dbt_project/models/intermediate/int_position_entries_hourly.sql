-- One row per hour, base_asset and price bucket of 0.25% that was traded: the bucket's share of the
-- hour's volume, by which the hour's openings are placed, and how far the price went afterwards.
--
-- Volume: bars of contracts' own trades (price_kind last), each spread evenly over its low to high.
-- Without such a bar, the range of the touching series, evenly. The touching series says which levels
-- the price reached, and the price at the hour's end: mark, else last, else spot, else index, those
-- with the range of the hour first.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

tracked as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

series as (

    select
        series.* replace (
            max(greatest(series.available_at, tracked.available_at)) over (
                partition by series.hour_at, series.base_asset
            ) as available_at
        ),
        case series.price_kind when 'mark' then 1 when 'last' then 2 when 'spot' then 3 else 4 end
            as kind_order,
        coalesce(list_position({{ var('venues') }}, series.venue), 99) as venue_order,

    from {{ ref('int_price_series_hourly') }} as series
    inner join tracked
        on series.hour_at = tracked.hour_at
        and series.base_asset = tracked.base_asset

    where series.hour_at in {{ build_hours() }}

),

touching as (

    select
        hour_at,
        base_asset,
        low_usd,
        high_usd,
        close_usd,
        price_kind || ':' || venue || ':' || instrument as price_source,
        available_at,

    from series

    qualify
        row_number() over (
            partition by hour_at, base_asset
            order by
                has_range desc,
                kind_order asc,
                is_fresh desc,
                venue_order asc,
                venue asc,
                covered_seconds desc,
                bar_seconds asc,
                quote_asset asc nulls last,
                instrument asc
        ) = 1

),

traded_series as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        bar_seconds,

    from series

    where price_kind = 'last'
        and is_best_bars
        and bar_seconds > 0
        and volume_usd > 0

),

traded_bars as (

    select
        prices.hour_at,
        prices.base_asset,
        prices.venue,
        prices.instrument,
        prices.observed_at,
        least(prices.open_usd, prices.low_usd, prices.close_usd) as low_usd,
        greatest(prices.open_usd, prices.high_usd, prices.close_usd) as high_usd,
        coalesce(prices.volume_usd, prices.volume_base * prices.close_usd) as volume_usd,

    from {{ ref('fct_prices') }} as prices
    inner join traded_series
        on prices.hour_at = traded_series.hour_at
        and prices.venue = traded_series.venue
        and prices.instrument = traded_series.instrument
        and prices.base_asset = traded_series.base_asset
        and prices.bar_seconds = traded_series.bar_seconds

    where prices.hour_at in {{ build_hours() }}
        and prices.price_kind = 'last'
        and prices.close_usd > 0
        and prices.close_at <= prices.hour_at + interval 1 hour

),

bars as (

    select
        *,
        volume_usd as weight,
        min(low_usd) over (
            partition by hour_at, venue, instrument
            order by observed_at
            rows between current row and unbounded following
        ) as low_after_usd,
        max(high_usd) over (
            partition by hour_at, venue, instrument
            order by observed_at
            rows between current row and unbounded following
        ) as high_after_usd,

    from traded_bars

    union all

    select
        hour_at,
        base_asset,
        null as venue,
        null as instrument,
        hour_at as observed_at,
        low_usd,
        high_usd,
        null::double as volume_usd,
        1 as weight,
        low_usd as low_after_usd,
        high_usd as high_after_usd,

    from touching

    where not exists (
        select 1,
        from traded_series
        where traded_series.hour_at = touching.hour_at
            and traded_series.base_asset = touching.base_asset
    )

),

buckets as (

    select
        *,
        unnest(range({{ bucket_of('low_usd') }}, {{ bucket_of('high_usd') }} + 1)) as price_bucket,

    from bars

    where weight > 0

),

spread as (

    select
        *,
        case
            when high_usd > low_usd
                then greatest(
                    least(high_usd, pow(1.0025, price_bucket + 1))
                    - greatest(low_usd, pow(1.0025, price_bucket)),
                    0
                ) / (high_usd - low_usd)
            else 1
        end as share_of_bar,

    from buckets

),

profile as (

    select
        hour_at,
        base_asset,
        price_bucket::integer as price_bucket,
        sum(try_cast(round(weight * share_of_bar, 4) as decimal(38, 4))) as weight,
        sum(try_cast(round(volume_usd * share_of_bar, 4) as decimal(38, 4)))::double
            as traded_usd,
        min(low_after_usd) as low_after_usd,
        max(high_after_usd) as high_after_usd,

    from spread

    group by all

),

final as (

    select
        profile.hour_at,
        profile.base_asset,
        profile.price_bucket,
        profile.traded_usd,
        round(
            profile.weight::double
            / (
                sum(profile.weight) over (partition by profile.hour_at, profile.base_asset)
            )::double,
            9
        ) as entered_share,
        profile.low_after_usd,
        profile.high_after_usd,
        touching.low_usd as hour_low_usd,
        touching.high_usd as hour_high_usd,
        touching.close_usd as hour_close_usd,
        touching.price_source,
        touching.available_at,

    from profile
    inner join touching
        on profile.hour_at = touching.hour_at
        and profile.base_asset = touching.base_asset

    where profile.weight > 0

)

select *,

from final

order by hour_at
