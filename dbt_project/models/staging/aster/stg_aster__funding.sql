-- rate: per interval; positive means that longs pay. `lastFundingRate` is the running estimate of the
--   next settlement, not a settled rate.
-- interval: not published; from the settlements and nextFundingTime (int_funding_intervals).
-- time: settlements carry some milliseconds of jitter and are floored to the minute.
-- https://github.com/asterdex/api-docs
with

settled as (

    select
        *,
        entry ->> 'symbol' as instrument,
        date_trunc('minute', {{ epoch_ms_at("entry ->> 'fundingTime'") }}) as observed_at,
        entry ->> 'fundingRate' as funding_rate,
        true as is_settled,

    from {{ rest_rows('aster', 'funding', ['/fapi/v1/fundingRate']) }}

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
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at("entry ->> 'time'") }} as observed_at,
        entry ->> 'lastFundingRate' as funding_rate,
        false as is_settled,
        null as interval_hours,
        {{ epoch_ms_at("entry ->> 'nextFundingTime'") }} as next_funding_at,

    from {{ rest_rows('aster', 'premium_index', ['/fapi/v1/premiumIndex'], single='markPrice') }}

    where entry is null or nullif(entry ->> 'lastFundingRate', '') is not null

),

{{ staged_funding('aster', 'interpreted') }}
