-- rate: as published for its interval; positive means that longs pay. premiumIndex's
--   `lastFundingRate` is the running estimate of the next settlement, not a settled rate.
-- interval: the dump's funding_interval_hours; else fundingInfo of the same batch, which lists only
--   symbols with an interval of their own; else the gap between settlements; else 8 hours.
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

interval_answers as (

    from {{ rest_rows('binance', 'funding', ['/v1/fundingInfo']) }}

),

-- The shortest, should a symbol's interval have changed within a batch.
listed_intervals as (

    select
        batch_id,
        entry ->> 'symbol' as instrument,
        min(try_cast(entry ->> 'fundingIntervalHours' as double)) as interval_hours,

    from interval_answers

    where entry is not null

    group by all

),

batches_with_intervals as (

    select distinct batch_id,

    from interval_answers

    where entry is not null

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
        true as is_settled,
        reject_reason,

    from settled_answers

),

settled_gaps as (

    select
        *,
        {{ settlement_gap_hours() }} as gap_hours,

    from settled

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
        false as is_settled,
        null::double as gap_hours,
        reject_reason,

    from estimate_answers

    -- Dated contracts have no funding: an empty rate and no next time.
    where entry is null
        or (nullif(entry ->> 'lastFundingRate', '') is not null
            and coalesce(entry ->> 'nextFundingTime', '0') != '0')

),

from_rest as (

    select
        answered.*,
        coalesce(
            listed_intervals.interval_hours,
            if(batches_with_intervals.batch_id is not null, 8, null),
            answered.gap_hours,
            8
        ) as interval_hours,

    from (
        from settled_gaps
        union all by name
        from estimates
    ) as answered
    left join listed_intervals
        on answered.batch_id = listed_intervals.batch_id
        and answered.instrument = listed_intervals.instrument
    left join batches_with_intervals on answered.batch_id = batches_with_intervals.batch_id

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
        date_trunc('minute', {{ epoch_ms_at('calc_time') }}) as observed_at,
        last_funding_rate as funding_rate,
        funding_interval_hours as interval_hours,
        true as is_settled,
        if(has_wrong_width, 'wrong_column_count', null) as reject_reason,

    from {{ csv_rows('binance', 'funding', 'funding-csv', [
        'calc_time', 'funding_interval_hours', 'last_funding_rate',
    ]) }}

),

unioned as (

    select * exclude (gap_hours) replace (interval_hours::varchar as interval_hours),

    from from_rest

    union all by name
    from from_dumps

),

{{ staged_funding('binance', 'unioned') }}
