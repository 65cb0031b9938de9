-- One row per normalised asset that a listing, a documented contract size or the seed of assets
-- names. Observations and events never add one: a name of theirs alone may be a wrong symbol.
with

listed as (

    select
        base_asset,
        min(available_at) as available_at,

    from {{ ref('int_instrument_versions') }}

    group by all

),

seeded as (

    select base_asset,

    from {{ ref('assets') }}

),

final as (

    select
        coalesce(listed.base_asset, seeded.base_asset) as base_asset,
        case
            when seeded.base_asset is null then 'listing'
            when listed.base_asset is null then 'seed'
            else 'both'
        end as asset_source,
        listed.available_at,

    from listed
    full outer join seeded
        on listed.base_asset = seeded.base_asset

)

from final
