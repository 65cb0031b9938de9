-- side: of the fill; only the leg of the liquidated user counts, A (ask) closes a long. Its
--   counterparty carries the same `liquidation` object and is dropped; winners of an
--   auto-deleveraging are separate events (`adl`), and so are closings of positions that a vault had
--   taken over (`vault_unwind`, seed hyperliquid_vaults).
-- size: `sz` in base coin; price: `px`, the fill; time: `time` in ms, the block's, which is when the
--   fill became public: no other time of publishing is stated. Node fills are complete: on-chain.
--   A vault's own fills (userFillsByTime) show only the other side of the positions it took over.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations
{% set fill_paths = {
    'mark': '.liquidation', 'coin': '.coin', 'direction': '.dir',
    'liquidated_address': '.liquidation.liquidatedUser', 'method': '.liquidation.method',
    'raw_quantity': '.sz', 'raw_price': '.px', 'raw_side': '.side', 'event_ms': '.time',
    'trade_id': '.tid', 'order_id': '.oid',
} %}
{% set event_paths = {'address': '$[0]'} %}
{% set vault_paths = {} %}
{% for name, path in fill_paths.items() %}
{% do event_paths.update({name: '$[1]' ~ path}) %}
{% do vault_paths.update({name: '$' ~ path}) %}
{% endfor %}
with

vaults as (

    from {{ ref('hyperliquid_vaults') }}

),

dex_quotes as (

    from {{ hyperliquid_dex_quotes() }}

),

fill_lines as (

    select
        *,
        json_valid(text) as is_json,

    from {{ raw_lines('hyperliquid', 'liquidations', 'node-fills') }}

    -- Fewer than one in a hundred lines reports a liquidation. A truncated line is kept, so that it
    -- can be rejected with its reason.
    where contains(text, '"liquidation"')
        or not (starts_with(text, '{') or starts_with(text, '['))
        or not (ends_with(text, '}') or ends_with(text, ']'))

),

-- By block since 2025-07-27: {"block_number", "events": [[address, fill], ...]}; before, one
-- [address, fill] per line.
events as (

    select
        fill_lines.*,
        case
            when json_valid(text) then json_extract_string(text, '$.block_number')
        end as block_number,
        case
            when json_valid(text)
                then case
                    when json_type(text) = 'ARRAY' then [text]
                    when json_type(text, '$.events') = 'ARRAY'
                        then json_extract(text, '$.events[*]')::varchar[]
                    else [null]
                end
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

named_fields as materialized (

    select
        *,
        {{- named_texts('texts', event_paths) }}
        lower(liquidated_address) as liquidated_user,

    from event_texts

),

-- Whose leg a row is. A name that is not an address (0x and 40 hex digits) is accepted where a leg of
-- the trade belongs to that user.
parties as (

    select
        *,
        coalesce(lower(address) = liquidated_user, false) as is_liquidated_party,
        coalesce(direction = 'Auto-Deleveraging', false) as is_deleveraging_winner,
        coalesce(
            regexp_matches(liquidated_user, '^0x[0-9a-f]{40}$')
            or bool_or(coalesce(lower(address) = liquidated_user, false)) over (
                partition by batch_id, raw_object, trade_id, liquidated_user
            ),
            false
        ) as is_user_known,

    from named_fields

),

-- A line without a readable fill stays, to be rejected, and so does a `liquidation` object without a
-- user; spot (`@107`, `PURR/USDC`) has no leverage.
node_legs as (

    select
        * exclude (texts),
        if(block_number is null, 'hyperliquid.node_fills@1', 'hyperliquid.node_fills_by_block@1')
            as parser,
        'dump' as source_kind,
        raw_side as party_side,
        -- The leg of the liquidated party, or of the winner.
        lower(address) as party,
        concat_ws('|', lower(address), order_id, block_number) as order_key,

    from parties

    where event is null
        or (mark is not null and (liquidated_user is null or address is null))
        or (
            liquidated_user is not null
            and coalesce(coin, '') not like '@%'
            and not contains(coalesce(coin, ''), '/')
            and (is_liquidated_party or is_deleveraging_winner or not is_user_known)
        )

),

vault_answers as (

    from {{ rest_rows('hyperliquid', 'liquidations', ['/info'], cut_lines=true) }}

    where (asked ->> 'type') in ('userFillsByTime', 'userFills') or url is null

),

vault_texts as (

    select
        * exclude (entry, reject_reason),
        entry::varchar as event,
        lower(asked ->> 'user') as address,
        {{ json_texts('entry::varchar', vault_paths) }} as texts,

    from vault_answers

    where entry is null or contains(entry::varchar, '"liquidation"')

),

vault_fields as (

    select
        *,
        {{- named_texts('texts', vault_paths) }}
        lower(liquidated_address) as liquidated_user,

    from vault_texts

),

-- The vault is the other side of the liquidated user's fill, unless it is that user itself.
vault_legs as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        received_at,
        false as is_import,
        sealed_at,
        event,
        null::varchar as block_number,
        event is not null as is_json,
        address,
        coin,
        direction,
        mark,
        method,
        raw_quantity,
        raw_price,
        raw_side,
        event_ms,
        trade_id,
        order_id,
        liquidated_user,
        true as is_liquidated_party,
        false as is_deleveraging_winner,
        coalesce(
            regexp_matches(liquidated_user, '^0x[0-9a-f]{40}$') or liquidated_user = address, false
        ) as is_user_known,
        'hyperliquid.vault_fills_rest@1' as parser,
        'rest' as source_kind,
        case
            when liquidated_user = address then raw_side
            when raw_side = 'A' then 'B'
            when raw_side = 'B' then 'A'
        end as party_side,
        liquidated_user as party,
        null::varchar as order_key,

    from vault_fields

    where event is null
        or (
            mark is not null
            and coalesce(coin, '') not like '@%'
            and not contains(coalesce(coin, ''), '/')
        )

),

