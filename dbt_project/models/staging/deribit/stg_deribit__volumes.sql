-- volume: `volume_usd`, and `volume` in base coin, of the last 24 hours.
-- time: the row's creation_timestamp.
-- https://docs.deribit.com/#public-get_book_summary_by_currency
with

interpreted as (

    select
        *,
        24 as window_hours,
        entry ->> 'volume' as volume_base,
        entry ->> 'volume_usd' as volume_usd,

    from {{ deribit_summaries() }}

    where entry is null or nullif(entry ->> 'volume_usd', '') is not null

),

{{ staged_volumes('deribit', 'interpreted') }}
