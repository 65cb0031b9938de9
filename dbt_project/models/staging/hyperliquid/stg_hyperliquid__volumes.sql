-- volume: `dayNtlVlm` in USD. The venue does not say which day: taken as the last 24 hours, as its own
--   pages label it.
-- time: ours, since the answer has no clock; the archive's files have a minute.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
with

interpreted as (

    select
        *,
        coin as instrument,
        24 as window_hours,
        null::varchar as volume_base,
        day_ntl_vlm as volume_usd,

    from {{ hyperliquid_contexts() }}

    where not is_delisted
        and (reject_reason is not null or nullif(day_ntl_vlm, '') is not null)

),

{{ staged_volumes(
    'hyperliquid', 'interpreted', parsed_symbol=hyperliquid_symbol_parts_in('coin', 'quote_asset')
) }}
