with

known_assets as (

    from {{ ref('int_known_assets') }}

),

seeded as (

    from {{ ref('assets') }}

),

final as (

    select
        known_assets.base_asset,
        known_assets.asset_source,
        seeded.asset_name,
        coalesce(seeded.sector, 'other') as sector,
        coalesce(seeded.sector = 'stablecoin', false) as is_stablecoin,
        seeded.coingecko_id,
        seeded.coinpaprika_id,
        known_assets.asset_source in ('listing', 'both') as has_derivatives,
        known_assets.available_at,

    from known_assets
    left join seeded
        on known_assets.base_asset = seeded.base_asset

)

from final
