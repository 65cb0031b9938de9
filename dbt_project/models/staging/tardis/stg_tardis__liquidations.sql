-- side: of the liquidation ORDER for every venue, as the vendor turns it: sell closed a long.
-- size: `amount` in the venue's own unit; price: the venue's published one, which is Binance's order
--   price and not its fill. time: `timestamp` in microseconds, local_timestamp is the vendor's clock.
-- The vendor records the same streams, so its rows have the venue's throttle. They keep too few fields
-- to be joined with it: in hours that the venue itself tells of, they only reconcile.
-- https://docs.tardis.dev/downloadable-csv-files#liquidations
{% set price_kinds = {
    'binance': 'limit_order', 'aster': 'limit_order', 'bitmex': 'limit_order',
    'bybit': 'bankruptcy', 'okx': 'bankruptcy', 'htx': 'bankruptcy', 'bitget': 'bankruptcy',
    'deribit': 'fill_avg', 'kraken_futures': 'fill_avg', 'dydx': 'fill_avg', 'lighter': 'fill_avg',
    'bitfinex': 'entry',
} %}
with

listed as (

    select
        *,
        upper(symbol) as instrument,

    from {{ csv_rows(none, 'liquidations', 'tardis-csv', [
        'exchange', 'symbol', 'timestamp', 'local_timestamp', 'id', 'side', 'price', 'amount',
    ]) }} as csv_rows

    where has_columns

),

spelled as (

    select
        *,
        venue in ('okx', 'bitmex', 'gate', 'htx') as is_in_contracts,
        unnest({{ instrument_spelling(none, 'instrument') }}),

    from listed

),

meant as (

    select
        * exclude (received_at),
        'tardis.liquidations_csv@1' as parser,
        'collector' as source_kind,
        'row' as line_class,
        {{ epoch_us_at('local_timestamp') }} as received_at,
        case
            when venue = 'binance' and contract_type = 'inverse'
                then if(venue_asset = 'BTC', 100, 10)
            when is_in_contracts and contract_type != 'inverse' then null
            else 1
        end as contract_size,
        'liquidation' as event_kind,
        case side when 'sell' then 'long' when 'buy' then 'short' end as liquidated_side,
        {{ epoch_us_at('timestamp') }} as event_at,
        'venue' as event_at_source,
        side as raw_side,
        amount as raw_quantity,
        case
            when contract_type = 'inverse' and venue = 'deribit' then 'usd'
            when contract_type = 'inverse' or is_in_contracts then 'contracts'
            else 'base'
        end as raw_quantity_unit,
        price as raw_price,
        price as valued_price,
        case venue
            {% for venue, kind in price_kinds.items() -%}
            when '{{ venue }}' then '{{ kind }}'
            {% endfor %}
            else 'unknown'
        end as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', 'tardis', instrument, timestamp, side, {{ number_key('amount') }},
            {{ number_key('price') }}, id
        ) as natural_key,
        '' as twin_scope,
        1 as twin_copies,
        if(has_wrong_width, 'wrong_column_count', null) as reject_reason,

    from spelled

),

{{ staged_liquidations(none, 'meant', source_rank=3) }}
