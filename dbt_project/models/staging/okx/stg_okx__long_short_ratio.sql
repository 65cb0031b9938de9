-- ratio: accounts that are net long over accounts that are net short, of all contracts of a currency
--   (the instrument is then the bare currency) or of one contract.
-- time: the array's first value.
-- https://www.okx.com/docs-v5/en/#trading-statistics-rest-api-get-long-short-ratio
with

answered as (

    from {{ rest_rows(
        'okx',
        'long_short_ratio',
        [
            '/api/v5/rubik/stat/contracts/long-short-account-ratio',
            '/api/v5/rubik/stat/contracts/long-short-account-ratio-contract',
            '/api/v5/rubik/stat/contracts/long-short-account-ratio-contract-top-trader',
            '/api/v5/rubik/stat/contracts/long-short-position-ratio-contract-top-trader',
        ],
        rows_at='$.data'
    ) }}

),

interpreted as (

    select
        *,
        coalesce(params ->> 'instId', params ->> 'ccy') as instrument,
        {{ epoch_ms_at("entry ->> 0") }} as observed_at,
        case regexp_extract(url, '[^/]+$')
            when 'long-short-account-ratio-contract-top-trader' then 'top_accounts'
            when 'long-short-position-ratio-contract-top-trader' then 'top_positions'
            else 'accounts'
        end as ratio_kind,
        entry ->> 1 as long_short_ratio,

    from answered

),

{{ staged_long_short_ratio('okx', 'interpreted') }}
