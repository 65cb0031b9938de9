-- rate: per interval; positive means that longs pay. The batch's funding_rate is the running estimate,
--   realized_rate of a settlement takes precedence over its funding_rate.
-- interval: not published; from the settlements; the batch's funding_time is the next one
--   (int_funding_intervals).
-- time: `funding_time` of settlements; estimates at the answer's `ts`.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb83d1a-77b5-11ed-9966-0242ac110003
with

settled as (

    select
        *,
        entry ->> 'contract_code' as instrument,
        {{ epoch_ms_at("entry ->> 'funding_time'") }} as observed_at,
        coalesce(nullif(entry ->> 'realized_rate', ''), entry ->> 'funding_rate') as funding_rate,
        true as is_settled,

    from {{ rest_rows(
        'htx', 'funding',
        [
            '/linear-swap-api/v1/swap_historical_funding_rate',
            '/swap-api/v1/swap_historical_funding_rate',
        ],
        rows_at='$.data.data'
    ) }}

),

interpreted as (

    select
        *,
        null as interval_hours,
        null::timestamp as next_funding_at,

    from settled

    union all by name

    select
        *,
        entry ->> 'contract_code' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        entry ->> 'funding_rate' as funding_rate,
        false as is_settled,
        null as interval_hours,
        {{ epoch_ms_at("entry ->> 'funding_time'") }} as next_funding_at,

    from {{ rest_rows(
        'htx', 'funding',
        ['/linear-swap-api/v1/swap_batch_funding_rate', '/swap-api/v1/swap_batch_funding_rate'],
        rows_at='$.data', answered={'answered_ms': '$.ts'}
    ) }}

    -- Contracts that are not trading have no rate.
    where entry is null or nullif(entry ->> 'funding_rate', '') is not null

),

{{ staged_funding('htx', 'interpreted') }}
