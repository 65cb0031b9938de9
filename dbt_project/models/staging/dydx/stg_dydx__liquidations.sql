-- side: of the liquidated account's fill, SELL closed a long. LIQUIDATED is a liquidation, DELEVERAGED
--   the closing of an under-water account against others, at its bankruptcy price.
-- size: base coin; price: the fill, in USDC. Complete: on-chain.
-- time: `createdAt`, the block's; published at: not stated.
-- https://docs.dydx.xyz/indexer-client/websockets
with

-- `subscribed` repeats the newest trades, `channel_batch_data` lists several messages.
{{ message_rows(
    'dydx',
    rows_at=['$.contents.trades', '$.contents[*].trades[*]'],
    envelope_fields={'channel': '$.channel', 'type': '$.type', 'frame_ticker': '$.id'},
    control_frames="coalesce(channel != 'v4_trades', type in ('connected', 'unsubscribed', 'error', 'pong'))",
    recognised='channel is not null',
    row_markers=['LIQUIDATED', 'DELEVERAGED'],
    rest=['/v4/trades/perpetualMarket/*'],
    rest_rows_at='$.trades',
    row_fields={
        'raw_side': '$.side', 'raw_quantity': '$.size', 'raw_price': '$.price', 'trade_id': '$.id',
        'trade_type': '$.type', 'created_at': '$.createdAt',
    },
) }}

interpreted as (

    select
        *,
        if(source_kind = 'rest', 'dydx.trades_rest@1', 'dydx.trades_frame@1') as parser,
        coalesce(frame_ticker, regexp_extract(url, '[^/]+$')) as instrument,
        unnest({{ parse_symbol('dydx', 'instrument') }}),
        1 as contract_size,
        if(trade_type = 'DELEVERAGED', 'deleveraging', 'liquidation') as event_kind,
        case raw_side when 'SELL' then 'long' when 'BUY' then 'short' end as liquidated_side,
        {{ iso_at('created_at') }} as event_at,
        'venue' as event_at_source,
        'base' as raw_quantity_unit,
        raw_price as valued_price,
        if(trade_type = 'DELEVERAGED', 'bankruptcy', 'fill_avg') as price_kind,
        null::varchar as order_key,
        trade_id as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from messages

),

{{ staged_liquidations('dydx', 'interpreted') }}
