-- side: the liquidation ORDER's side, Sell closes a long.
-- size: `leavesQty` in contracts; XBTUSD is 1 USD a contract, linear ones a part of a coin, and
--   quantos pay in XBT.
-- price: the order's limit, not a fill; time: of receipt, the messages have none, not even of their
--   publishing. Only an `insert` is a new
--   order: updates carry what is left of it, deletes no size, a `partial` lists what was open before.
-- https://www.bitmex.com/app/wsAPI
with

{{ message_rows(
    'bitmex',
    rows_at='$.data',
    envelope_fields={'table_name': '$.table', 'action': '$.action', 'info': '$.info', 'success': '$.success',
          'request': '$.request'},
    control_frames="coalesce(table_name != 'liquidation' or action != 'insert', "
        ~ "coalesce(info, success, request) is not null)",
    recognised='table_name is not null and action is not null',
    heartbeats=['pong'],
    row_fields={
        'instrument': '$.symbol', 'raw_side': '$.side', 'raw_quantity': '$.leavesQty',
        'raw_price': '$.price', 'order_key': '$.orderID',
    },
) }}

interpreted as (

    select
        *,
        'bitmex.liquidation_frame@1' as parser,
        if(contract_type = 'inverse', 1, null) as contract_size,
        'liquidation' as event_kind,
        case raw_side when 'Sell' then 'long' when 'Buy' then 'short' end as liquidated_side,
        received_at as event_at,
        'receive' as event_at_source,
        'contracts' as raw_quantity_unit,
        raw_price as valued_price,
        'limit_order' as price_kind,
        order_key as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from messages

),

{{ staged_liquidations('bitmex', 'interpreted', settle_asset='BTC') }}
