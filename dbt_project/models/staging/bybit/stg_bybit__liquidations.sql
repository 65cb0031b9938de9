-- side: the POSITION's side, Buy means that a long was liquidated (in all three formats).
-- size: `v`; linear in base coin, inverse in USD contracts of 1 USD.
-- price: `p` is the bankruptcy price, not a fill; time: `T` in ms. Complete since 2025-02-20.
-- https://bybit-exchange.github.io/docs/v5/websocket/public/all-liquidation
{% set frame_paths = {'topic': '$.topic', 'operation': '$.op'} %}
{% set row_paths = {
    'symbol_now': '$.s', 'side_now': '$.S', 'quantity_now': '$.v', 'price_now': '$.p',
    'event_ms_now': '$.T', 'symbol_before': '$.symbol', 'side_before': '$.side',
    'size_before': '$.size', 'qty_before': '$.qty', 'price_before': '$.price',
    'updated_ms_before': '$.updatedTime', 'event_ms_before': '$.time',
} %}
with

{{ frame_lines('bybit') }}

topics as (

    select
        *,
        {{ json_texts('frame', frame_paths) }} as frame_texts,

    from frames

),

-- allLiquidation.<symbol> carries a list; liquidation.<symbol>, until 2025-02-26, one object.
messages as (

    select
        *,
        {{- named_texts('frame_texts', frame_paths) }}
        {{ json_list('frame', '$.data', "json_extract(frame, '$.data')::varchar") }}
            as texts_of_rows,
        unnest(texts_of_rows) as liquidation,
        unnest(range(1, len(texts_of_rows) + 1)) as row_in_line,

    from topics

),

row_texts as materialized (

    select
        *,
        {{ json_texts('liquidation', row_paths) }} as texts,

    from messages

),

named as (

    select
        *,
        {{- named_texts('texts', row_paths) }}

    from row_texts

),

-- Format by topic and by field: v5's allLiquidation, v5's liquidation, and the older public v2
-- feed's liquidation.
fields as materialized (

    select
        *,
        case
            when topic like 'allLiquidation.%' then 'bybit.all_liquidation_frame@1'
            when updated_ms_before is not null then 'bybit.liquidation_frame@2'
            else 'bybit.liquidation_frame@1'
        end as parser,
        coalesce(symbol_now, symbol_before) as symbol,
        coalesce(side_now, side_before) as raw_side,
        coalesce(quantity_now, size_before, qty_before) as raw_quantity,
        coalesce(price_now, price_before) as raw_price,
        coalesce(event_ms_now, updated_ms_before, event_ms_before) as event_ms,
        -- BTCUSDT, BTCUSDT-26SEP25 (linear, USDT); BTCPERP, BTC-26SEP25 (linear, USDC);
        -- BTCUSD, BTCUSDH26 (inverse).
        regexp_extract(
            symbol,
            '^([\p{Lu}\p{Lo}\p{N}]+?)(USDT|USDC|USD|PERP)?([FGHJKMNQUVXZ][0-9]{2}|-[0-9]{1,2}[A-Z]{3}[0-9]{2})?$',
            ['venue_asset', 'stated_quote', 'suffix']
        ) as spelling,

    from named

),

meant as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        parser,
        'stream' as source_kind,
        case
            when is_connection_event then 'other'
            -- Acknowledgements and pongs carry `op`; other topics are no liquidations.
            when topic is null and operation is not null then 'other'
            when topic not like 'allLiquidation.%'
                and topic != 'liquidation' and topic not like 'liquidation.%' then 'other'
            when liquidation = '[]' then 'other'
            else 'row'
        end as line_class,
        {{ iso_at('envelope_at') }} as received_at,
        is_import,
        sealed_at,
        symbol as instrument,
        if(spelling.stated_quote = 'USD', 'inverse', 'linear') as contract_type,
        spelling.venue_asset as venue_asset,
        case
            when spelling.stated_quote in ('USDT', 'USDC', 'USD') then spelling.stated_quote
            when spelling.stated_quote = 'PERP' or spelling.suffix like '-%' then 'USDC'
        end as quote_asset,
        1 as contract_size,
        'liquidation' as event_kind,
        case raw_side when 'Buy' then 'long' when 'Sell' then 'short' end as liquidated_side,
        {{ epoch_ms_at('event_ms') }} as event_at,
        'venue' as event_at_source,
        raw_side,
        raw_quantity,
        if(spelling.stated_quote = 'USD', 'contracts', 'base') as raw_quantity_unit,
        raw_price,
        raw_price as valued_price,
        'bankruptcy' as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', symbol, raw_side, epoch_ms(event_at), {{ number_key('raw_quantity') }},
            {{ number_key('raw_price') }}
        ) as natural_key,
        raw_line::varchar as twin_scope,
        1 as twin_copies,
        case
            when frame_texts is null then 'unreadable_json'
            when topic is null then 'unrecognised_frame'
            when symbol is null then 'missing_field'
            when spelling.venue_asset = '' then 'garbled_symbol'
            when quote_asset is null then 'unknown_symbol'
        end as reject_reason,

    from fields

),

{{ staged_liquidations('bybit', 'meant') }}
