{%- set screened = {
    'open_interest': 'int_open_interest_screened',
    'funding': 'int_funding_screened',
    'prices': 'int_prices_screened',
    'volumes': 'int_volumes_screened',
    'long_short_ratio': 'int_long_short_ratio_screened',
    'market_caps': 'int_market_caps_screened',
    'reported_liquidations': 'int_reported_liquidations_screened',
} %}

with

final as (

    {% for dataset, model in screened.items() %}
    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        venue,
        '{{ dataset }}' as dataset,
        reject_reason,
        source_kind,
        instrument,
        raw_values,
        observed_at,
        received_at,
        sealed_at,
        sealed_at as available_at,
        hour_at,

    from {{ ref(model) }}

    where reject_reason is not null
        and hour_at in {{ build_hours() }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

from final
