{#- Rows of Binance's kline files of one dataset (spot_bars, mark_bars) in the batches being built. -#}
{% macro binance_kline_files(dataset) -%}
    {{ csv_rows('binance', dataset, 'klines-csv', [
        'open_time', 'open', 'high', 'low', 'close', 'volume', 'close_time', 'quote_volume',
        'count', 'taker_buy_volume', 'taker_buy_quote_volume', 'ignore',
    ]) }}
{%- endmacro %}


{#-
    Epoch text in milliseconds or microseconds as a UTC timestamp, told by magnitude: 1e14 ms would
    be the year 5138. Null where it is no number.
-#}
{% macro epoch_ms_or_us_at(column) -%}
    case
        when try_cast({{ column }} as bigint) between 100000000000000 and 4102444799999999
            then make_timestamp(try_cast({{ column }} as bigint))
        else {{ epoch_ms_at(column) }}
    end
{%- endmacro %}
