with

staged as (

    from {{ ref('stg_market_caps') }}
    union all by name
    select
        * replace (
            coalesce(sector, 'other') as sector,
            -- The supply is not verified.
            nullif(market_cap_usd, 0) as market_cap_usd
        ),
        venue_asset as base_asset,

    from {{ ref('stg_csv__market_caps') }}

),

sightings as (

    from staged

    where hour_at in {{ build_hours() }}
        and {{ is_accepted_observation() }}

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
        batch_id,

    from sightings

    -- Two coins of one symbol on two pages: the better rank is the one that is meant.
    qualify
        row_number() over (
            partition by base_asset, source, observed_at
            order by rank nulls last, {{ winning_sighting() }}
        ) = 1

)

from final
