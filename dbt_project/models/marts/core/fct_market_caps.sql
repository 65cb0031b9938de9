with

sightings as (

    from {{ ref('int_market_caps_screened') }}

    where hour_at in {{ build_hours() }}
        and sighting_rank = 1

),

final as (

    select
        base_asset,
        asset_name,
        observed_at,
        market_cap_usd,
        price_usd,
        volume_24h_usd,
        change_24h_share,
        rank,
        sector,
        source,
        hour_at,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,

    from sightings

)

from final
