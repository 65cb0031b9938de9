-- side: of the fill; only the row whose address is the liquidated user counts, A (ask) closes a
--   long. Its counterparty carries the same `liquidation` object and is dropped; winners of an
--   auto-deleveraging are kept apart as `adl`.
-- size: `sz` in base coin; price: `px`, the fill; time: `time` in ms. Complete: on-chain.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations
{% set event_paths = {
    'address': '$[0]', 'mark': '$[1].liquidation', 'coin': '$[1].coin', 'direction': '$[1].dir',
    'liquidated_address': '$[1].liquidation.liquidatedUser',
    'method': '$[1].liquidation.method', 'raw_quantity': '$[1].sz', 'raw_price': '$[1].px',
    'raw_side': '$[1].side', 'event_ms': '$[1].time', 'trade_id': '$[1].tid',
    'order_id': '$[1].oid',
} %}
with

fill_lines as (

    select
        *,
        json_valid(text) as is_json,

    from {{ raw_lines('hyperliquid', 'liquidations', 'node-fills') }}

    -- A mark is in under a hundredth of the lines; the others hold no liquidation. A cut line
    -- is kept so that it can be refused with its reason.
    where contains(text, '"liquidation"')
        or not (starts_with(text, '{') or starts_with(text, '['))
        or not (ends_with(text, '}') or ends_with(text, ']'))

),

-- By block since 2025-07-27: {"block_number", "events": [[address, fill], ...]}; before, one
-- [address, fill] a line.
events as (

    select
        fill_lines.*,
        if(is_json, json_extract_string(text, '$.block_number'), null) as block_number,
        case
            when is_json and json_type(text) = 'ARRAY' then [text]
            when is_json and json_type(text, '$.events') = 'ARRAY'
                then json_extract(text, '$.events[*]')::varchar[]
            else [null]
        end as texts_of_events,
        unnest(texts_of_events) as event,
        unnest(range(1, len(texts_of_events) + 1)) as row_in_line,

    from fill_lines

),

event_texts as materialized (

    select
        * exclude (text, texts_of_events),
        {{ json_texts('event', event_paths) }} as texts,

    from events

    where event is null or contains(event, '"liquidation"')

),

fields as materialized (

    select
        *,
        {{- named_texts('texts', event_paths) }}
        lower(liquidated_address) as liquidated_user,

    from event_texts

),

-- A line without a readable fill stays to be refused, and so does a mark that names nobody; spot
-- (`@107`, `PURR/USDC`) has no leverage.
legs as (

    select
        *,
        coalesce(lower(address) = liquidated_user, false) as is_liquidated_party,
        coalesce(direction = 'Auto-Deleveraging', false) as is_deleveraging_winner,

    from fields

    where event is null
        or (mark is not null and (liquidated_user is null or address is null))
        or (
            liquidated_user is not null
            and coalesce(coin, '') not like '@%'
            and not contains(coalesce(coin, ''), '/')
            and (lower(address) = liquidated_user or direction = 'Auto-Deleveraging')
        )

),

meant as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        if(block_number is null, 'hyperliquid.node_fills@1', 'hyperliquid.node_fills_by_block@1')
            as parser,
        'dump' as source_kind,
        'row' as line_class,
        received_at,
        is_import,
        sealed_at,
        coin as instrument,
        'linear' as contract_type,
        if(regexp_matches(coin, '^([a-z0-9]+:)?[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*$'), coin, null)
            as venue_asset,
        'USDC' as quote_asset,
        1 as contract_size,
        case
            when is_liquidated_party and method = 'backstop' then 'backstop'
            when is_liquidated_party then 'liquidation'
            when is_deleveraging_winner then 'adl'
        end as event_kind,
        case raw_side when 'A' then 'long' when 'B' then 'short' end as liquidated_side,
        {{ epoch_ms_at('event_ms') }} as event_at,
        'venue' as event_at_source,
        raw_side,
        raw_quantity,
        'base' as raw_quantity_unit,
        raw_price,
        raw_price as valued_price,
        'fill_avg' as price_kind,
        concat_ws('|', lower(address), order_id, block_number) as order_key,
        concat_ws('|', coin, trade_id, lower(address), event_ms) as natural_key,
        raw_line::varchar as twin_scope,
        1 as twin_copies,
        case
            when not is_json then 'unreadable_json'
            when event is null then 'unrecognised_line'
            when address is null or liquidated_user is null or coin is null or trade_id is null
                then 'missing_field'
        end as reject_reason,

    from legs

),

{{ staged_liquidations('hyperliquid', 'meant') }}
