-- side: `direction` is the taker's. liquidation T: the taker was liquidated, sell closed a long; M: the
--   maker was, so the sides change; MT: both were, which makes two rows.
-- size: `amount`, USD of inverse contracts, base coin of linear ones; price: the fill.
-- time: `timestamp` in ms; published at: not stated. Complete: the trade tape. Trades without the field are not liquidations.
-- https://docs.deribit.com/#trades-instrument_name-interval
with

{{ message_rows(
    'deribit',
    rows_at='$.params.data',
    envelope_fields={'channel': '$.params.channel', 'method': '$.method', 'id': '$.id'},
    control_frames="coalesce(channel not like 'trades.%', method = 'heartbeat' or id is not null)",
    recognised='channel is not null',
    row_markers=['"liquidation"'],
    rest=[
        '/public/get_last_trades_by_currency_and_time', '/public/get_last_trades_by_currency',
        '/public/get_last_trades_by_instrument', '/public/get_last_trades_by_instrument_and_time',
    ],
    rest_rows_at='$.result.trades',
    row_fields={
        'instrument': '$.instrument_name', 'raw_side': '$.direction', 'raw_quantity': '$.amount',
        'raw_price': '$.price', 'event_ms': '$.timestamp', 'trade_id': '$.trade_id',
        'liquidated_party': '$.liquidation',
    },
) }}

-- One row per liquidated party.
legs as (

    select
        *,
        if(liquidated_party = 'MT', ['T', 'M'], [liquidated_party]) as parties,
        unnest(parties) as party,
        unnest(range(1, len(parties) + 1)) as place,

    from messages

    -- An option's price is in its coin, and options are not leveraged positions here.
    where not regexp_matches(coalesce(instrument, ''), '-[CP]$')

),

interpreted as (

    select
        * exclude (reject_reason) replace ((row_in_line - 1) * 2 + place as row_in_line),
        'deribit.trades@1' as parser,
        null as contract_size,
        'liquidation' as event_kind,
        case
            when party not in ('T', 'M') then null
            when raw_side = 'sell' then if(party = 'T', 'long', 'short')
            when raw_side = 'buy' then if(party = 'T', 'short', 'long')
        end as liquidated_side,
        {{ epoch_ms_at('event_ms') }} as event_at,
        'venue' as event_at_source,
        if(contract_type = 'inverse', 'usd', 'base') as raw_quantity_unit,
        raw_price as valued_price,
        'fill_avg' as price_kind,
        null::varchar as order_key,
        concat_ws('|', instrument, trade_id, party) as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,
        coalesce(reject_reason, if(trade_id is null, 'missing_field', null)) as reject_reason,

    from legs

),

{{ staged_liquidations('deribit', 'interpreted') }}
