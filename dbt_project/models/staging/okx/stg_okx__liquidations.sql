-- side: the liquidation ORDER's side, sell closes a long (`posSide` may be `net`; not relied on).
-- size: `sz` in contracts of ctVal x ctMult (base coin if linear, USD if inverse).
-- price: `bkPx`, the price against the system's liquidation account, not a fill; time: `ts` in ms.
-- published at: not stated. `ts` is documented as the liquidation's time; by which clock the venue
--   publishes one order per contract and second is not documented.
-- The venue states that the rows are not all liquidations, and not in order.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-liquidation-orders
{% set detail_paths = {
    'side_now': '$.side', 'side_before': '$.type', 'size_now': '$.sz', 'size_before': '$.size',
    'price_now': '$.bkPx', 'price_before': '$.price', 'event_ms': '$.ts',
    'created_at': '$.created_at', 'position_side': '$.posSide',
} %}
with

{{ message_rows(
    'okx',
    rows_at='$.data',
    rest=['/public/liquidation-orders'],
    rest_rows_at='$.data',
    envelope_fields={
        'channel_now': '$.arg.channel', 'channel_before': '$.table',
        'arg_instrument': '$.arg.instId', 'stream_event': '$.event',
    },
    control_frames="stream_event is not null or coalesce(channel_now, channel_before) not in "
        ~ "('liquidation-orders', 'liquidations', 'swap/liquidation', 'futures/liquidation')",
    recognised='coalesce(channel_now, channel_before) is not null',
    row_fields={
        'item_symbol': '$.instId', 'item_symbol_before': '$.instrument_id',
        'instrument_type': '$.instType',
    },
) }}

-- One item lists the orders of an instrument in `details`; older channels send bare orders.
details as (

    select
        * exclude (entry, row_in_line),
        row_in_line as item_place,
        {{ json_list(
            'entry', '$.details', "coalesce(json_extract(entry, '$.details')::varchar, entry)"
        ) }} as texts_of_details,
        unnest(texts_of_details) as detail,
        unnest(range(1, len(texts_of_details) + 1)) as detail_place,

    from messages

),

detail_texts as materialized (

    select
        * exclude (texts_of_details),
        {{ json_texts('detail', detail_paths) }} as texts,

    from details

),

named as (

    select
        * exclude (line_class),
        {{- named_texts('texts', detail_paths) }}
        row_number() over (
            partition by batch_id, raw_object, raw_line order by item_place, detail_place
        ) as row_in_line,
        coalesce(channel_now, channel_before) as channel,
        case
            when detail = '[]' then 'other'
            -- Options and margin have no bankruptcy price and are not leveraged derivatives.
            when instrument_type in ('MARGIN', 'OPTION') then 'other'
            else line_class
        end as line_class,

    from detail_texts

),

named_fields as materialized (

    select
        * exclude (position_side, event_ms, reject_reason),
        reject_reason as stated_reject_reason,
        case
            when source_kind = 'rest' then 'okx.liquidation_orders_rest@1'
            when channel like '%/liquidation' then 'okx.liquidation_table_frame@1'
            when channel = 'liquidations' then 'okx.liquidations_frame@1'
            else 'okx.liquidation_orders_frame@1'
        end as parser,
        coalesce(item_symbol, item_symbol_before, arg_instrument) as instrument,
        -- The oldest tables state the closed position: 3 closes a long, 4 closes a short.
        coalesce(side_now, side_before) as raw_side,
        coalesce(size_now, size_before) as raw_quantity,
        coalesce(price_now, price_before) as raw_price,
        coalesce({{ epoch_ms_at('event_ms') }}, {{ iso_at('created_at') }}) as event_at,
        coalesce(position_side, '') as position_side,
        unnest({{ parse_symbol('okx', 'instrument') }}),

    from named

),

interpreted as (

    select
        *,
        case
            when contract_type = 'linear' then null
            when venue_asset = 'BTC' then 100
            else 10
        end as contract_size,
        'liquidation' as event_kind,
        case
            when raw_side in ('sell', '3') then 'long' when raw_side in ('buy', '4') then 'short'
        end as liquidated_side,
        'venue' as event_at_source,
        'contracts' as raw_quantity_unit,
        raw_price as valued_price,
        'bankruptcy' as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', instrument, epoch_us(event_at), raw_side, position_side,
            {{ number_key('raw_quantity') }}, {{ number_key('raw_price') }}
        ) as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,
        coalesce(
            stated_reject_reason,
            if(
                position_side in ('long', 'short') and position_side != liquidated_side,
                'contradictory_side', null
            )
        ) as reject_reason,

    from named_fields

),

{{ staged_liquidations('okx', 'interpreted') }}
