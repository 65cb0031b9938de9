with

instruments as (

    from {{ ref('int_instrument_open_interest_hourly') }}

),

final as (

    select
        hour_at,
        base_asset,
        sum(round(oi_start_usd, 4)::decimal(38, 4))::double as oi_start_usd,
        sum(round(oi_end_usd, 4)::decimal(38, 4))::double as oi_end_usd,
        sum(round(oi_last_usd, 4)::decimal(38, 4))::double as oi_last_usd,
        count(distinct venue) filter (where oi_end_usd is not null) as oi_venues,

    from instruments

    group by all

)

from final
