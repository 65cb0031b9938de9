-- rate: per interval; positive means that longs pay. The list's `fundingRate` is the next settlement's.
-- interval: `fundingInterval`, written as a date whose time of day is the interval.
-- time: the settlement's `timestamp`; the list's at the row's `timestamp`.
-- https://www.bitmex.com/api/explorer/#!/Funding/Funding_get
with

settled as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ iso_at("entry ->> 'timestamp'") }} as observed_at,
        true as is_settled,

    from {{ rest_rows('bitmex', 'funding', ['/api/v1/funding']) }}

),

estimates as (

    select
        *,
        false as is_settled,

    from {{ bitmex_instruments() }}

    -- Dated contracts have no funding.
    where entry is null or (entry ->> 'fundingRate') is not null

),

answered as (

    from settled
    union all by name
    from estimates

),

interpreted as (

    select
        *,
        entry ->> 'fundingRate' as funding_rate,
        date_diff(
            'hour',
            timestamp '2000-01-01',
            try_cast(entry ->> 'fundingInterval' as timestamptz) at time zone 'UTC'
        ) as interval_hours,
        if(is_settled, null, {{ iso_at("entry ->> 'fundingTimestamp'") }}) as next_funding_at,

    from answered

),

{{ staged_funding('bitmex', 'interpreted') }}
