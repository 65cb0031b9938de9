with

instruments as (

    from {{ ref('int_instrument_open_interest_hourly') }}

),

final as (

    select
        hour_at,
        base_asset,
        sum(try_cast(round(oi_start_usd, 4) as decimal(38, 4)))::double as oi_start_usd,
        sum(try_cast(round(oi_end_usd, 4) as decimal(38, 4)))::double as oi_end_usd,
        sum(try_cast(round(oi_last_usd, 4) as decimal(38, 4)))::double as oi_last_usd,
        sum(try_cast(round(oi_end_base, 8) as decimal(38, 8)))::double as oi_end_base,
        count(distinct venue) filter (where oi_start_usd is not null) as oi_start_venues,
        count(distinct venue) filter (where oi_end_usd is not null) as oi_end_venues,
        count(oi_start_usd) as oi_start_instruments,
        count(oi_end_usd) as oi_end_instruments,
        max(oi_end_observed_at) as oi_end_observed_at,
        max(available_at) as available_at,

    from instruments

    group by all

)

from final
