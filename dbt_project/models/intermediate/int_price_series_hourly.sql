-- One row per hour and price series (venue, instrument, kind of price, bar length), from the
-- prices of that hour alone. A bar counts if it had ended by the hour's end.
--
-- An hour has a range only where most of it was seen: bars that cover three quarters of it, or points
-- as dense as five-minute bars over as long. The range of a single price is null, not zero.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

{#- 2026-11-25: of twelve bars or points of five minutes three may be missing. -#}
{%- set min_covered_seconds = 2700 %}
{%- set min_points = 9 %}

with

prices as (

    from {{ ref('fct_prices') }}

    where hour_at in {{ build_hours() }}

),

known_in_hour as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        quote_asset,
        price_kind,
        coalesce(bar_seconds, 0) as bar_seconds,
        observed_at,
        close_at,
        coalesce(open_usd, close_usd) as open_usd,
        greatest(open_usd, high_usd, low_usd, close_usd) as high_usd,
        least(open_usd, high_usd, low_usd, close_usd) as low_usd,
        close_usd,
        coalesce(volume_usd, volume_base * close_usd) as volume_usd,
        available_at,

    from prices

    where close_usd > 0
        and close_at <= hour_at + interval 1 hour
        and base_asset is not null

),

series as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        quote_asset,
        price_kind,
        bar_seconds,
        arg_min(open_usd, observed_at) as open_usd,
        max(high_usd) as high_usd,
        min(low_usd) as low_usd,
        arg_max(close_usd, observed_at) as close_usd,
        max(close_at) as close_at,
        sum(try_cast(round(volume_usd, 4) as decimal(38, 4)))::double as volume_usd,
        least(sum(bar_seconds), 3600)::integer as covered_seconds,
        count(*)::integer as prices_in_hour,
        epoch(max(close_at) - min(close_at)) as spread_seconds,
        max(available_at) as available_at,

    from known_in_hour

    group by all

),

final as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        quote_asset,
        price_kind,
        bar_seconds,
        open_usd,
        high_usd,
        low_usd,
        close_usd,
        close_at,
        -- An older price is not the price at the hour's end.
        close_at >= hour_at + interval 55 minute as is_fresh,
        volume_usd,
        covered_seconds,
        case
            when bar_seconds > 0 then covered_seconds >= {{ min_covered_seconds }}
            else prices_in_hour >= {{ min_points }}
                and spread_seconds >= {{ min_covered_seconds }} - 300
        end as has_range,
        -- Where a series has several bar lengths, the one that covers most of the hour counts, so that
        -- no volume is counted twice.
        row_number() over (
            partition by hour_at, venue, instrument, price_kind
            order by covered_seconds desc, bar_seconds asc, base_asset asc, quote_asset asc
        ) = 1 as is_best_bars,
        available_at,

    from series

)

from final
