{#- Affected are all events of the condition, rejected those that the hour as a whole shows to be a fault. -#}
{% set checks = {
    'leg_parity': {'judged': 'true', 'affected': 'is_paired', 'reason': 'both_legs'},
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

venue_hours as (

    select
        hour_at,
        venue,
        max(available_at) as available_at,
        {%- for name, check in checks.items() %}
        count(*) filter (where {{ check.judged }}) as {{ name }}_judged_events,
        count(*) filter (where {{ check.affected }}) as {{ name }}_affected_events,
        sum(notional_usd) filter (where {{ check.affected }}) as {{ name }}_affected_usd,
        count(*) filter (where reject_reason = '{{ check.reason }}')
            as {{ name }}_quarantined_events,
        sum(notional_usd) filter (where reject_reason = '{{ check.reason }}')
            as {{ name }}_quarantined_usd,
        -- Only of the affected, as texts of all rows would take longer than the rest.
        min(case when {{ check.affected }} then raw_object || ':' || raw_line end)
            as {{ name }}_example_line,
        {%- endfor %}
        sum(opposite_events_later) / 300.0 as leg_parity_expected_events,

    from grains

    group by hour_at, venue

),

final as (

    {% for name in checks -%}
    select
        hour_at,
        venue,
        '{{ name }}' as check_name,
        {{ name }}_judged_events as judged_events,
        {{ name }}_affected_events as affected_events,
        coalesce(try_cast({{ name }}_affected_usd as decimal(38, 4)), 0) as affected_usd,
        {{ name }}_quarantined_events as quarantined_events,
        coalesce(try_cast({{ name }}_quarantined_usd as decimal(38, 4)), 0) as quarantined_usd,
        {{ 'leg_parity_expected_events' if name == 'leg_parity' else 'null' }}::double
            as expected_events,
        {{ name }}_example_line as example_line,
        available_at,

    from venue_hours
    {% if not loop.last %}union all{% endif %}

    {% endfor -%}

)

from final
