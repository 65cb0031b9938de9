{#-
    BTCUSDT, BTCUSDT_260327, spot BTCUSDT; BTCUSD_PERP and BTCUSD_260327 are inverse, and so
    BNBUSD_PERP is BNB in USD, though BUSD is a quote asset too.
-#}
{% macro binance__symbol_parts(column) -%}
    {%- set inverse = "contains(" ~ column ~ ", 'USD_')" -%}
    {{ return({
        "venue_asset": "if(" ~ inverse ~ ", "
            ~ name_part(column, "^({letters}+)USD_(?:PERP|[0-9]{{6}})$", 1) ~ ", "
            ~ name_part(column, "^({letters}+?)(?:USDT|USDC|BUSD|FDUSD|USD1)(?:_[0-9]{{6}})?$", 1)
            ~ ")",
        "quote_asset": "if(" ~ inverse ~ ", 'USD', nullif(regexp_extract("
            ~ column ~ ", '(USDT|USDC|FDUSD|BUSD|USD1)(?:_[0-9]{6})?$', 1), ''))",
        "contract_type": "if(" ~ inverse ~ ", 'inverse', 'linear')",
    }) }}
{%- endmacro %}


{#-
    Contracts priced in BTC: collectors that remove USDT from symbols leave these unchanged, and
    PUMPBTC is PUMPBTCUSDT.
    https://www.binance.com/en/square/post/18544815701689
-#}
{% macro binance_priced_in_btc() -%}
    ('ETHBTC', 'BNBBTC', 'BCHBTC')
{%- endmacro %}


{#- Rows of Binance's kline files of one dataset (spot_bars, mark_bars) in the batches being built. -#}
{% macro binance_kline_files(dataset) -%}
    {{ csv_rows('binance', dataset, 'klines-csv', [
        'open_time', 'open', 'high', 'low', 'close', 'volume', 'close_time', 'quote_volume',
        'count', 'taker_buy_volume', 'taker_buy_quote_volume', 'ignore',
    ]) }}
{%- endmacro %}


{#-
    Epoch text in milliseconds or microseconds, recognised by magnitude, as a UTC timestamp: 1e14 ms
    would be the year 5138. Null where it is not a number.
-#}
{% macro epoch_ms_or_us_at(column) -%}
    coalesce({{ epoch_us_at(column) }}, {{ epoch_ms_at(column) }})
{%- endmacro %}


{#-
    Rows of Binance's daily `metrics` dumps in the batches being built, as a subquery, with the
    instant that each row describes.

    Columns: those of csv_rows with the dump's own as text, market (um, cm), measured_at (the stock
    columns' instant and the end of the taker flow's five minutes), reject_reason.
-#}
{% macro binance_metrics() -%}
    (
        with

        rows_of_files as (

            select
                *,
                {{ naive_at('create_time') }} as labelled_at,
                -- The day is in the file's name; a renamed file is dated by its first label.
                coalesce(
                    try_cast(regexp_extract(name, '-metrics-([0-9]{4}-[0-9]{2}-[0-9]{2})', 1) as date),
                    try_cast(min(labelled_at) over (partition by batch_id, raw_object) as date)
                ) as file_date,
                coalesce(
                    nullif(regexp_extract(name, 'futures/(um|cm)/', 1), ''),
                    if({{ is_inverse_by_name('binance', 'symbol') }}, 'cm', 'um')
                ) as market,

            from {{ csv_rows('binance', 'metrics', 'metrics-csv', [
                'create_time', 'symbol', 'sum_open_interest', 'sum_open_interest_value',
                'count_toptrader_long_short_ratio', 'sum_toptrader_long_short_ratio',
                'count_long_short_ratio', 'sum_taker_long_short_vol_ratio',
            ]) }} as metrics

        )

        select
            *,
            labelled_at + {{ binance_metrics_label_shift('market', 'file_date') }} as measured_at,
            if(has_wrong_width, 'wrong_column_count', null) as reject_reason,

        from rows_of_files
    )
{%- endmacro %}


{#-
    From a label in a metrics dump to the instant measured: labels of USD-M files of days before
    2026-06-25 name the end of their five minutes, all others the start. The day is the FILE's: the
    label 2026-06-25 00:00 stands in the files of both days and means two instants.

    Arguments: market (um, cm), file_date, both SQL expressions.
-#}
{% macro binance_metrics_label_shift(market, file_date) -%}
    if(
        {{ market }} = 'um' and {{ file_date }} < date '2026-06-25',
        interval 0 minute,
        interval 5 minute
    )
{%- endmacro %}
