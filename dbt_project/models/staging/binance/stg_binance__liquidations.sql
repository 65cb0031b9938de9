-- side: the liquidation ORDER's side, SELL closes a long.
-- size: `z` (filled so far); USD-M in base coin, COIN-M in contracts of 100 USD (BTC) or 10 USD
--   (others). Of an order that is sent partly filled and then filled, the last state counts.
-- price: `ap` is the average fill, `p` the limit price; time: `T` in ms. At most one event per
--   symbol and second is published.
-- published at: `E` of a frame, in ms. Collectors' files keep `T` alone, and which of the two the dump's
--   `time` is, is not documented.
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/All-Market-Liquidation-Order-Streams
{% set has_partly_filled_orders = may_have_partly_filled_orders(
    'binance', ['frames', 'force-order-csv']
) %}
with

-- One object, a combined-stream wrapper, or a list of either. The acknowledgement of a subscription
-- is {"result": null, "id": 1}.
{{ message_rows(
    'binance',
    nested_row='$.data',
    control_frames="coalesce("
        ~ "event_kind != 'forceOrder', case when json_valid(entry) then json_exists(entry, '$.result') end"
        ~ ")",
    recognised='event_kind is not null',
    row_fields={
        'event_kind': '$.e', 'market_code': '$.st',
        'symbol': '$.o.s', 'raw_side': '$.o.S', 'original_quantity': '$.o.q', 'raw_price': '$.o.p',
        'average_price': '$.o.ap', 'filled_quantity': '$.o.z', 'last_filled_quantity': '$.o.l',
        'order_status': '$.o.X', 'event_ms': '$.o.T', 'published_ms': '$.E',
    },
    published_at=epoch_ms_at('published_ms'),
) }}

from_frames as not materialized (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        'binance.force_order_frame@1' as parser,
        source_kind,
        line_class,
        received_at,
        is_import,
        sealed_at,
        symbol,
        case market_code when '1' then 'um' when '2' then 'cm' end as stated_market,
        raw_side,
        original_quantity,
        raw_price,
        average_price,
        filled_quantity,
        last_filled_quantity,
        order_status,
        {{ epoch_ms_at('event_ms') }} as event_at,
        published_at,
        -- A repeated frame is a repeated delivery: the stream has no identical events in one second.
        raw_line::varchar as dedup_scope,
        rows_in_line as rows_in_scope,
        1 as copies_per_row,
        reject_reason,

    from messages

),

-- A widely used collector writes the order's fields in sequence and removes USDT from symbols.
from_collector_csv as (

    with

    {{ csv_lines(
        raw_lines('binance', 'liquidations', 'force-order-csv'), 'symbol', blanks=true
    ) | indent }}

    collector_lines as (

        select
            *,
            {{ csv_has_wrong_width('csv_lines', 12) | indent(8) }} as has_wrong_width,
            case
                when has_wrong_width
                    then [trim(part, ' "') for part in string_split_regex(text, '[,;|\t]')]
            end as parts,

        from csv_lines

    )

    select
        batch_id,
        raw_object,
        raw_line,
        1 as row_in_line,
        'binance.force_order_csv@1' as parser,
        'collector' as source_kind,
        case
            when is_header or lower(fields[1]) = 'symbol' then 'header'
            -- A truncated row, or one with another separator, still has one of the order's words or its
            -- time.
            when has_wrong_width
                and not list_has_any(
                    [upper(part) for part in parts],
                    ['BUY', 'SELL', 'LIMIT', 'IOC', 'FILLED']
                )
                and not list_bool_or([regexp_full_match(part, '[0-9]{13}') for part in parts])
                then 'log_line'
            else 'row'
        end as line_class,
        received_at,
        is_import,
        sealed_at,
        {{ csv_field('symbol', 1) }} as symbol,
        null::varchar as stated_market,
        {{ csv_field('side', 2) }} as raw_side,
        {{ csv_field('original_quantity', 5) }} as original_quantity,
        {{ csv_field('price', 6) }} as raw_price,
        case
            when lower({{ csv_field('average_price', 7) }}) not in ('none', 'nan', 'null')
                then {{ csv_field('average_price', 7) }}
        end as average_price,
        {{ csv_field('accumulated_filled', 10) }} as filled_quantity,
        {{ csv_field('last_filled', 9) }} as last_filled_quantity,
        {{ csv_field('status', 8) }} as order_status,
        {{ epoch_ms_at(unrounded(csv_field('trade_time_ms', 11))) }} as event_at,
        null::timestamp as published_at,
        -- A collector may spell a symbol in two ways; identical events are counted per spelling.
        symbol as dedup_scope,
        1 as copies_per_row,
        case when has_wrong_width then 'wrong_column_count' end as reject_reason,

    from collector_lines

),

