with

hidden as (

    from {{ ref('int_hidden_liquidations_hourly') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        hour_at,
        venue,
        base_asset,
        {%- for side in ['long', 'short', 'total'] %}
        {{ side }}_hidden_usd,
        {{ side }}_hidden_usd_variance,
        {{ side }}_hidden_events,
        {{ side }}_hidden_events_variance,
        {{ side }}_estimated_channel_hours,
        {{ unestimated_channel_hours(side) }} as {{ side }}_unestimated_channel_hours,
        {{ side }}_unpriced_events,
        {%- endfor %}
        available_at,

    from hidden

)

select *,

from final

order by hour_at
