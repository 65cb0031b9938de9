-- asset: the coin's symbol as the source writes it; its sector is in seed `assets`.
-- value: USD; a market cap of 0 means that the supply is not verified. Values above 1e15 exceed all
--   the wealth in the world, about 5e14 dollars.
-- time: the instant of the market capitalisation.
-- The columns are the user's own: docs/imports.md, market-caps-csv.
with

typed as (

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
        typed.* exclude (asset),
        upper(typed.asset) as instrument,
        -- Already the asset's spelling, not a contract's name.
        upper(typed.asset) as asset_symbol,
        assets.sector,

    from typed
    left join assets
        on upper(typed.asset) = assets.base_asset

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
