-- The buckets of an asset and kind of price add up to the liquidated sum of each window.
-- why: A missing bucket moves the nearest cluster to another price.
-- failure: {unexpected_count} windows of an asset and kind of price have different sums in
--   liquidation_clusters than were liquidated, the first {example}
with

hourly as (

    select
        base_asset,
        price_kind,
        hour_at,
        sum(long_usd) as long_usd,
        sum(short_usd) as short_usd
    from staging.intermediate.int_liquidations_by_bucket
    where
        hour_at > (select min(hour_at) - interval 720 hour from gate.hours_of_liquidation_clusters)
    group by all

),

tracked as (

    select
        hour_at,
        base_asset
    from staging.intermediate.int_tracked_assets_hourly
    where hour_at in (select hour_at from gate.hours_of_liquidation_clusters)

),

kinds as (

    select distinct
        base_asset,
        price_kind
    from hourly

),

spine as (

    select
        base_asset,
        price_kind,
        hour_at,
        0 as long_usd,
        0 as short_usd,
        true as is_judged
    from tracked
    inner join kinds using (base_asset)
    union all by name
    select
        *,
        false as is_judged
    from hourly

),

summed as (

    select
        *,
        sum(long_usd) over last_24h as long_24h_usd,
        sum(short_usd) over last_24h as short_24h_usd,
        sum(long_usd) over last_7d as long_7d_usd,
        sum(short_usd) over last_7d as short_7d_usd,
        sum(long_usd) over last_30d as long_30d_usd,
        sum(short_usd) over last_30d as short_30d_usd
    from spine
    window
        last_24h as (
            partition by base_asset, price_kind order by hour_at
            range between interval 23 hour preceding and current row
        ),
        last_7d as (
            partition by base_asset, price_kind order by hour_at
            range between interval 167 hour preceding and current row
        ),
        last_30d as (
            partition by base_asset, price_kind order by hour_at
            range between interval 719 hour preceding and current row
        )
    qualify is_judged

),

found as (

    select
        base_asset,
        price_kind,
        hour_at,
        sum(long_24h_usd) as long_24h_usd,
        sum(short_24h_usd) as short_24h_usd,
        sum(long_7d_usd) as long_7d_usd,
        sum(short_7d_usd) as short_7d_usd,
        sum(long_30d_usd) as long_30d_usd,
        sum(short_30d_usd) as short_30d_usd
    from {batch}
    group by all

)

select
    hour_at,
    base_asset,
    price_kind,
    summed.long_30d_usd as liquidated_long_30d_usd,
    found.long_30d_usd,
    summed.short_30d_usd as liquidated_short_30d_usd,
    found.short_30d_usd
from summed
full outer join found using (hour_at, base_asset, price_kind)
where
    coalesce(summed.long_24h_usd, 0) != coalesce(found.long_24h_usd, 0)
    or coalesce(summed.short_24h_usd, 0) != coalesce(found.short_24h_usd, 0)
    or coalesce(summed.long_7d_usd, 0) != coalesce(found.long_7d_usd, 0)
    or coalesce(summed.short_7d_usd, 0) != coalesce(found.short_7d_usd, 0)
    or coalesce(summed.long_30d_usd, 0) != coalesce(found.long_30d_usd, 0)
    or coalesce(summed.short_30d_usd, 0) != coalesce(found.short_30d_usd, 0)
