-- One row per hour and asset: the asset's price in dollars, from one series of that hour.
--
-- The series is chosen by, in this order: a price in the hour's last five minutes; bars over three
-- quarters of the hour, then fewer bars, then points; spot, mark, index, the contract's own trades (for
-- points: mark, index, spot); the order of the list of venues; USDT, USD, USDC, then other quotes by
-- name; the fuller cover; the shorter bars; the instrument's name. No two series tie, so the choice
-- does not depend on the order of rows. A return is computed within one series: against its own close
-- of the hour (or day) before, whichever series that hour's row is from.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

series as (

    from {{ ref('int_price_series_hourly') }}

    where hour_at >= {{ first_hour_read(24) }}

),

spot_volumes as (

    select
        hour_at,
        base_asset,
        sum(try_cast(round(volume_usd, 4) as decimal(38, 4)))::double as volume_usd,
        max(available_at) as available_at,

    from series

    where price_kind = 'spot'
        and venue = '{{ var('spot_venue') }}'
        and is_best_bars

    group by all

),

chosen as (

    from series

    where hour_at in {{ build_hours() }}

    qualify
        row_number() over (
            partition by hour_at, base_asset
            order by
                is_fresh desc,
                case when bar_seconds = 0 then 3 when has_range then 1 else 2 end,
                list_position(
                    if(
                        bar_seconds = 0,
                        ['mark', 'index', 'spot', 'last'],
                        ['spot', 'mark', 'index', 'last']
                    ),
                    price_kind
                ),
                coalesce(list_position({{ var('venues') }}, venue), 99),
                venue,
                coalesce(list_position(['USDT', 'USD', 'USDC'], quote_asset), 99),
                quote_asset,
                covered_seconds desc,
                bar_seconds,
                instrument
        ) = 1

),

-- A series may have several bar lengths; their closes are the same price.
closes as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        price_kind,
        close_usd,
        available_at,

    from series

    where is_fresh

    qualify
        row_number() over (
            partition by hour_at, venue, instrument, base_asset, price_kind
            order by close_at desc, bar_seconds asc, quote_asset asc
        ) = 1

),

final as (

    select
        chosen.hour_at,
        chosen.base_asset,
        chosen.open_usd,
        case when chosen.has_range then chosen.high_usd end as high_usd,
        case when chosen.has_range then chosen.low_usd end as low_usd,
        case when chosen.is_fresh then chosen.close_usd end as close_usd,
        {%- for column in ['hour_before', 'day_before'] %}
        case when chosen.is_fresh then {{ column }}.close_usd end as {{ column }}_close_usd,
        {%- endfor %}
        spot_volumes.volume_usd,
        chosen.price_kind || ':' || chosen.venue || ':' || chosen.instrument as price_source,
        chosen.close_at,
        greatest(
            chosen.available_at,
            if(chosen.is_fresh, hour_before.available_at, null),
            if(chosen.is_fresh, day_before.available_at, null),
            spot_volumes.available_at
        ) as available_at,

    from chosen
    {%- for column, hours in [('hour_before', 1), ('day_before', 24)] %}
    left join closes as {{ column }}
        on chosen.hour_at - interval {{ hours }} hour = {{ column }}.hour_at
        and chosen.venue = {{ column }}.venue
        and chosen.instrument = {{ column }}.instrument
        and chosen.base_asset = {{ column }}.base_asset
        and chosen.price_kind = {{ column }}.price_kind
    {%- endfor %}
    left join spot_volumes
        on chosen.hour_at = spot_volumes.hour_at
        and chosen.base_asset = spot_volumes.base_asset

)

from final
