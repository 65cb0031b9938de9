with

hidden as (

    from {{ ref('int_hidden_liquidations_minutely') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        minute_at,
        hour_at,
        venue,
        base_asset,
        {%- for side in ['long', 'short', 'total'] %}
        {{ side }}_hidden_usd,
        {{ side }}_hidden_usd_variance,
        {{ side }}_hidden_events,
        {{ side }}_hidden_events_variance,
        {%- endfor %}
        available_at,

    from hidden

)

select *,

from final

order by minute_at