legs as (

    from node_legs
    union all by name
    from vault_legs

),

interpreted as (

    select
        legs.batch_id,
        legs.raw_object,
        legs.raw_line,
        legs.row_in_line,
        legs.parser,
        legs.source_kind,
        'row' as line_class,
        legs.received_at,
        legs.is_import,
        legs.sealed_at,
        legs.coin as instrument,
        'linear' as contract_type,
        nullif(
            regexp_extract(
                legs.coin, '^(?:[a-z0-9]+:)?([A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*)$', 1
            ),
            ''
        ) as venue_asset,
        -- The collateral of a builder-deployed exchange comes from its listing.
        coalesce(
            dex_quotes.quote_asset, if(contains(legs.coin, ':'), 'unknown', 'USDC')
        ) as quote_asset,
        1 as contract_size,
        case
            when legs.is_liquidated_party and vaults.address is not null then 'vault_unwind'
            when legs.is_liquidated_party and legs.method = 'backstop' then 'backstop'
            when legs.is_liquidated_party then 'liquidation'
            when legs.is_deleveraging_winner then 'adl'
        end as event_kind,
        case legs.party_side when 'A' then 'long' when 'B' then 'short' end as liquidated_side,
        {{ epoch_ms_at('legs.event_ms') }} as event_at,
        'venue' as event_at_source,
        null::timestamp as published_at,
        legs.raw_side,
        legs.raw_quantity,
        'base' as raw_quantity_unit,
        legs.raw_price,
        legs.raw_price as valued_price,
        'fill_avg' as price_kind,
        legs.order_key,
        concat_ws('|', legs.coin, legs.trade_id, legs.party, legs.event_ms) as natural_key,
        legs.raw_line::varchar as dedup_scope,
        1 as copies_per_row,
        case
            when not legs.is_json then 'unreadable_json'
            when legs.event is null then 'unrecognised_line'
            when legs.address is null or legs.liquidated_user is null or legs.coin is null
                or legs.trade_id is null
                then 'missing_field'
            when not legs.is_user_known and not legs.is_deleveraging_winner
                then 'garbled_liquidated_user'
        end as reject_reason,

    from legs
    left join vaults
        on legs.party = vaults.address
        and {{ epoch_ms_at('legs.event_ms') }} >= vaults.valid_from
        and (
            vaults.valid_to is null
            or {{ epoch_ms_at('legs.event_ms') }} < vaults.valid_to
        )
    left join dex_quotes
        on contains(legs.coin, ':')
        and split_part(legs.coin, ':', 1) = dex_quotes.dex

),

{{ staged_liquidations('hyperliquid', 'interpreted') }}
