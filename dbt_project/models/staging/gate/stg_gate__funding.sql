-- rate: per interval; positive means that longs pay. A contract's `funding_rate` is the next one's.
-- interval: the contract's `funding_interval` (seconds) in the same batch; else the gap between
--   settlements; else 8 hours.
-- time: `t` in seconds; of the list ours, since it has no clock.
-- https://www.gate.com/docs/developers/apiv4/en/#funding-rate-history
with

estimates as (

    select
        *,
        entry ->> 'funding_rate' as funding_rate,
        try_cast(entry ->> 'funding_interval' as double) / 3600 as interval_hours,
        false as is_settled,

    from {{ gate_contracts() }}

),

intervals as (

    select
        batch_id,
        instrument,
        min(interval_hours) as interval_hours,

    from estimates

    group by all

),

settled as (

    select
        *,
        params ->> 'contract' as instrument,
        {{ epoch_ms_at("(try_cast(entry ->> 't' as bigint) * 1000)::varchar") }} as observed_at,
        entry ->> 'r' as funding_rate,
        true as is_settled,

    from {{ rest_rows('gate', 'funding', gate_paths('funding_rate')) }}

),

settled_gaps as (

    select
        *,
        {{ settlement_gap_hours() }} as gap_hours,

    from settled

),

meant as (

    select
        settled_gaps.* exclude (gap_hours),
        coalesce(intervals.interval_hours, settled_gaps.gap_hours, 8) as interval_hours,

    from settled_gaps
    left join intervals using (batch_id, instrument)

    union all by name

    from estimates

),

{{ staged_funding('gate', 'meant') }}
