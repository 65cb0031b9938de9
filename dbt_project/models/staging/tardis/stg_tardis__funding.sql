-- rate: the running one of the venue's own interval; positive means that longs pay.
-- interval: an hour where a venue settles by the hour, else eight.
-- time: `timestamp` in microseconds.
-- https://docs.tardis.dev/downloadable-csv-files#derivative_ticker
with

meant as (

    select
        *,
        if(venue in ('hyperliquid', 'dydx', 'lighter', 'kraken_futures'), 1, 8) as interval_hours,
        false as is_settled,

    from {{ tardis_tickers() }}

    where nullif(funding_rate, '') is not null
        or reject_reason is not null

),

{{ staged_funding(none, 'meant') }}
