-- One row per hour and base_asset of int_asset_coverage_hourly: its coverage over the windows that end
-- with the hour. An hour without a row of the asset, which no venue lists then, takes that of ALL.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

coverage as (

    from {{ ref('int_asset_coverage_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

with_all as (

    select
        coverage.hour_at,
        coverage.base_asset,
        coverage.is_complete::integer as is_complete,
        (not coverage.is_lower_bound)::integer as is_exact,
        coverage.has_unknown_rule::integer as is_unknown,
        of_all.is_complete::integer as all_complete,
        (not of_all.is_lower_bound)::integer as all_exact,
        of_all.has_unknown_rule::integer as all_unknown,
        coverage.available_at,

    from coverage
    inner join coverage as of_all
        on coverage.hour_at = of_all.hour_at
        and of_all.base_asset = 'ALL'

),

summed as (

    select
        hour_at,
        base_asset,
        {%- for hours in [1, 4, 12, 24] %}
        {%- for counted in [
            'is_complete', 'is_exact', 'is_unknown', 'all_complete', 'all_exact', 'all_unknown',
        ] %}
        sum({{ counted }}) over last_{{ hours }}h as {{ counted }}_{{ hours }}h,
        {%- endfor %}
        count(*) over last_{{ hours }}h as hours_{{ hours }}h,
        max(available_at) over last_{{ hours }}h as available_at_{{ hours }}h,
        {%- endfor %}

    from with_all

    window
        {%- for hours in [1, 4, 12, 24] %}
        last_{{ hours }}h as (
            partition by base_asset
            order by hour_at
            range between interval {{ hours - 1 }} hour preceding and current row
        ){{ ',' if not loop.last }}
        {%- endfor %}

),

final as (

    select
        summed.hour_at,
        summed.base_asset,
        {%- for hours in [1, 4, 12, 24] %}
        (
            summed.is_complete_{{ hours }}h - summed.all_complete_{{ hours }}h
            + of_all.is_complete_{{ hours }}h
        )::integer as complete_hours_{{ hours }}h,
        complete_hours_{{ hours }}h < {{ hours }} as is_incomplete_{{ hours }}h,
        summed.is_exact_{{ hours }}h - summed.all_exact_{{ hours }}h + of_all.is_exact_{{ hours }}h
            < {{ hours }} as is_lower_bound_{{ hours }}h,
        summed.is_unknown_{{ hours }}h - summed.all_unknown_{{ hours }}h
        + of_all.is_unknown_{{ hours }}h > 0 as has_unknown_rule_{{ hours }}h,
        greatest(
            summed.available_at_{{ hours }}h,
            if(
                summed.hours_{{ hours }}h < of_all.hours_{{ hours }}h,
                of_all.available_at_{{ hours }}h,
                null
            )
        ) as available_at_{{ hours }}h,
        {%- endfor %}

    from summed
    inner join summed as of_all
        on summed.hour_at = of_all.hour_at
        and of_all.base_asset = 'ALL'

    where summed.hour_at in {{ build_hours() }}

)

select *,

from final