dump_lines as (

    with

    {{ csv_lines(
        raw_lines('binance', 'liquidations', 'liquidation-snapshot'), 'time', blanks=true
    ) | indent }}

    named_lines as (

        select
            * exclude (is_header),
            regexp_extract(name, '([^/]+)-liquidationSnapshot-', 1) as symbol,
            regexp_extract(name, 'futures/(um|cm)/', 1) as path_market,

        from csv_lines

    )

    select *, from named_lines

),

-- Columns are found by the header's names: one loader lists a variant with a symbol column.
dump_columns as (

    select
        batch_id,
        raw_object,
        coalesce(
            any_value(fields) filter (where list_contains(fields, 'accumulated_fill_quantity')),
            [
                'time', 'side', 'order_type', 'time_in_force', 'original_quantity', 'price',
                'average_price', 'order_status', 'last_fill_quantity', 'accumulated_fill_quantity',
            ]
        ) as columns,

    from dump_lines

    group by all

),

dump_rows as (

    select
        dump_lines.*,
        dump_columns.columns,
        list_contains(fields, 'accumulated_fill_quantity') as is_header,
        trim(dump_lines.text) = '' as is_blank,
        count(*) over (
            partition by dump_lines.batch_id, dump_lines.raw_object, dump_lines.text
        ) as copies,

    from dump_lines
    inner join dump_columns using (batch_id, raw_object)

),

-- The venue writes every row of this dump exactly twice. With an odd count the file is not such a
-- dump, and which rows are doubled is unknown: the whole file is rejected.
dump_parity as (

    select
        *,
        bool_or(not is_header and not is_blank and copies % 2 = 1) over (
            partition by batch_id, raw_object
        ) as has_odd_count,

    from dump_rows

),

from_dump as (

    select
        batch_id,
        raw_object,
        raw_line,
        1 as row_in_line,
        'binance.liquidation_snapshot@1' as parser,
        'dump' as source_kind,
        case when is_header then 'header' when is_blank then 'other' else 'row' end
            as line_class,
        received_at,
        is_import,
        sealed_at,
        coalesce(fields[list_position(columns, 'symbol')], symbol) as symbol,
        nullif(path_market, '') as stated_market,
        fields[list_position(columns, 'side')] as raw_side,
        fields[list_position(columns, 'original_quantity')] as original_quantity,
        fields[list_position(columns, 'price')] as raw_price,
        fields[list_position(columns, 'average_price')] as average_price,
        fields[list_position(columns, 'accumulated_fill_quantity')] as filled_quantity,
        {{ epoch_ms_at(unrounded("fields[list_position(columns, 'time')]")) }} as event_at,
        null::timestamp as published_at,
        '' as dedup_scope,
        2 as copies_per_row,
        case
            when {{ csv_has_wrong_width('dump_parity', 'len(dump_parity.columns)') | indent(12) }}
                then 'wrong_column_count'
            when has_odd_count then 'odd_count_in_doubled_dump'
        end as reject_reason,

    from dump_parity

),

