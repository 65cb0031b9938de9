-- side: AMOUNT signs the POSITION, above zero a long.
-- size: AMOUNT in base coin, of the whole position. A liquidation comes in up to three rows of one
--   POS_ID: the trigger (IS_MATCH 0), what the system acquired (IS_MATCH 0 with a price, moments later)
--   and what the market took of it (IS_MATCH 1). The first trigger counts, the others are not events.
--   That rows of a position within a minute are one liquidation is an undocumented assumption.
-- price: PRICE_ACQUIRED of the trigger or of the acquisition, else BASE_PRICE, the position's entry
--   price.
-- time: MTS in ms; published at: not stated. Liquidations of margin on spot pairs are listed too, and are not derivatives. Complete.
-- https://docs.bitfinex.com/reference/rest-public-liquidations
{% set same_liquidation_ms = 60000 %}
with

{{ message_rows(
    'bitfinex',
    rows_at='$[1]',
    envelope_fields={'event': '$.event', 'word': '$[1]'},
    control_frames="event is not null or word = 'hb'",
    rest=['/v2/liquidations/hist'],
    rest_rows_at='$',
    row_fields={'flat_kind': '$[0]', 'nested_kind': '$[0][0]'},
) }}

-- Answers nest each row in its own list.
unnested as (

    select
        *,
        case
            when nested_kind is null then entry
            when json_valid(entry) then json_extract(entry, '$[0]')::varchar
        end as position,
        {{ json_texts('position', {
            'kind': '$[0]', 'position_id': '$[1]', 'event_ms': '$[2]', 'instrument': '$[4]',
            'amount': '$[5]', 'base_price': '$[6]', 'is_match': '$[8]', 'price_acquired': '$[11]',
        }) }} as position_texts,

    from messages

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

triggers as (

    select
        *,
        try_cast(event_ms as double) as event_epoch_ms,
        line_class = 'row' and is_match = '0' as is_trigger,

    from named

),

positions as (

    select
        *,
        min(event_epoch_ms) filter (where is_trigger) over by_position as first_epoch_ms,
        min_by(price_acquired, event_epoch_ms) filter (
            where is_trigger and price_acquired is not null
        ) over by_position as acquired_price,
        min(event_epoch_ms) filter (where is_trigger and price_acquired is not null)
            over by_position as acquired_epoch_ms,

    from triggers

    window by_position as (partition by batch_id, position_id, instrument)

),

told_once as (

    select
        * exclude (line_class, price_acquired),
        if(
            is_trigger
            and event_epoch_ms > first_epoch_ms
            and event_epoch_ms <= first_epoch_ms + {{ same_liquidation_ms }},
            'other',
            line_class
        ) as line_class,
        coalesce(
            price_acquired,
            if(
                acquired_epoch_ms between event_epoch_ms
                and event_epoch_ms + {{ same_liquidation_ms }},
                acquired_price,
                null
            )
        ) as price_acquired,

    from positions

),

interpreted as (

    select
        *,
        if(source_kind = 'rest', 'bitfinex.liquidations_rest@1', 'bitfinex.status_frame@1')
            as parser,
        unnest({{ parse_symbol('bitfinex', 'instrument') }}),
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
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from told_once

),

{{ staged_liquidations('bitfinex', 'interpreted') }}
