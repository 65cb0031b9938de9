-- ratio: accounts that are net long over accounts that are net short.
-- time: `timestamp` in seconds, a list beside the list of ratios.
-- https://docs.kraken.com/api/docs/futures-api/charts/analytics
with

interpreted as (

    select
        *,
        regexp_extract(url, '/analytics/([^/]+)/long-short-ratio$', 1) as instrument,
        {{ epoch_s_at("entry::varchar") }} as observed_at,
        'accounts' as ratio_kind,
        ratio ->> '$' as long_short_ratio,

    from {{ rest_rows(
        'kraken_futures', 'long_short_ratio', ['/long-short-ratio'], rows_at='$.result.timestamp',
        lists={'ratio': '$.result.data'}
    ) }}

),

{{ staged_long_short_ratio('kraken_futures', 'interpreted') }}
