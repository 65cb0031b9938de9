-- size: `open_interest`, one-sided; USD of inverse contracts, base coin of linear ones.
-- time: the row's creation_timestamp.
-- https://docs.deribit.com/#public-get_book_summary_by_currency
with

interpreted as (

    select
        *,
        {{ is_inverse_by_name('deribit', 'instrument') }} as is_inverse,
        null::varchar as oi_contracts,
        if(is_inverse, null, entry ->> 'open_interest') as oi_base,
        if(is_inverse, entry ->> 'open_interest', null) as oi_usd,

    from {{ deribit_summaries() }}

),

{{ staged_open_interest('deribit', 'interpreted') }}
