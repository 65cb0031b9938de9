-- One row per staged open interest: named by its instrument's listing of that time, and either good
-- or rejected with a reason.
--
-- It is valued for the screen alone: by the venue's dollars, and by its coins or contracts at the
-- median price of the instrument, else of the asset, in the hour or the one before.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

limits as (

    {{ plausibility_limits(['oi_usd_max', 'price_ratio_max']) | indent(4) }}

),

staged as (

    from {{ ref('int_open_interest_staged') }}

    where hour_at in {{ build_hours() }}

),

{{ named_observations('staged') }}

prices as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        close_usd / asset_multiplier as close_usd,

    from {{ ref('int_prices_unioned') }}

    where hour_at >= {{ first_hour_read(1) }}
        and quote_asset in {{ dollar_quotes() }}
        and price_kind != 'spot'

    union all

    -- A contract of the same symbol is another instrument.
    select
        hour_at,
        venue,
        'spot ' || instrument as instrument,
        base_asset,
        close_usd / asset_multiplier as close_usd,

    from {{ ref('int_prices_unioned') }}

    where hour_at >= {{ first_hour_read(1) }}
        and quote_asset in {{ dollar_quotes() }}
        and price_kind = 'spot'

),

instrument_prices as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        median(close_usd) as median_usd,

    from prices

    group by all

),

asset_prices as (

    select
        hour_at,
        base_asset,
        median(median_usd) as median_usd,

    from instrument_prices

    group by all

),

priced as (

    select
        named.*,
        limits.*,
        coalesce(
            own_prices.median_usd, own_prices_before.median_usd,
            asset_prices.median_usd, asset_prices_before.median_usd
        ) as reference_usd,
        named.oi_base * named.asset_multiplier * reference_usd as coins_usd,
        case
            when named.oi_base is not null or named.oi_usd is not null then null
            when named.contract_type = 'inverse'
                then named.oi_contracts
                    * coalesce(named.listed_contract_size, {{ inverse_size() }})
            when named.contract_type = 'linear'
                then named.oi_contracts * named.listed_contract_size * named.asset_multiplier
                    * reference_usd
        end as contracts_usd,

    from named
    cross join limits
    left join instrument_prices as own_prices
        on named.hour_at = own_prices.hour_at
        and named.venue = own_prices.venue
        and named.instrument = own_prices.instrument
        and named.base_asset = own_prices.base_asset
    left join instrument_prices as own_prices_before
        on named.hour_at = own_prices_before.hour_at + interval 1 hour
        and named.venue = own_prices_before.venue
        and named.instrument = own_prices_before.instrument
        and named.base_asset = own_prices_before.base_asset
    left join asset_prices
        on named.hour_at = asset_prices.hour_at
        and named.base_asset = asset_prices.base_asset
    left join asset_prices as asset_prices_before
        on named.hour_at = asset_prices_before.hour_at + interval 1 hour
        and named.base_asset = asset_prices_before.base_asset
    {{ inverse_size_joins('named') }}

),

{{ screened_observations(
    'priced',
    grain=['venue', 'instrument', 'observed_at'],
    screens={
        'quote_not_usd':
            '(oi_usd is not null or contract_type != \'linear\')'
            ~ ' and not coalesce(quote_asset in ' ~ dollar_quotes() ~ ', false)',
        'implausible_open_interest':
            'greatest(oi_usd, coins_usd, contracts_usd) > oi_usd_max',
        'contradictory_open_interest':
            'oi_usd > 1 and oi_base > 0'
            ~ ' and (oi_usd > coins_usd * price_ratio_max or coins_usd > oi_usd * price_ratio_max)',
    },
    values=['oi_contracts', 'oi_base', 'oi_usd'],
) }}
