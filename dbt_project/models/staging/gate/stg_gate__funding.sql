-- rate: per interval; positive means that longs pay. A contract's `funding_rate` is the next one's.
-- interval: the contract's `funding_interval` (seconds); of settlements by their steps, and by what
--   contracts listed then (int_funding_intervals).
-- time: `t` in seconds; of the list the time of receipt, since it has none.
-- https://www.gate.com/docs/developers/apiv4/en/#funding-rate-history
with

estimates as (

    select
        *,
        entry ->> 'funding_rate' as funding_rate,
        nullif(try_cast(entry ->> 'funding_interval' as double), 0) / 3600 as interval_hours,
        {{ epoch_s_at("entry ->> 'funding_next_apply'") }}
            as next_funding_at,
        false as is_settled,

    from {{ gate_contracts() }}

),

settled as (

    select
        *,
        params ->> 'contract' as instrument,
        {{ epoch_s_at("entry ->> 't'") }} as observed_at,
        entry ->> 'r' as funding_rate,
        null::double as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,

    from {{ rest_rows('gate', 'funding', gate_paths('funding_rate')) }}

),

interpreted as (

    from settled

    union all by name
    from estimates

),

{{ staged_funding('gate', 'interpreted') }}
