-- rate: per HOUR; positive means that longs pay. A market's nextFundingRate is the running estimate.
-- time: `effectiveAt`, floored to the minute; estimates at the time of receipt.
-- https://docs.dydx.xyz/indexer-client/http#get-historical-funding
with

interpreted as (

    select
        *,
        entry ->> 'ticker' as instrument,
        date_trunc('minute', {{ iso_at("entry ->> 'effectiveAt'") }}) as observed_at,
        entry ->> 'rate' as funding_rate,
        1 as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,

    from {{ rest_rows(
        'dydx', 'funding', ['/v4/historicalFunding/*'], rows_at='$.historicalFunding'
    ) }}

    union all by name

    select
        *,
        entry ->> 'nextFundingRate' as funding_rate,
        1 as interval_hours,
        null::timestamp as next_funding_at,
        false as is_settled,

    from {{ dydx_markets() }}

),

{{ staged_funding('dydx', 'interpreted') }}
