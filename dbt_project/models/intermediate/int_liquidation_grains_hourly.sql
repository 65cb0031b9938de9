{#- Affected are all events of the condition, rejected those that the hour as a whole shows to be a fault. -#}
{% set checks = {
    'leg_parity': {
        'judged': 'true', 'affected': 'is_paired', 'reason': 'both_legs',
        'expected': 'sum(opposite_events_later) / 300.0',
    },
    'doubled_rows': {'judged': 'true', 'affected': 'is_copy', 'reason': 'doubled_row'},
    'mirrored_adl': {
        'judged': "event_kind = 'deleveraging'", 'affected': 'mirrors_liquidation',
        'reason': 'mirrored_adl',
    },
    'price_units': {
        'judged': 'has_market_price', 'affected': 'price_power is not null', 'reason': 'price_unit',
    },
} %}
-- Kept by hour, so that a day is summed from those of its hours that a refresh does not rebuild.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

grains as (

    from {{ ref('int_liquidation_grains') }}

),

final as (

    {% for name, check in checks.items() -%}
    select
        hour_at,
        venue,
        '{{ name }}' as check_name,
        count(*) filter (where {{ check.judged }}) as judged_events,
        count(*) filter (where {{ check.affected }}) as affected_events,
        coalesce(
            try_cast(sum(notional_usd) filter (where {{ check.affected }}) as decimal(38, 4)), 0
        ) as affected_usd,
        count(*) filter (where reject_reason = '{{ check.reason }}') as quarantined_events,
        coalesce(
            try_cast(
                sum(notional_usd) filter (where reject_reason = '{{ check.reason }}')
                as decimal(38, 4)
            ),
            0
        ) as quarantined_usd,
        {{ check.get('expected', 'null') }}::double as expected_events,
        min(raw_object || ':' || raw_line) filter (where {{ check.affected }}) as example_line,
        max(available_at) as available_at,

    from grains

    group by hour_at, venue
    {% if not loop.last %}union all{% endif %}

    {% endfor -%}

)

from final
