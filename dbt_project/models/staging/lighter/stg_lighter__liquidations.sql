-- side: the TAKER is the liquidated party; is_maker_ask true means that it bought, closing a short. Which
--   of the two is deleveraged is undocumented: the variable `lighter_deleveraged` sets taker or maker.
-- size: base coin; price: the fill, in USDC. Complete: the trade tape.
-- time: `timestamp` in ms; published at: not stated.
-- names: markets are numbers; the venue's listing states their assets.
-- https://apidocs.lighter.xyz/docs/websocket-reference#trade
with

-- Frames list liquidations separately from other trades, or omit that list.
{{ message_rows(
    'lighter',
    rows_at=['$.liquidation_trades', '$.trades'],
    envelope_fields={'channel': '$.channel', 'type': '$.type'},
    control_frames="coalesce(channel not like 'trade%', type in ('connected', 'ping', 'pong'))",
    recognised='channel is not null',
    row_markers=['"liquidation"', '"deleverage"'],
    rest=['/api/v1/recentTrades', '/api/v1/trades'],
    rest_rows_at='$.trades',
    row_fields={
        'instrument': '$.market_id', 'raw_side': '$.is_maker_ask', 'raw_quantity': '$.size',
        'raw_price': '$.price', 'event_ms': '$.timestamp', 'trade_id': '$.trade_id',
        'trade_type': '$.type', 'taker_size_before': '$.taker_position_size_before',
    },
) }}

interpreted as (

    select
        * exclude (reject_reason),
        if(source_kind = 'rest', 'lighter.trades_rest@1', 'lighter.trade_frame@1') as parser,
        -- The listing gives the contract size (one coin) together with the asset's name.
        null as contract_size,
        if(trade_type = 'deleverage', 'deleveraging', 'liquidation') as event_kind,
        {% set deleveraged = assumption('lighter_deleveraged', ['taker', 'maker']) -%}
        case raw_side when 'true' then 'short' when 'false' then 'long' end as taker_closed,
        case
            when event_kind = 'deleveraging' and '{{ deleveraged }}' = 'maker'
                then case taker_closed when 'short' then 'long' when 'long' then 'short' end
            else taker_closed
        end as liquidated_side,
        {{ epoch_ms_at('event_ms') }} as event_at,
        'venue' as event_at_source,
        'contracts' as raw_quantity_unit,
        raw_price as valued_price,
        'fill_avg' as price_kind,
        null::varchar as order_key,
        trade_id as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,
        coalesce(
            reject_reason,
            case
                when try_cast(taker_size_before as double) < 0 and taker_closed = 'long'
                    or try_cast(taker_size_before as double) > 0 and taker_closed = 'short'
                    then 'contradictory_side'
            end
        ) as reject_reason,

    from messages

),

{{ staged_liquidations('lighter', 'interpreted') }}
