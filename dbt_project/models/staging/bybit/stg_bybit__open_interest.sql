-- size: `openInterest` is the sum of BOTH sides; singleOpenInterest is one, else half is taken.
--   Linear in base coin; inverse in USD (contracts of 1 USD), its openInterestValue in base coin.
-- time: the row's `timestamp`; tickers carry none, the answer's own `time` does.
-- https://bybit-exchange.github.io/docs/v5/market/open-interest
with

unioned as (

    select
        *,
        -- Rows of the history do not name their symbol.
        coalesce(entry ->> 'symbol', symbol, params ->> 'symbol') as instrument,
        {{ epoch_ms_at("entry ->> 'timestamp'") }} as observed_at,
        null::varchar as both_sides_value,

    from {{ rest_rows(
        'bybit', 'open_interest', ['/v5/market/open-interest'], rows_at='$.result.list',
        answered={'symbol': '$.result.symbol'}
    ) }}

    union all by name

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        entry ->> 'openInterestValue' as both_sides_value,

    from {{ bybit_tickers() }}

    -- Contracts before their trading starts carry empty texts.
    where entry is null or nullif(entry ->> 'openInterest', '') is not null

),

one_sided as (

    select
        *,
        coalesce(
            nullif(entry ->> 'singleOpenInterest', ''),
            {{ half_of_both_sides("entry ->> 'openInterest'") }}
        ) as open_interest,
        {{ half_of_both_sides('both_sides_value') }} as open_interest_value,
        {{ is_inverse_by_name('bybit', 'instrument') }} as is_inverse,

    from unioned

),

interpreted as (

    select
        *,
        if(is_inverse, open_interest, null) as oi_contracts,
        if(is_inverse, open_interest_value, open_interest) as oi_base,
        if(is_inverse, open_interest, open_interest_value) as oi_usd,

    from one_sided

),

{{ staged_open_interest('bybit', 'interpreted', required=['open_interest']) }}
