{#- 2026-11-26: hours that fit a shift nearly exactly, and much better than as they are. -#}
{% set max_zone_hours, min_zone_correlation, min_correlation_gain = 14, 0.9, 0.3 %}
{% set min_zone_hours_compared = 8 %}
{#- 2026-11-26: a unit is the same in all hours; prices of sums in coins differ by a percent or two. -#}
{% set factor_tolerance, min_factor_share, min_factor_spans = 0.02, 0.8, 3 %}
{% set keys = ['event_date', 'venue', 'base_asset', 'left_source', 'right_source'] %}
{{ config(meta={'partition': 'event_date'}) }}

with

cells as (

    from {{ ref('int_reconciliation_cells') }}

),

contract_sizes as (

    select distinct
        venue,
        base_asset,
        contract_size::double as factor,

    from {{ ref('int_instrument_versions') }}

    where contract_size > 0
        and contract_size != 1

),

days as (

    select
        {{ keys | join(', ') }},
        any_value(bar_seconds) as bar_seconds,
        sum(left_usd) as left_usd,
        sum(stated_usd) as right_usd,
        sum(left_events)::bigint as left_events,
        sum(right_events)::bigint as right_events,
        sum(stated_usd) - sum(right_usd) as window_usd,
        max(available_at) as available_at,

    from cells

    group by {{ keys | join(', ') }}

),

-- Only hourly figures show a zone, and only where they differ.
zone_cells as (

    select
        cells.*,
        hour(cells.span_at) as hour_of_day,

    from cells
    inner join days
        on {{ is_same_pair('cells', 'days') | indent(8) }}

    where cells.bar_seconds <= 3600
        and days.left_usd > 0
        and days.right_usd > 0

),

day_hours as (

    select
        {{ keys | join(', ') }},
        list_distinct(list(hour_of_day)) as known_hours,
        map_from_entries(list((hour_of_day, left_usd::double))) as left_by_hour,
        map_from_entries(list((hour_of_day, right_usd::double))) as right_by_hour,

    from zone_cells

    group by {{ keys | join(', ') }}

    having count(*) filter (where left_usd > 0) >= {{ min_zone_hours_compared }}
        and count(*) filter (where right_usd > 0) >= {{ min_zone_hours_compared }}

),

zone_shifts as (

    select unnest(range(-{{ max_zone_hours }}, {{ max_zone_hours + 1 }})) as zone_hours,

),

hours_of_day as (

    select unnest(range(24)) as hour_of_day,

),

shifted_hours as (

    select
        day_hours.*,
        zone_shifts.zone_hours,
        hours_of_day.hour_of_day,
        coalesce(left_by_hour[hour_of_day], 0) as left_usd,
        coalesce(right_by_hour[hour_of_day + zone_hours], 0) as right_usd,

    from day_hours
    cross join zone_shifts
    cross join hours_of_day

    where hours_of_day.hour_of_day + zone_shifts.zone_hours between 0 and 23

),

zone_fits as (

    select
        {{ keys | join(', ') }},
        zone_hours,
        round(corr(left_usd, right_usd), 6) as fit_correlation,

    from shifted_hours

    group by {{ keys | join(', ') }}, zone_hours

    having count(*) filter (where left_usd > 0 and right_usd > 0) >= {{ min_zone_hours_compared }}
        or zone_hours = 0

),

best_zones as (

    select
        {{ keys | join(', ') }},
        arg_max(zone_hours, (fit_correlation, -abs(zone_hours))) as zone_hours,
        max(fit_correlation) as best_correlation,
        max(fit_correlation) filter (where zone_hours = 0) as unshifted_correlation,

    from zone_fits

    where not isnan(fit_correlation)

    group by {{ keys | join(', ') }}

),

zones as (

    select
        {{ keys | join(', ') }},
        zone_hours,

    from best_zones

    where zone_hours != 0
        and best_correlation >= {{ min_zone_correlation }}
        and best_correlation - coalesce(unshifted_correlation, 0) >= {{ min_correlation_gain }}

),

-- The right side's hours, moved; what leaves the day has no counterpart in it.
moved as (

    select
        cells.*,
        coalesce(zones.zone_hours, 0) as zone_hours,
        cells.span_at - to_hours(coalesce(zones.zone_hours, 0)) as right_at,

    from cells
    left join zones
        on {{ is_same_pair('cells', 'zones') | indent(8) }}

),

right_cells as (

    select
        {{ keys | join(', ') }},
        right_at as span_at,
        right_usd,
        right_uncovered_share,
        try_cast(right_at as date) = event_date as is_in_day,

    from moved

    where right_usd != 0
        or right_uncovered_share > 0

),

left_cells as (

    select
        * exclude (
            right_usd, right_uncovered_share, right_at, stated_usd, right_events, available_at
        ),
        try_cast(span_at + to_hours(zone_hours) as date) = event_date as is_in_day,

    from moved

),

unpaired as (

    select
        {{ keys | join(', ') }},
        right_usd as usd,

    from right_cells

    where not is_in_day

    union all

    select
        {{ keys | join(', ') }},
        -left_usd as usd,

    from left_cells

    where not is_in_day

),

outside as (

    select
        {{ keys | join(', ') }},
        sum(usd) as zone_usd,

    from unpaired

    group by {{ keys | join(', ') }}

),

left_in_day as (

    from left_cells

    where is_in_day

),

right_in_day as (

    from right_cells

    where is_in_day

),

paired as (

    select
        {%- for key in keys %}
        coalesce(left_cells.{{ key }}, right_cells.{{ key }}) as {{ key }},
        {%- endfor %}
        coalesce(left_cells.left_usd, 0)::double as left_usd,
        coalesce(right_cells.right_usd, 0)::double as right_usd,
        coalesce(left_cells.left_uncovered_share, 0) as left_uncovered_share,
        coalesce(right_cells.right_uncovered_share, 0) as right_uncovered_share,
        coalesce(left_cells.hidden_usd, 0)::double as hidden_usd,
        coalesce(left_cells.uncounted_usd, 0)::double as uncounted_usd,

    from left_in_day as left_cells
    full join right_in_day as right_cells
        on {{ is_same_pair('left_cells', 'right_cells') | indent(8) }}
        and left_cells.span_at = right_cells.span_at

),

ratios as (

    select
        {{ keys | join(', ') }},
        right_usd / left_usd as ratio,
        median(right_usd / left_usd) over (partition by {{ keys | join(', ') }}) as median_ratio,

    from paired

    where left_usd > 0
        and right_usd > 0

),

constant_ratios as (

    select
        {{ keys | join(', ') }},
        any_value(median_ratio) as median_ratio,

    from ratios

    group by {{ keys | join(', ') }}

    having count(*) >= {{ min_factor_spans }}
        and avg((abs(ratio / median_ratio - 1) <= {{ factor_tolerance }})::integer)
        >= {{ min_factor_share }}

),

candidates as (

    select
        {{ keys | join(', ') }},
        median_ratio,
        unnest([0.5, 2]) as factor,
        true as is_legs,

    from constant_ratios

    union all

    select
        {{ keys | join(', ') }},
        median_ratio,
        10::double ** unnest(range(-9, 10)) as factor,
        false as is_legs,

    from constant_ratios

    union all

    select
        {%- for key in keys %}
        constant_ratios.{{ key }},
        {%- endfor %}
        constant_ratios.median_ratio,
        unnest([contract_sizes.factor, 1 / contract_sizes.factor]) as factor,
        false as is_legs,

    from constant_ratios
    inner join contract_sizes
        on constant_ratios.venue = contract_sizes.venue
        and constant_ratios.base_asset = contract_sizes.base_asset

),

factors as (

    select
        {{ keys | join(', ') }},
        factor,
        is_legs,

    from candidates

    where factor != 1
        and abs(median_ratio / factor - 1) <= {{ factor_tolerance }}

    qualify
        row_number() over (
            partition by {{ keys | join(', ') }}
            order by abs({{ natural_log('median_ratio / factor') }}), factor
        ) = 1

),

-- Each part takes what is left of the difference, at most as much as it can explain.
explained as (

    select
        {%- for key in keys %}
        paired.{{ key }},
        {%- endfor %}
        coalesce(factors.is_legs, false) as is_of_legs,
        factors.factor,
        paired.right_usd - paired.right_usd / coalesce(factors.factor, 1) as factor_usd,
        paired.right_usd - factor_usd as right_in_unit_usd,
        right_in_unit_usd - paired.left_usd as in_unit_usd,
        greatest(least(in_unit_usd, if(is_of_legs, 0, paired.uncounted_usd)), 0) as repeated_usd,
        in_unit_usd - repeated_usd as of_same_grain_usd,
        case
            when of_same_grain_usd > 0
                then least(of_same_grain_usd, right_in_unit_usd * paired.left_uncovered_share)
            else -least(-of_same_grain_usd, paired.left_usd * paired.right_uncovered_share)
        end as coverage_usd,
        greatest(least(of_same_grain_usd - coverage_usd, paired.hidden_usd), 0) as publication_usd,

    from paired
    left join factors
        on {{ is_same_pair('paired', 'factors') | indent(8) }}

),

parts as (

    select
        {{ keys | join(', ') }},
        max(factor) filter (where not is_of_legs) as unit_factor,
        sum(if(is_of_legs, 0, try_cast(factor_usd as decimal(38, 4)))) as units_usd,
        sum(
            try_cast(repeated_usd as decimal(38, 4))
            + if(is_of_legs, try_cast(factor_usd as decimal(38, 4)), 0)
        ) as grain_usd,
        sum(try_cast(coverage_usd as decimal(38, 4))) as coverage_usd,
        sum(try_cast(publication_usd as decimal(38, 4))) as publication_usd,
        count(*) as compared_spans,

    from explained

    group by {{ keys | join(', ') }}

),

summed as (

    select
        days.*,
        days.right_usd - days.left_usd as difference_usd,
        coalesce(outside.zone_usd, 0) as zone_usd,
        zones.zone_hours,
        parts.unit_factor,
        coalesce(parts.units_usd, 0) as units_usd,
        coalesce(parts.grain_usd, 0) as grain_usd,
        coalesce(parts.coverage_usd, 0) as coverage_usd,
        coalesce(parts.publication_usd, 0) as publication_usd,
        coalesce(parts.compared_spans, 0) as compared_spans,
        difference_usd - window_usd - coalesce(outside.zone_usd, 0) - coalesce(parts.units_usd, 0)
        - coalesce(parts.grain_usd, 0) - coalesce(parts.coverage_usd, 0)
        - coalesce(parts.publication_usd, 0) as rest_usd,

    from days
    left join outside
        on {{ is_same_pair('days', 'outside') | indent(8) }}
    left join zones
        on {{ is_same_pair('days', 'zones') | indent(8) }}
    left join parts
        on {{ is_same_pair('days', 'parts') | indent(8) }}

),

final as (

    select
        event_date,
        venue,
        base_asset,
        left_source,
        right_source,
        bar_seconds::integer as bar_seconds,
        compared_spans::bigint as compared_spans,
        left_events,
        right_events,
        try_cast(left_usd as decimal(38, 4)) as left_usd,
        try_cast(right_usd as decimal(38, 4)) as right_usd,
        try_cast(difference_usd as decimal(38, 4)) as difference_usd,
        {%- for part in ['window', 'zone', 'units', 'grain', 'coverage', 'publication', 'rest'] %}
        try_cast({{ part }}_usd as decimal(38, 4)) as {{ part }}_usd,
        {%- endfor %}
        zone_hours::integer as zone_hours,
        unit_factor,
        round(abs(rest_usd)::double / nullif(greatest(left_usd, right_usd)::double, 0), 6)
            as rest_share,
        available_at,

    from summed

)

from final