delivered_orders as {{ "not " if not has_partly_filled_orders }}materialized (

    from from_frames
    union all by name
    from from_collector_csv
    union all by name
    from from_dump

),

-- An order filled in parts is sent in each of its states: the last one counts.
{{ last_states_of_orders('delivered_orders', has_partly_filled_orders) }}

-- Grammar of symbols: BTCUSDT, BTCUSDT_250627 (USD-M); BTCUSD_PERP, BTCUSD_250627 (COIN-M); and, in
-- collectors' files only, BTC for BTCUSDT and BTC_250627 for BTCUSDT_250627.
spelled as not materialized (

    select
        *,
        -- BNBUSD_PERP is BNB in USD, though BUSD is a quote asset too.
        contains(symbol, 'USD_') as is_coin_margined_name,
        if(is_coin_margined_name, replace(symbol, 'USD_', 'USD:_'), symbol) as marked_symbol,
        {{ name_parts(
            'marked_symbol', '^({letters}+?)(USD:|USDT|USDC|BUSD|FDUSD|USD1)?(_PERP|_[0-9]{{6}})?$',
            ['venue_asset', 'stated_quote', 'suffix']
        ) }} as parsed_symbol,

    from orders

),

markets as not materialized (

    select
        *,
        unnest(parsed_symbol),  -- noqa: AL03
        coalesce(
            nullif(rtrim(parsed_symbol.stated_quote, ':'), ''),
            if(source_kind = 'collector', 'USDT', null)
        ) as quote_asset,
        coalesce(stated_market, if(is_coin_margined_name, 'cm', 'um')) as market,
        {{ has_average_price() }} as has_average_price,

    from spelled

),

interpreted as not materialized (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        parser,
        source_kind,
        line_class,
        received_at,
        is_import,
        sealed_at,
        -- A symbol that cannot be parsed keeps its own spelling, so that people can look it up.
        coalesce(
            nullif(venue_asset, '') || quote_asset || parsed_symbol.suffix, nullif(symbol, '')
        ) as instrument,
        if(market = 'cm', 'inverse', 'linear') as contract_type,
        venue_asset,
        quote_asset,
        case
            when market = 'um' then 1
            when venue_asset = 'BTC' then 100
            else 10
        end as contract_size,
        'liquidation' as event_kind,
        case raw_side when 'SELL' then 'long' when 'BUY' then 'short' end as liquidated_side,
        event_at,
        'venue' as event_at_source,
        published_at,
        raw_side,
        filled_quantity as raw_quantity,
        if(market = 'cm', 'contracts', 'base') as raw_quantity_unit,
        raw_price,
        if(has_average_price, average_price, raw_price) as valued_price,
        if(has_average_price, 'fill_avg', 'limit_order') as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|',
            market,
            venue_asset || quote_asset || parsed_symbol.suffix,
            raw_side,
            epoch_ms(event_at),
            {{ number_key('original_quantity') }},
            {{ number_key('filled_quantity') }},
            {{ number_key('raw_price') }},
            {{ number_key('average_price') }}
        ) as natural_key,
        dedup_scope,
        rows_in_scope,
        copies_per_row,
        case
            when line_class != 'row' or reject_reason is not null then reject_reason
            when symbol is null then 'missing_field'
            when venue_asset = '' then 'garbled_symbol'
            when symbol in {{ binance_priced_in_btc() }} then 'quote_not_usd'
            when quote_asset is null then 'unknown_symbol'
            -- The message names one market and the symbol belongs to the other.
            when (market = 'cm') != is_coin_margined_name then 'unknown_symbol'
            -- Collectors remove only USDT: BTCUSD and BTC_PERP belong to neither market.
            when source_kind = 'collector' and ends_with(symbol, 'USD') then 'unknown_symbol'
            when market = 'um' and parsed_symbol.suffix = '_PERP' then 'unknown_symbol'
        end as reject_reason,

    from markets

),

{{ staged_liquidations('binance', 'interpreted', rows_in_scope='rows_in_scope') }}
