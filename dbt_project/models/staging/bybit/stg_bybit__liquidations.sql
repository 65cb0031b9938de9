-- side: the POSITION's side, Buy means that a long was liquidated (in all three formats).
-- size: `v`; linear in base coin, inverse in USD contracts of 1 USD.
-- price: `p` is the bankruptcy price, not a fill; time: `T` in ms. Complete since 2025-02-20.
-- published at: `ts` beside a frame's rows, in ms (both v5 topics; the older feed states none).
-- https://bybit-exchange.github.io/docs/v5/websocket/public/all-liquidation
with

-- allLiquidation.<symbol> carries a list; liquidation.<symbol>, until 2025-02-26, one object, with
-- the names of v5 or of the older public v2 feed.
{{ message_rows(
    'bybit',
    rows_at='$.data',
    envelope_fields={'topic': '$.topic', 'operation': '$.op', 'published_ms': '$.ts'},
    control_frames="coalesce(topic not like 'allLiquidation.%' and not topic ^@ 'liquidation', "
        ~ "operation is not null)",
    recognised='topic is not null',
    row_fields={
        'symbol_now': '$.s', 'side_now': '$.S', 'quantity_now': '$.v', 'price_now': '$.p',
        'event_ms_now': '$.T', 'symbol_before': '$.symbol', 'side_before': '$.side',
        'size_before': '$.size', 'qty_before': '$.qty', 'price_before': '$.price',
        'updated_ms_before': '$.updatedTime', 'event_ms_before': '$.time',
    },
    published_at=epoch_ms_at('published_ms'),
) }}

named_fields as materialized (

    select
        *,
        case
            when topic like 'allLiquidation.%' then 'bybit.all_liquidation_frame@1'
            when updated_ms_before is not null then 'bybit.liquidation_frame@2'
            else 'bybit.liquidation_frame@1'
        end as parser,
        coalesce(symbol_now, symbol_before) as instrument,
        coalesce(side_now, side_before) as raw_side,
        coalesce(quantity_now, size_before, qty_before) as raw_quantity,
        coalesce(price_now, price_before) as raw_price,
        {{ epoch_ms_at('coalesce(event_ms_now, updated_ms_before, event_ms_before)') }} as event_at,
        unnest({{ parse_symbol('bybit', 'instrument') }}),

    from messages

),

interpreted as (

    select
        *,
        1 as contract_size,
        'liquidation' as event_kind,
        case raw_side when 'Buy' then 'long' when 'Sell' then 'short' end as liquidated_side,
        'venue' as event_at_source,
        if(contract_type = 'inverse', 'contracts', 'base') as raw_quantity_unit,
        raw_price as valued_price,
        'bankruptcy' as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', instrument, raw_side, epoch_ms(event_at), {{ number_key('raw_quantity') }},
            {{ number_key('raw_price') }}
        ) as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from named_fields

),

{{ staged_liquidations('bybit', 'interpreted') }}
