-- size: as the venue publishes it: contracts of OKX, BitMEX, Gate and HTX, USD of inverse contracts,
--   else base coin; Bybit's counts both sides and is halved.
-- time: `timestamp` in microseconds.
-- https://docs.tardis.dev/downloadable-csv-files#derivative_ticker
with

spelled as (

    select
        *,
        struct_extract(
            {{ instrument_spelling(none, 'instrument') }}, 'contract_type'
        ) as named_type,
        venue in ('okx', 'bitmex', 'gate', 'htx') as is_in_contracts,
        if(
            venue = 'bybit', {{ half_of_both_sides('open_interest') }}::varchar, open_interest
        ) as one_side,

    from {{ tardis_tickers() }}

    where nullif(open_interest, '') is not null
        or reject_reason is not null

),

meant as (

    select
        *,
        if(is_in_contracts or named_type = 'inverse', one_side, null) as oi_contracts,
        if(is_in_contracts or named_type = 'inverse', null, one_side) as oi_base,
        if(
            named_type = 'inverse' and venue in ('bybit', 'deribit', 'kraken_futures'),
            one_side, null
        ) as oi_usd,

    from spelled

),

{{ staged_open_interest(none, 'meant') }}
