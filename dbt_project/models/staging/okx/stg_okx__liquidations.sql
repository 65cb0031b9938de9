-- side: the liquidation ORDER's side, sell closes a long (`posSide` may be `net`; not relied on).
-- size: `sz` in contracts of ctVal x ctMult (base coin if linear, USD if inverse).
-- price: `bkPx`, the price against the system's liquidation account, not a fill; time: `ts` in ms.
-- The venue says that rows are not all liquidations and not in order.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-liquidation-orders
with

rest_lines as (

    select
        *,
        case when json_valid(text) then text::json end as envelope,

    from {{ raw_lines('okx', 'liquidations', 'rest') }}

),

rest_bodies as (

    select
        *,
        case when json_valid(envelope ->> 'body') then (envelope ->> 'body')::json end as body,
        envelope ->> '$.request.url' as url,

    from rest_lines

),

-- Requests of other endpoints, and answers without rows (an error, nothing new), hold no rows.
rest_items as (

    select
        rest_bodies.*,
        item.json as item,
        'okx.liquidation_orders_rest@1' as parser,
        'rest' as source_kind,
        item.place as item_place,

    from rest_bodies,
        unnest((body -> 'data')::json[]) with ordinality as item(json, place)

    where url like '%/public/liquidation-orders%'
        and json_type(body -> 'data') = 'ARRAY'

),

frame_lines as (

    select
        *,
        case when json_valid(text) then text::json end as envelope,

    from {{ raw_lines('okx', 'liquidations', 'frames') }}

),

frames as (

    select
        *,
        case
            when json_valid(envelope ->> 'frame') then (envelope ->> 'frame')::json
        end as frame,
        coalesce(frame ->> '$.arg.channel', frame ->> 'table') as channel,

    from frame_lines

),

frame_items as (

    select
        frames.*,
        item.json as item,
        case
            when channel like '%/liquidation' then 'okx.liquidation_table_frame@1'
            when channel = 'liquidations' then 'okx.liquidations_frame@1'
            else 'okx.liquidation_orders_frame@1'
        end as parser,
        'stream' as source_kind,
        item.place as item_place,

    from frames,
        unnest(
            case
                when json_type(frame -> 'data') = 'ARRAY' then (frame -> 'data')::json[]
                else [null::json]
            end
        ) with ordinality as item(json, place)

),

items as (

    select
        batch_id, raw_object, raw_line, is_import, sealed_at, envelope, parser, source_kind, item,
        item_place, body as payload, 'liquidation-orders' as channel, null::varchar as arg_instrument,
    from rest_items
    union all
    select
        batch_id, raw_object, raw_line, is_import, sealed_at, envelope, parser, source_kind, item,
        item_place, frame as payload, channel, frame ->> '$.arg.instId' as arg_instrument,
    from frame_items

),

-- One item lists the orders of an instrument in `details`; older channels give them bare.
orders as (

    select
        items.*,
        order_detail.json as detail,
        row_number() over (
            partition by batch_id, raw_object, raw_line order by item_place, order_detail.place
        ) as row_in_line,

    from items,
        unnest(
            case
                when json_type(item -> 'details') = 'ARRAY' then (item -> 'details')::json[]
                else [item]
            end
        ) with ordinality as order_detail(json, place)

),

fields as (

    select
        *,
        coalesce(item ->> 'instId', item ->> 'instrument_id', arg_instrument) as symbol,
        coalesce(item ->> 'instType', '') as instrument_type,
        -- The oldest tables tell the closed position: 3 closes a long, 4 closes a short.
        coalesce(detail ->> 'side', detail ->> 'type') as raw_side,
        coalesce(detail ->> 'sz', detail ->> 'size') as raw_quantity,
        coalesce(detail ->> 'bkPx', detail ->> 'price') as raw_price,
        coalesce(
            {{ epoch_ms_at("detail ->> 'ts'") }}, {{ iso_at("detail ->> 'created_at'") }}
        ) as event_at,
        coalesce(detail ->> 'posSide', '') as position_side,
        -- BTC-USDT-SWAP, BTC-USD-260327, BTC-USD_UM_XPERP-310404
        regexp_extract(
            symbol, '^([\p{Lu}\p{Lo}\p{N}]+)-(USDT|USDC|USD)(_UM_XPERP)?-(SWAP|[0-9]{6})$',
            ['venue_asset', 'quote', 'margin', 'term']
        ) as spelling,

    from orders

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
            when envelope is not null and (envelope ->> 'frame') is null
                and (envelope ->> 'event') is not null then 'other'
            when source_kind = 'stream' and (
                json_exists(payload, '$.event') or (envelope ->> 'frame') = 'pong'
            ) then 'other'
            when channel not in ('liquidation-orders', 'liquidations')
                and channel not like '%/liquidation' then 'other'
            -- Options and margin carry no bankruptcy price, and are no derivatives' leverage.
            when instrument_type in ('MARGIN', 'OPTION') then 'other'
            else 'row'
        end as line_class,
        {{ iso_at("envelope ->> 'received_at'") }} as received_at,
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
            when payload is null then 'unreadable_json'
            when channel is null then 'unrecognised_frame'
            when symbol is null then 'missing_field'
            when spelling.venue_asset = '' then 'garbled_symbol'
            when position_side in ('long', 'short')
                and position_side != case raw_side when 'sell' then 'long' else 'short' end
                then 'contradictory_side'
        end as reject_reason,

    from fields

),

{{ staged_liquidations('okx', 'meant') }}
