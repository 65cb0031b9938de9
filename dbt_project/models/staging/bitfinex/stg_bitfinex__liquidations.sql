-- side: AMOUNT signs the POSITION, above zero a long.
-- size: AMOUNT in base coin, of the whole position. A liquidation is told twice, as a trigger (IS_MATCH
--   0) and as what the market took of it (1): triggers count, matches only reconcile.
-- price: PRICE_ACQUIRED where a trigger has one, else BASE_PRICE, which is the position's entry price.
-- time: MTS in ms. Margin on spot pairs is told of too, and is no derivative. Complete.
-- https://docs.bitfinex.com/reference/rest-public-liquidations
with

{{ delivered_rows(
    'bitfinex',
    rows_at='$[1]',
    says={'event': '$.event', 'word': '$[1]'},
    chatter="event is not null or word = 'hb'",
    rest=['/v2/liquidations/hist'],
    rest_rows_at='$',
    row={'flat_kind': '$[0]', 'nested_kind': '$[0][0]'},
) }}

-- Answers nest each row in a list of its own.
unnested as (

    select
        *,
        if(nested_kind is null, entry, json_extract(entry, '$[0]')::varchar) as position,
        {{ json_texts('position', {
            'kind': '$[0]', 'position_id': '$[1]', 'event_ms': '$[2]', 'instrument': '$[4]',
            'amount': '$[5]', 'base_price': '$[6]', 'is_match': '$[8]', 'price_acquired': '$[11]',
        }) }} as position_texts,

    from delivered

),

named as (

    select
        * exclude (line_class, reject_reason),
        {{- named_texts('position_texts', {
            'kind': '', 'position_id': '', 'event_ms': '', 'instrument': '', 'amount': '',
            'base_price': '', 'is_match': '', 'price_acquired': '',
        }) }}
        if(
            line_class = 'row'
            and (kind != 'pos' or is_match = '1' or not contains(instrument, 'F0:')),
            'other',
            line_class
        ) as line_class,
        coalesce(
            reject_reason,
            case
                when kind is null then 'unrecognised_frame'
                when position_id is null or is_match is null then 'missing_field'
            end
        ) as reject_reason,

    from unnested

),

meant as (

    select
        *,
        if(source_kind = 'rest', 'bitfinex.liquidations_rest@1', 'bitfinex.status_frame@1')
            as parser,
        unnest({{ instrument_spelling('bitfinex', 'instrument') }}),
        1 as contract_size,
        'liquidation' as event_kind,
        case
            when try_cast(amount as double) > 0 then 'long'
            when try_cast(amount as double) < 0 then 'short'
        end as liquidated_side,
        {{ epoch_ms_at('event_ms') }} as event_at,
        'venue' as event_at_source,
        if(starts_with(amount, '-'), 'negative', 'positive') as raw_side,
        ltrim(amount, '-') as raw_quantity,
        'base' as raw_quantity_unit,
        coalesce(price_acquired, base_price) as raw_price,
        raw_price as valued_price,
        if(price_acquired is null, 'entry', 'fill_avg') as price_kind,
        null::varchar as order_key,
        concat_ws('|', position_id, event_ms, is_match) as natural_key,
        raw_line::varchar as twin_scope,
        1 as twin_copies,

    from named

),

{{ staged_liquidations('bitfinex', 'meant') }}
