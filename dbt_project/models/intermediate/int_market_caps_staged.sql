-- Every staged row of every source, rejected and held ones included.
with

final as (

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

)

from final
