with

hours as (

    from {{ source('ops', 'hours') }}

),

final as (

    select
        hour_at,
        date_trunc('day', hour_at)::date as utc_date,
        hour(hour_at)::integer as hour_of_day,
        isodow(hour_at)::integer as day_of_week,
        isodow(hour_at) in (6, 7) as is_weekend,

    from hours

)

from final
