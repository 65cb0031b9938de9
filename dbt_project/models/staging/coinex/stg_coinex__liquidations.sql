-- side: the POSITION's side, in words.
-- size: `liq_amount`, base coin of linear contracts; undocumented for inverse ones, where the variable
--   `coinex_inverse_unit` sets usd or base.
-- price: `liq_price`, the mark price at which it was liquidated (bkr_price is the bankruptcy price).
-- time: `created_at` in ms; published at: not stated. Completeness is undocumented. Names have spaces around them.
-- https://docs.coinex.com/api/v2/futures/market/http/list-market-liquidation-history
with

{{ message_rows(
    'coinex',
    recognised='false',
    rest=['/v2/futures/liquidation-history'],
    rest_rows_at='$.data',
    row_fields={
        'market': '$.market', 'raw_side': '$.side', 'raw_quantity': '$.liq_amount',
        'raw_price': '$.liq_price', 'event_ms': '$.created_at', 'bankruptcy_price': '$.bkr_price',
    },
) }}

spelled as (

    select
        *,
        trim(market) as instrument,
        unnest({{ parse_symbol('coinex', 'instrument') }}),

    from messages

),

interpreted as (

    select
        *,
        'coinex.liquidation_history_rest@1' as parser,
        1 as contract_size,
        'liquidation' as event_kind,
        case raw_side when 'long' then 'long' when 'short' then 'short' end as liquidated_side,
        {{ epoch_ms_at('event_ms') }} as event_at,
        'venue' as event_at_source,
        {% set unit = assumption('coinex_inverse_unit', ['usd', 'base']) -%}
        if(contract_type = 'inverse', '{{ unit }}', 'base') as raw_quantity_unit,
        raw_price as valued_price,
        'mark' as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', instrument, raw_side, event_ms, {{ number_key('raw_quantity') }},
            {{ number_key('raw_price') }}, {{ number_key('bankruptcy_price') }}
        ) as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from spelled

),

{{ staged_liquidations('coinex', 'interpreted') }}
