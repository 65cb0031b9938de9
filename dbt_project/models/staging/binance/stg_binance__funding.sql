-- rate: as published for its interval; positive means that longs pay. premiumIndex's
--   `lastFundingRate` is the running estimate of the next settlement, not a settled rate.
-- interval: the dump's funding_interval_hours; else by the settlements, of which nextFundingTime announces
--   one, and by what fundingInfo listed then (int_funding_intervals).
-- time: settlements carry some milliseconds of jitter and are floored to the minute.
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Get-Funding-Rate-History
with

settled_answers as (

    from {{ rest_rows('binance', 'funding', ['/v1/fundingRate']) }}

),

estimate_answers as (

    from {{ rest_rows(
        'binance', 'premium_index', ['/v1/premiumIndex'], single='markPrice'
    ) }}

),

settled as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        source_kind,
        received_at,
        sealed_at,
        entry ->> 'symbol' as instrument,
        date_trunc('minute', {{ epoch_ms_at("entry ->> 'fundingTime'") }}) as observed_at,
        entry ->> 'fundingRate' as funding_rate,
        null as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,
        reject_reason,

    from settled_answers

),

estimates as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        source_kind,
        received_at,
        sealed_at,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at("entry ->> 'time'") }} as observed_at,
        entry ->> 'lastFundingRate' as funding_rate,
        null as interval_hours,
        {{ epoch_ms_at("entry ->> 'nextFundingTime'") }} as next_funding_at,
        false as is_settled,
        reject_reason,

    from estimate_answers

    -- Dated contracts have no funding: an empty rate and no next time.
    where entry is null
        or (nullif(entry ->> 'lastFundingRate', '') is not null
            and coalesce(entry ->> 'nextFundingTime', '0') != '0')

),

from_dumps as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        'dump' as source_kind,
        received_at,
        sealed_at,
        regexp_extract(name, '([^/]+)-fundingRate-', 1) as instrument,
        date_trunc('minute', {{ epoch_ms_at(unrounded('calc_time')) }}) as observed_at,
        last_funding_rate as funding_rate,
        funding_interval_hours as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,
        if(has_wrong_width, 'wrong_column_count', null) as reject_reason,

    from {{ csv_rows('binance', 'funding', 'funding-csv', [
        'calc_time', 'funding_interval_hours', 'last_funding_rate',
    ]) }}

),

unioned as (

    from settled

    union all by name
    from estimates

    union all by name
    from from_dumps

),

{{ staged_funding('binance', 'unioned') }}
