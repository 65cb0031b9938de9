-- size: one base coin. names: `symbol` is the asset, market_id is its number in trades; state: `status`.
-- time: of receipt, since the answer has no timestamp.
-- https://apidocs.lighter.xyz/reference/orderbookdetails
with

listed as (

    select
        * exclude (observed_at),
        'linear' as contract_type,
        entry ->> 'symbol' as venue_asset,
        'USDC' as quote_asset,
        1 as contract_size,
        entry ->> 'status' as status,
        null::timestamp as listed_at,

    from {{ lighter_markets() }}

),

{{ staged_instruments('lighter', 'listed') }}
