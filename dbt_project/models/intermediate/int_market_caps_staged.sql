-- Every staged market capitalisation of every source, rejected and held ones included.
with

answered as (

    from {{ ref('stg_market_caps') }}

),

imported as (

    select
        * replace (
            coalesce(sector, 'other') as sector,
            -- The supply is not verified.
            nullif(market_cap_usd, 0) as market_cap_usd
        ),
        venue_asset as base_asset,

    from {{ ref('stg_csv__market_caps') }}

),

final as (

    from answered
    union all by name
    from imported

)

from final
