-- asset: the coin's symbol as the source writes it; its sector stands in seed `assets`.
-- value: USD; a market cap of 0 means that the supply is not verified. Above 1e15 is more than all
--   the wealth in the world, which is about 5e14 dollars.
-- time: the instant that the market capitalisation is of.
-- The columns are the user's own: docs/imports.md, market-caps-csv.
with

told as (

    from {{ own_csv_rows(
        'market_caps', 'market-caps-csv',
        ['asset', 'time', 'market_cap_usd', 'source', 'price_usd', 'volume_24h_usd'],
        time='time', series=['asset', 'source'],
    ) }}

),

assets as (

    from {{ ref('assets') }}

),

interpreted as (

    select
        told.* exclude (asset),
        upper(told.asset) as instrument,
        -- Spelled as an asset already; the name of no contract.
        upper(told.asset) as asset_symbol,
        assets.sector,

    from told
    left join assets
        on upper(told.asset) = assets.base_asset

),

{{ staged_observations(
    none,
    'interpreted',
    numbers={
        'market_cap_usd': 'not_negative', 'price_usd': 'positive', 'volume_24h_usd': 'not_negative'
    },
    required=['source'],
    kept=['sector', 'source'],
    checks={
        'missing_field': 'market_cap_usd is null and price_usd is null',
        'implausible_number': 'market_cap_usd > 1e15 or volume_24h_usd > 1e15',
    },
    parsed_symbol='struct_pack('
        ~ 'venue_asset := asset_symbol, '
        ~ 'quote_asset := null::varchar, '
        ~ 'contract_type := null::varchar'
        ~ ')',
) }}
