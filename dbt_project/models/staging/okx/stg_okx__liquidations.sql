-- side: the liquidation ORDER's side, sell closes a long (`posSide` may be `net`; not relied on).
-- size: `sz` in contracts of ctVal x ctMult (base coin if linear, USD if inverse).
-- price: `bkPx`, the price against the system's liquidation account, not a fill; time: `ts` in ms.
-- The venue says that rows are not all liquidations and not in order.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-liquidation-orders
{% set answer_paths = {
    'envelope_at': '$.received_at', 'url': '$.request.url', 'status': '$.request.status',
    'body': '$.body',
} %}
{% set frame_paths = {
    'channel_now': '$.arg.channel', 'channel_before': '$.table',
    'arg_instrument': '$.arg.instId', 'stream_event': '$.event',
} %}
{% set item_paths = {
    'item_symbol': '$.instId', 'item_symbol_before': '$.instrument_id',
    'instrument_type': '$.instType',
} %}
{% set detail_paths = {
    'side_now': '$.side', 'side_before': '$.type', 'size_now': '$.sz', 'size_before': '$.size',
    'price_now': '$.bkPx', 'price_before': '$.price', 'event_ms': '$.ts',
    'created_at': '$.created_at', 'position_side': '$.posSide',
} %}
with

answers as (

    select
        *,
        {{ json_texts('text', answer_paths) }} as answer_texts,

    from {{ raw_lines('okx', 'liquidations', 'rest') }}

),

-- Requests of other endpoints are not ours; a cut line may have been, and is kept to be refused.
rest_payloads as (

    select
        batch_id,
        raw_object,
        raw_line,
        is_import,
        sealed_at,
        {{- named_texts('answer_texts', answer_paths) }}
        body as payload,
        false as is_connection_event,
        'rest' as source_kind,
        'liquidation-orders' as channel,
        null::varchar as arg_instrument,
        null::varchar as stream_event,

    from answers

    where answer_texts is null
        or url like '%/public/liquidation-orders%'

),

{{ frame_lines('okx') }}

frame_texts as (

    select
        *,
        {{ json_texts('frame', frame_paths) }} as texts,

    from frames

),

frame_payloads as (

    select
        batch_id,
        raw_object,
        raw_line,
        is_import,
        sealed_at,
        envelope_at,
        frame as payload,
        is_connection_event,
        'stream' as source_kind,
        null::varchar as status,
        {{- named_texts('texts', frame_paths) }}
        coalesce(channel_now, channel_before) as channel,

    from frame_texts

),

payloads as (

    select * exclude (url, body) from rest_payloads
    union all by name
    select * exclude (channel_now, channel_before) from frame_payloads

),

items as (

    select
        *,
        {{ json_list('payload', '$.data', "json_extract(payload, '$.data')::varchar") }}
            as texts_of_items,
        unnest(texts_of_items) as item,
        unnest(range(1, len(texts_of_items) + 1)) as item_place,

    from payloads

),

item_texts as (

    select
        *,
        {{ json_texts('item', item_paths) }} as texts,

    from items

),

-- One item lists the orders of an instrument in `details`; older channels give them bare.
orders as (

    select
        * exclude (texts, texts_of_items, payload),
        {{- named_texts('texts', item_paths) }}
        {{ json_list(
            'item', '$.details', "coalesce(json_extract(item, '$.details')::varchar, item)"
        ) }} as texts_of_details,
        unnest(texts_of_details) as detail,
        unnest(range(1, len(texts_of_details) + 1)) as detail_place,
        payload = 'pong' as is_pong,
        coalesce(json_valid(payload), false) as is_json,

    from item_texts

),

detail_texts as materialized (

    select
        *,
        {{ json_texts('detail', detail_paths) }} as texts,

    from orders

),

named as (

    select
        *,
        {{- named_texts('texts', detail_paths) }}

    from detail_texts

),

fields as materialized (

    select
        * exclude (position_side, event_ms),
        row_number() over (
            partition by batch_id, raw_object, raw_line order by item_place, detail_place
        ) as row_in_line,
        case
            when source_kind = 'rest' then 'okx.liquidation_orders_rest@1'
            when channel like '%/liquidation' then 'okx.liquidation_table_frame@1'
            when channel = 'liquidations' then 'okx.liquidations_frame@1'
            else 'okx.liquidation_orders_frame@1'
        end as parser,
        coalesce(item_symbol, item_symbol_before, arg_instrument) as symbol,
        -- The oldest tables tell the closed position: 3 closes a long, 4 closes a short.
        coalesce(side_now, side_before) as raw_side,
        coalesce(size_now, size_before) as raw_quantity,
        coalesce(price_now, price_before) as raw_price,
        coalesce({{ epoch_ms_at('event_ms') }}, {{ iso_at('created_at') }}) as event_at,
        coalesce(position_side, '') as position_side,
        -- BTC-USDT-SWAP, BTC-USD-260327, BTC-USD_UM_XPERP-310404
        regexp_extract(
            symbol, '^([\p{Lu}\p{Lo}\p{N}]+)-(USDT|USDC|USD)(_UM_XPERP)?-(SWAP|[0-9]{6})$',
            ['venue_asset', 'quote', 'margin', 'term']
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
        source_kind,
        case
            when is_connection_event or stream_event is not null or is_pong then 'other'
            -- An error in whatever words, or nothing new.
            when status != '200' or detail = '[]' then 'other'
            when source_kind = 'rest' and is_json and coalesce(item, 'null') = 'null' then 'other'
            when channel not in ('liquidation-orders', 'liquidations')
                and channel not like '%/liquidation' then 'other'
            -- Options and margin carry no bankruptcy price, and are no derivatives' leverage.
            when instrument_type in ('MARGIN', 'OPTION') then 'other'
            else 'row'
        end as line_class,
        {{ iso_at('envelope_at') }} as received_at,
        is_import,
        sealed_at,
        symbol as instrument,
        if(spelling.quote = 'USD' and spelling.margin = '', 'inverse', 'linear') as contract_type,
        spelling.venue_asset as venue_asset,
        spelling.quote as quote_asset,
        case
            when spelling.quote != 'USD' or spelling.margin != '' then null
            when spelling.venue_asset = 'BTC' then 100
            else 10
        end as contract_size,
        'liquidation' as event_kind,
        case
            when raw_side in ('sell', '3') then 'long' when raw_side in ('buy', '4') then 'short'
        end as liquidated_side,
        event_at,
        'venue' as event_at_source,
        raw_side,
        raw_quantity,
        'contracts' as raw_quantity_unit,
        raw_price,
        raw_price as valued_price,
        'bankruptcy' as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', symbol, epoch_us(event_at), raw_side, position_side,
            {{ number_key('raw_quantity') }}, {{ number_key('raw_price') }}
        ) as natural_key,
        raw_line::varchar as twin_scope,
        1 as twin_copies,
        case
            when not is_json then 'unreadable_json'
            when channel is null then 'unrecognised_frame'
            when symbol is null then 'missing_field'
            when spelling.venue_asset = '' then 'garbled_symbol'
            when position_side in ('long', 'short')
                and position_side != liquidated_side
                then 'contradictory_side'
        end as reject_reason,

    from fields

),

{{ staged_liquidations('okx', 'meant') }}
