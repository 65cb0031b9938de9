-- side: the taker's, taken as the liquidation order's: sell closed a long. Unverified: the variable
--   `kraken_futures_side` sets whose side it is, liquidated or counterparty. `assignment` and
--   `termination` transfer positions; they are separate events, not liquidations.
-- size: `qty` or `size`, PI and FI contracts of 1 USD, PF and FF in base coin; price: the fill.
-- time: `time`, ms in frames, ISO in answers; published at: not stated. Complete: the trade tape.
-- https://docs.kraken.com/api/docs/futures-api/websocket/trade
with

{{ message_rows(
    'kraken_futures',
    rows_at=['$.trades', '$'],
    envelope_fields={'feed': '$.feed', 'event': '$.event', 'snapshot_symbol': '$.product_id'},
    control_frames="coalesce(feed not in ('trade', 'trade_snapshot'), false) or event is not null",
    recognised='feed is not null',
    row_markers=['"liquidation"', '"assignment"', '"termination"'],
    rest=['/derivatives/api/v3/history'],
    rest_rows_at='$.history',
    row_fields={
        'row_symbol': '$.product_id', 'raw_side': '$.side', 'qty': '$.qty', 'size': '$.size',
        'raw_price': '$.price', 'event_time': '$.time', 'trade_id': '$.uid', 'trade_type': '$.type',
    },
) }}

named_fields as (

    select
        *,
        -- Only the request names the contract of an answer.
        upper(coalesce(
            row_symbol,
            snapshot_symbol,
            case when json_valid(params) then json_extract_string(params, '$.symbol') end
        )) as instrument,
        unnest({{ parse_symbol('kraken_futures', 'instrument') }}),
        coalesce(qty, size) as raw_quantity,
        coalesce({{ epoch_ms_at('event_time') }}, {{ iso_at('event_time') }}) as event_at,

    from messages

),

interpreted as (

    select
        *,
        if(source_kind = 'rest', 'kraken_futures.history@1', 'kraken_futures.trade_frame@1')
            as parser,
        1 as contract_size,
        coalesce(trade_type, 'liquidation') as event_kind,
        {% set whose = assumption('kraken_futures_side', ['liquidated', 'counterparty']) -%}
        {% set sides = ['long', 'short'] if whose == 'liquidated' else ['short', 'long'] -%}
        case raw_side when 'sell' then '{{ sides[0] }}' when 'buy' then '{{ sides[1] }}' end
            as liquidated_side,
        'venue' as event_at_source,
        if(contract_type = 'inverse', 'contracts', 'base') as raw_quantity_unit,
        raw_price as valued_price,
        'fill_avg' as price_kind,
        null::varchar as order_key,
        trade_id as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from named_fields

),

{{ staged_liquidations('kraken_futures', 'interpreted') }}
