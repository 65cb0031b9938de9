{#- What a check finds in rows is rejected before it counts; what only their context shows is flagged. -#}
{% set row_checks = {
    'leg_parity': {'reason': 'both_legs', 'min': 10, 'threshold': 0.5},
    'doubled_rows': {'reason': 'doubled_row', 'min': 10, 'threshold': 0.4},
    'mirrored_adl': {'reason': 'mirrored_adl', 'min': 1, 'threshold': 0},
    'price_units': {'reason': 'price_unit', 'min': 1, 'threshold': 0},
} %}
{#- 2026-11-26: by chance one check in a thousand warns, and one in 100,000 is critical. -#}
{% set warning_p, critical_p = 0.001, 0.00001 %}
{#- Pairs, and at least one of the spans that chance is measured in. -#}
{% set expected_pairs = '((expected_hits * 300 / 2 + 1) / 300)' %}
{#- 2026-11-26: fills of one order are alike; of a day's simulated events at most 8%. -#}
{% set chance_of_a_copy = 0.2 %}
{#- 2026-11-26: ten spans that all agree by chance: one in a thousand. -#}
{% set min_spans, min_minutes = 10, 20 %}
{#- 2026-11-26: simulated venues differ by up to a factor of 2.8, wrong contracts by 100 and more. -#}
{% set min_sized_events, max_size_power = 20, 2 %}
{#- 2026-11-26: in 341 simulated days of venues the best shift is at most 0.7 deviations ahead of none. -#}
{% set min_shift_minutes, best_deviations, ahead_deviations = 2, 5, 3 %}
{% set critical_deviations, critical_ahead_deviations = 8, 5 %}
{% set max_outside_share, min_fitting_share = 0.5, 0.9 %}
{{ config(meta={'partition': 'event_date'}) }}

with

grains as (

    from {{ ref('int_liquidation_grains_hourly') }}

    where {{ is_of_build_days() }}

),

liquidations as (

    select
        hour_at::date as event_date,
        venue,
        base_asset,
        notional_usd,
        available_at,

    from {{ ref('fct_liquidations') }}

    where {{ is_of_build_days() }}
        and {{ counted_liquidations() }}

),

side_votes as (

    from {{ ref('int_liquidation_side_votes') }}

),

clock_shifts as (

    from {{ ref('int_liquidation_clock_shifts') }}

),

clock_prices as (

    from {{ ref('int_liquidation_clock_prices') }}

),

venue_days as (

    select
        hour_at::date as event_date,
        venue,
        max(available_at) as available_at,

    from grains

    group by all

),

counted as (

    select
        event_date,
        venue,
        count(*) as events,
        sum(notional_usd) as total_usd,

    from liquidations

    group by all

),

row_days as (

    select
        hour_at::date as event_date,
        venue,
        check_name,
        sum(judged_events)::bigint as trials,
        sum(affected_events)::bigint as hits,
        sum(affected_usd) as affected_usd,
        sum(quarantined_events)::bigint as quarantined_rows,
        sum(quarantined_usd) as quarantined_usd,
        sum(expected_events) as expected_hits,
        min(example_line) as example_line,

    from grains

    group by all

),

row_verdicts as (

    select
        event_date,
        venue,
        check_name,
        trials,
        hits,
        hits / nullif(trials, 0)::double as statistic,
        case check_name
            {%- for name, check in row_checks.items() %}
            when '{{ name }}' then {{ check.threshold }}
            {%- endfor %}
        end::double as threshold,
        case check_name
            when 'leg_parity' then expected_hits / nullif(trials, 0)
            when 'doubled_rows' then {{ chance_of_a_copy }}
            else 0
        end::double as expected_statistic,
        case check_name
            when 'leg_parity'
                then {{ poisson_upper_bound('(hits / 2.0)', expected_pairs) }}
            when 'doubled_rows' then {{ binomial_upper_tail('hits', 'trials', chance_of_a_copy) }}
        end as p_value,
        hits as affected_rows,
        affected_usd,
        quarantined_rows,
        quarantined_usd,
        example_line,
        case check_name
            {%- for name, check in row_checks.items() %}
            when '{{ name }}' then trials >= {{ check.min }}
            {%- endfor %}
        end as has_enough,
        quarantined_rows > 0 as is_critical,
        coalesce(p_value < {{ warning_p }}, false) as is_warning,

    from row_days

),

-- Of each asset the venue's median dollars over those of all others.
asset_sizes as (

    select
        event_date,
        venue,
        base_asset,
        count(*) as events,
        median(notional_usd::double) as median_usd,
        max(available_at) as available_at,

    from liquidations

    group by all

),

asset_ratios as (

    select
        sizes.event_date,
        sizes.venue,
        sizes.base_asset,
        sizes.events,
        {{ natural_log('sizes.median_usd / median(others.median_usd)') }} / ln(10) as size_power,
        max(greatest(sizes.available_at, others.available_at)) as available_at,

    from asset_sizes as sizes
    inner join asset_sizes as others
        on sizes.event_date = others.event_date
        and sizes.base_asset = others.base_asset
        and sizes.venue != others.venue

    group by sizes.event_date, sizes.venue, sizes.base_asset, sizes.events, sizes.median_usd

),

size_days as (

    select
        event_date,
        venue,
        sum(events)::bigint as trials,
        count(distinct base_asset) as assets,
        round(median(size_power), 6) as size_power,
        max(available_at) as available_at,

    from asset_ratios

    group by all

),

size_verdicts as (

    select
        event_date,
        venue,
        'size_units' as check_name,
        trials,
        null::bigint as hits,
        size_power as statistic,
        {{ max_size_power }}::double as threshold,
        0::double as expected_statistic,
        null::double as p_value,
        trials >= {{ min_sized_events }} as has_enough,
        false as is_critical,
        abs(size_power) >= {{ max_size_power }} as is_warning,
        available_at,

    from size_days

),

side_days as (

    select
        event_date,
        venue,
        check_name,
        count(*) as trials,
        count(*) filter (where is_opposed) as hits,
        count(*) filter (where not is_opposed) as agreeing,
        max(available_at) as available_at,

    from side_votes

    group by all

),

side_chances as (

    select
        *,
        {{ binomial_upper_tail('hits', 'trials', 0.5) }} as p_value,
        {{ binomial_upper_tail('agreeing', 'trials', 0.5) }} < {{ warning_p }} as is_agreeing,

    from side_days

),

-- One witness against the sides is no more than a warning while another one confirms them.
side_verdicts as (

    select
        event_date,
        venue,
        check_name,
        trials,
        hits,
        hits / trials::double as statistic,
        0.5::double as threshold,
        0.5::double as expected_statistic,
        p_value,
        trials >= {{ min_spans }} as has_enough,
        p_value < {{ critical_p }}
            and not bool_or(is_agreeing) over (partition by event_date, venue) as is_critical,
        p_value < {{ warning_p }} as is_warning,
        max(available_at) over (partition by event_date, venue) as available_at,

    from side_chances

),

-- Two venues alone cannot show which of them is shifted.
shift_verdicts as (

    select
        event_date,
        venue,
        'clock_by_other_venues' as check_name,
        active_minutes as trials,
        null::bigint as hits,
        best_deviations - unshifted_deviations as statistic,
        {{ ahead_deviations }}::double as threshold,
        0::double as expected_statistic,
        null::double as p_value,
        active_minutes >= {{ min_minutes }} and other_minutes >= {{ min_minutes }} as has_enough,
        abs(best_shift_minutes) >= {{ min_shift_minutes }}
            and best_deviations >= {{ best_deviations }}
            and statistic >= {{ ahead_deviations }} as is_warning,
        is_warning
            and best_deviations >= {{ critical_deviations }}
            and statistic >= {{ critical_ahead_deviations }}
            and count(*) over (partition by event_date) > 2 as is_critical,
        case when is_warning then best_shift_minutes end as shift_minutes,
        available_at,

    from clock_shifts

),

clock_verdicts as (

    select
        event_date,
        venue,
        'clock_by_asset_prices' as check_name,
        priced_events as trials,
        priced_events - fitting_events as hits,
        (priced_events - fitting_events) / priced_events::double as statistic,
        {{ max_outside_share }}::double as threshold,
        0::double as expected_statistic,
        null::double as p_value,
        priced_events >= {{ row_checks.leg_parity.min }} as has_enough,
        best_shift_hours != 0
            and statistic >= {{ max_outside_share }}
            and best_fitting_share >= {{ min_fitting_share }} as is_critical,
        statistic >= {{ max_outside_share }} as is_warning,
        case when is_critical then best_shift_hours * 60 end as shift_minutes,
        available_at,

    from clock_prices

),

context_verdicts as (

    from size_verdicts

    union all by name
    from side_verdicts

    union all by name
    from shift_verdicts

    union all by name
    from clock_verdicts

),

-- What only the context shows affects all of the venue's day.
with_rows as (

    select
        context_verdicts.*,
        if(is_warning, counted.events, 0) as affected_rows,
        if(is_warning, counted.total_usd, 0) as affected_usd,
        0::bigint as quarantined_rows,
        0::decimal(38, 4) as quarantined_usd,

    from context_verdicts
    inner join counted
        on context_verdicts.event_date = counted.event_date
        and context_verdicts.venue = counted.venue

),

verdicts as (

    from row_verdicts

    union all by name
    from with_rows

),

checks as (

    select unnest([
        'leg_parity', 'doubled_rows', 'mirrored_adl', 'price_units', 'size_units',
        'side_by_own_prices', 'side_by_other_venues', 'side_by_asset_prices',
        'clock_by_other_venues', 'clock_by_asset_prices',
    ]) as check_name,

),

final as (

    select
        venue_days.event_date,
        venue_days.venue,
        checks.check_name,
        case
            when verdicts.is_critical then 'critical'
            when not coalesce(verdicts.has_enough, false) then 'not_enough_data'
            when verdicts.is_warning then 'warning'
            else 'ok'
        end as severity,
        coalesce(verdicts.trials, 0)::bigint as trials,
        verdicts.hits::bigint as hits,
        round(verdicts.statistic, 6) as statistic,
        verdicts.threshold,
        round(verdicts.expected_statistic, 6) as expected_statistic,
        try_cast(printf('%.3e', verdicts.p_value) as double) as p_value,
        verdicts.shift_minutes::integer as shift_minutes,
        coalesce(verdicts.affected_rows, 0)::bigint as affected_rows,
        coalesce(try_cast(verdicts.affected_usd as decimal(38, 4)), 0) as affected_usd,
        coalesce(verdicts.quarantined_rows, 0)::bigint as quarantined_rows,
        coalesce(try_cast(verdicts.quarantined_usd as decimal(38, 4)), 0) as quarantined_usd,
        verdicts.example_line,
        if(verdicts.quarantined_rows > 0, 'quarantined_liquidations', 'fct_liquidations')
            as rows_table,
        concat(
            'venue = ''',
            venue_days.venue,
            ''' and hour_at::date = ''',
            venue_days.event_date,
            '''',
            case
                when verdicts.quarantined_rows > 0
                    then concat(
                        ' and reject_reason = ''',
                        case checks.check_name
                            {%- for name, check in row_checks.items() %}
                            when '{{ name }}' then '{{ check.reason }}'
                            {%- endfor %}
                        end,
                        ''''
                    )
            end
        ) as rows_where,
        greatest(venue_days.available_at, verdicts.available_at) as available_at,

    from venue_days
    cross join checks
    left join verdicts
        on venue_days.event_date = verdicts.event_date
        and venue_days.venue = verdicts.venue
        and checks.check_name = verdicts.check_name

)

from final
