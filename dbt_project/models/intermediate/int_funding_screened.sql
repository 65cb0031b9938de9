-- One row per staged funding rate: named by its instrument's listing of that time, and either good
-- or rejected with a reason.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

limits as (

    {{ plausibility_limits([
        'funding_rate_8h_max', 'interval_hours_min', 'interval_hours_max',
    ]) | indent(4) }}

),

rows_of as (

    from {{ ref('int_funding_staged') }}

    where hour_at in {{ build_hours() }}

),

intervals as (

    from {{ ref('int_funding_intervals') }}

    where hour_at in {{ build_hours() }}

),

-- The interval derived from all landed data replaces the row's own, unless the row's own is
-- implausible.
staged as (

    select
        rows_of.* exclude (interval_hours),
        limits.*,
        coalesce(intervals.interval_source, 'unknown') as interval_source,
        if(
            intervals.interval_source is null
            or rows_of.interval_hours < limits.interval_hours_min
            or rows_of.interval_hours > limits.interval_hours_max,
            rows_of.interval_hours,
            intervals.interval_hours
        ) as interval_hours,

    from rows_of
    cross join limits
    left join intervals
        on rows_of.venue = intervals.venue
        and rows_of.instrument = intervals.instrument
        and rows_of.observed_at = intervals.funding_at
        and rows_of.is_settled = intervals.is_settled

),

{{ named_observations('staged') }}

{{ screened_observations(
    'named',
    grain=['venue', 'instrument', 'observed_at', 'is_settled'],
    screens={
        'implausible_interval':
            'interval_hours < interval_hours_min or interval_hours > interval_hours_max',
        'implausible_rate': 
            'abs(funding_rate) * 8 / coalesce(interval_hours, 8) > funding_rate_8h_max',
    },
    values=['funding_rate', 'interval_hours'],
    kept=['is_settled', 'interval_source'],
) }}
