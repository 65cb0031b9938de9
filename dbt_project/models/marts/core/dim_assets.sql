{{ config(materialized='table') }}

with

known as (

    from {{ ref('assets') }}

),

traded as (

    select distinct base_asset,

    from {{ ref('int_instrument_versions') }}

),

final as (

    select
        coalesce(known.base_asset, traded.base_asset) as base_asset,
        known.asset_name,
        coalesce(known.sector, 'other') as sector,
        coalesce(known.sector = 'stablecoin', false) as is_stablecoin,
        known.coingecko_id,
        known.coinpaprika_id,
        traded.base_asset is not null as has_derivatives,

    from known
    full outer join traded
        on known.base_asset = traded.base_asset

)

from final
