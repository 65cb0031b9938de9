-- side: of the fill; only the row whose address is the liquidated user counts, A (ask) closes a
--   long. Its counterparty carries the same `liquidation` object and is dropped; winners of an
--   auto-deleveraging are kept apart as `adl`.
-- size: `sz` in base coin; price: `px`, the fill; time: `time` in ms. Complete: on-chain.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations
with

fill_lines as (

    select
        *,
        case when json_valid(text) then text::json end as line_json,

    from {{ raw_lines('hyperliquid', 'liquidations', 'node-fills') }}

    -- A mark is in under a hundredth of the lines; the others hold no liquidation. A cut line
    -- is kept so that it can be refused with its reason.
    where contains(text, '"liquidation"') or not (starts_with(text, '{') or starts_with(text, '['))
        or not (ends_with(text, '}') or ends_with(text, ']'))

),

-- By block since 2025-07-27: {"block_number", "events": [[address, fill], ...]}; before, one
-- [address, fill] a line.
fills as (

    select
        fill_lines.*,
        fill.json ->> 0 as address,
        fill.json -> 1 as fill,
        line_json ->> 'block_number' as block_number,
        fill.place as row_in_line,

    from fill_lines,
        unnest(
            case
                when json_type(line_json) = 'ARRAY' then [line_json]
                when json_type(line_json -> 'events') = 'ARRAY'
                    then (line_json -> 'events')::json[]
                else [null::json]
            end
        ) with ordinality as fill(json, place)

),

fields as (

    select
        *,
        fill ->> 'coin' as coin,
        fill ->> 'dir' as direction,
        lower(fill ->> '$.liquidation.liquidatedUser') as liquidated_user,
        fill ->> '$.liquidation.method' as method,
        fill ->> 'sz' as raw_quantity,
        fill ->> 'px' as raw_price,
        fill ->> 'side' as raw_side,

    from fills

),

-- A line without a readable fill stays to be refused; spot (`@107`, `PURR/USDC`) has no leverage.
legs as (

    select
        *,
        coalesce(lower(address) = liquidated_user, false) as is_liquidated_party,
        coalesce(direction = 'Auto-Deleveraging', false) as is_deleveraging_winner,

    from fields

    where fill is null
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
        coin as venue_asset,
        'USDC' as quote_asset,
        1 as contract_size,
        case
            when is_liquidated_party and method = 'backstop' then 'backstop'
            when is_liquidated_party then 'liquidation'
            when is_deleveraging_winner then 'adl'
        end as event_kind,
        case raw_side when 'A' then 'long' when 'B' then 'short' end as liquidated_side,
        {{ epoch_ms_at("fill ->> 'time'") }} as event_at,
        'venue' as event_at_source,
        raw_side,
        raw_quantity,
        'base' as raw_quantity_unit,
        raw_price,
        raw_price as valued_price,
        'fill_avg' as price_kind,
        concat_ws('|', lower(address), fill ->> 'oid', block_number) as order_key,
        concat_ws('|', coin, fill ->> 'tid', lower(address), fill ->> 'time') as natural_key,
        raw_line::varchar as twin_scope,
        1 as twin_copies,
        case
            when line_json is null then 'unreadable_json'
            when fill is null then 'unrecognised_line'
            when coin is null or (fill ->> 'tid') is null then 'missing_field'
        end as reject_reason,

    from legs

),

{{ staged_liquidations('hyperliquid', 'meant') }}
