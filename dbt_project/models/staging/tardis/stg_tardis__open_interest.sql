-- size: as the venue publishes it, in the unit and for the sides that tardis_units states; figures that
--   count both sides are halved.
-- time: `timestamp` in microseconds.
-- https://docs.tardis.dev/downloadable-csv-files#derivative_ticker
with

one_sided as (

    select
        *,
        if(
            sides = 'both', {{ half_of_both_sides('open_interest') }}::varchar, open_interest
        ) as one_side,

    from {{ tardis_tickers('open_interest', "nullif(open_interest, '') is not null") }}

),

interpreted as (

    select
        *,
        if(unit = 'contracts', one_side, null) as oi_contracts,
        if(unit = 'base', one_side, null) as oi_base,
        if(unit = 'usd', one_side, null) as oi_usd,

    from one_sided

),

{{ staged_open_interest(none, 'interpreted', parsed_symbol=tardis_symbol_parts()) }}
