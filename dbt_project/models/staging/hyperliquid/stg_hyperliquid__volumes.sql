-- volume: `dayNtlVlm` in USD. Which day is not documented: taken as the last 24 hours, the label on the
--   venue's own pages.
-- time: of receipt, since the answer has no timestamp; the archive's files have a minute.
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
