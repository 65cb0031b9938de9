-- side: the POSITION's side, buy means that a long was liquidated.
-- size: `amount` is already the value in quote coin (shown for USDT contracts only; its unit for
--   coin-margined ones is unknown, and they are rejected).
-- price: not documented; its digits suggest a computed bankruptcy price. time: `ts` in ms.
-- Only the largest long and the largest short per pair and second are published: sums are lower bounds.
-- published at: `ts` beside a frame's rows, in ms. The venue pushes once a second what is left of the
--   second before; rows were recorded that are 20 seconds older than their push.
-- https://www.bitget.com/api-doc/uta/websocket/public/Liquidation-Channel
with

{{ message_rows(
    'bitget',
    rows_at='$.data',
    envelope_fields={
        'topic': '$.arg.topic', 'kind': '$.arg.instType', 'event': '$.event',
        'action': '$.action', 'published_ms': '$.ts',
    },
    control_frames="event is not null or topic != 'liquidation'",
    recognised='topic is not null',
    rest=['/api/v3/market/liquidations'],
    rest_rows_at='$.data.list',
    row_fields={
        'instrument': '$.symbol', 'raw_side': '$.side', 'raw_price': '$.price',
        'raw_quantity': '$.amount', 'event_ms': '$.ts',
    },
    published_at="case when action = 'update' then " ~ epoch_ms_at('published_ms') ~ " end",
) }}

interpreted as (

    select
        * exclude (reject_reason),
        if(source_kind = 'rest', 'bitget.liquidations_rest@1', 'bitget.liquidation_frame@1')
            as parser,
        1 as contract_size,
        'liquidation' as event_kind,
        case lower(raw_side) when 'buy' then 'long' when 'sell' then 'short' end as liquidated_side,
        {{ epoch_ms_at('event_ms') }} as event_at,
        'venue' as event_at_source,
        'quote' as raw_quantity_unit,
        raw_price as valued_price,
        'bankruptcy' as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', instrument, lower(raw_side), event_ms, {{ number_key('raw_price') }},
            {{ number_key('raw_quantity') }}
        ) as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,
        coalesce(
            reject_reason, if(contract_type = 'inverse', 'unit_not_known', null)
        ) as reject_reason,

    from messages

),

{{ staged_liquidations('bitget', 'interpreted') }}
