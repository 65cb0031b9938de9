-- size: `openInterest` is the sum of BOTH sides; singleOpenInterest is one, else half is taken.
--   Linear in base coin; inverse in USD (contracts of 1 USD), its openInterestValue in base coin.
-- time: the row's `timestamp`; tickers carry none, the answer's own `time` does.
-- https://bybit-exchange.github.io/docs/v5/market/open-interest
with

history_answers as (

    from {{ rest_rows(
        'bybit', 'open_interest', ['/v5/market/open-interest'], rows_at='$.result.list',
        answered={'symbol': '$.result.symbol'}
    ) }}

),

ticker_answers as (

    from {{ rest_rows(
        'bybit', 'tickers', ['/v5/market/tickers'], rows_at='$.result.list',
        answered={'category': '$.result.category', 'answered_ms': '$.time'}
    ) }}

    where coalesce(category, '') not in ('spot', 'option')

),

unioned as (

    select
        * exclude (params),
        -- Rows of the history do not name their symbol.
        coalesce(entry ->> 'symbol', symbol, params ->> 'symbol')
            as instrument,
        {{ epoch_ms_at("entry ->> 'timestamp'") }} as observed_at,
        null::varchar as both_sides_value,

    from history_answers

    union all by name

    select
        * exclude (params),
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        entry ->> 'openInterestValue' as both_sides_value,

    from ticker_answers

    -- Contracts before their trading starts carry empty texts.
    where entry is null or nullif(entry ->> 'openInterest', '') is not null

),

one_sided as (

    select
        *,
        'rest' as source_kind,
        coalesce(
            nullif(entry ->> 'singleOpenInterest', ''),
            {{ half_of_both_sides("entry ->> 'openInterest'") }}
        ) as open_interest,
        {{ half_of_both_sides('both_sides_value') }} as open_interest_value,
        {{ is_inverse_by_name('bybit', 'instrument') }} as is_inverse,
        if(entry is null, 'unreadable_json', null) as reject_reason,

    from unioned

),

meant as (

    select
        *,
        if(is_inverse, open_interest, null) as oi_contracts,
        if(is_inverse, open_interest_value, open_interest) as oi_base,
        if(is_inverse, open_interest, open_interest_value) as oi_usd,

    from one_sided

),

{{ staged_observations(
    'bybit',
    'meant',
    numbers={'oi_contracts': 'not_negative', 'oi_base': 'not_negative', 'oi_usd': 'not_negative'},
    required=['open_interest'],
) }}
