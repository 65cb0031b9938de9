-- price: `mark_price`, and `estimated_delivery_price` as the index: they differ only in the last minutes.
-- time: the row's creation_timestamp.
-- https://docs.deribit.com/#public-get_book_summary_by_currency
with

marks as (

    select
        *,
        entry ->> 'mark_price' as mark_usd,
        entry ->> 'estimated_delivery_price' as index_usd,

    from {{ deribit_summaries() }}

),

{{ staged_price_points('deribit', 'marks') }}
