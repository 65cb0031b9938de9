-- One row per staged price: named by its instrument's listing of that time, and either good or rejected
-- with a reason.
--
-- A price is compared with the other prices of its asset in the hour: with the median over the
-- instruments if there are three; else with the median of its own instrument's rows if there are
-- three. Of two that differ, either may be wrong.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

limits as (

    {{ plausibility_limits([
        'price_usd_min', 'price_usd_max', 'price_ratio_max', 'wick_ratio_max', 'volume_usd_max',
    ]) | indent(4) }}

),

staged as (

    from {{ ref('int_prices_staged') }}

    where hour_at in {{ build_hours() }}

),

{{ named_observations('staged', spot="staged.price_kind = 'spot'") }}

per_coin as (

    select
        named.*,
        limits.*,
        coalesce(named.quote_asset in {{ dollar_quotes() }}, false) as is_in_dollars,
        named.close_usd / named.asset_multiplier as close_per_coin,
        least(named.open_usd, named.high_usd, named.low_usd, named.close_usd)
            / named.asset_multiplier as lowest_per_coin,
        greatest(named.open_usd, named.high_usd, named.low_usd, named.close_usd)
            / named.asset_multiplier as highest_per_coin,

    from named
    cross join limits

),

medians as (

    select
        hour_at,
        base_asset,
        venue,
        instrument,
        is_in_dollars,
        median(close_per_coin) as median_usd,
        count(*) as prices,

    from per_coin

    where name_reject_reason is null
        and is_in_dollars
        and lowest_per_coin >= price_usd_min
        and highest_per_coin <= price_usd_max

    group by all

),

references_of_assets as (

    select
        hour_at,
        base_asset,
        is_in_dollars,
        median(median_usd) as reference_usd,

    from medians

    group by all

    having count(*) >= 3

),

compared as (

    select
        per_coin.*,
        coalesce(
            references_of_assets.reference_usd, if(medians.prices >= 3, medians.median_usd, null)
        ) as reference_usd,

    from per_coin
    left join references_of_assets
        on per_coin.hour_at = references_of_assets.hour_at
        and per_coin.base_asset = references_of_assets.base_asset
        and per_coin.is_in_dollars = references_of_assets.is_in_dollars
    left join medians
        on per_coin.hour_at = medians.hour_at
        and per_coin.base_asset = medians.base_asset
        and per_coin.venue = medians.venue
        and per_coin.instrument = medians.instrument
        and per_coin.is_in_dollars = medians.is_in_dollars

),

{{ screened_observations(
    'compared',
    grain=['venue', 'instrument', 'price_kind', 'observed_at', 'bar_seconds'],
    screens={
        'quote_not_usd': 'not is_in_dollars',
        'implausible_price':
            'lowest_per_coin < price_usd_min or highest_per_coin > price_usd_max',
        'price_off_others':
            'close_per_coin > reference_usd * price_ratio_max'
            ~ ' or reference_usd > close_per_coin * price_ratio_max'
            ~ ' or highest_per_coin > reference_usd * wick_ratio_max'
            ~ ' or reference_usd > lowest_per_coin * wick_ratio_max',
        'implausible_volume':
            'volume_usd > volume_usd_max'
            ~ ' or volume_base * close_usd > volume_usd_max',
        'contradictory_volume':
            'volume_usd > 1 and volume_base > 0'
            ~ ' and (volume_usd > volume_base * high_usd * price_ratio_max'
            ~ ' or volume_base * low_usd > volume_usd * price_ratio_max)',
    },
    values=['open_usd', 'high_usd', 'low_usd', 'close_usd', 'volume_base', 'volume_usd'],
    kept=['price_kind', 'bar_seconds', 'close_at'],
) }}
