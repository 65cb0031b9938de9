{#-
    Rows of the vendor's CSV of tickers in the batches being built, of whatever venue; see csv_rows.
    A row repeats what did not change.
-#}
{% macro tardis_tickers() -%}
    (
        select
            * exclude (received_at),
            'collector' as source_kind,
            upper(symbol) as instrument,
            {{ epoch_us_at('"timestamp"') }} as observed_at,
            {{ epoch_us_at('local_timestamp') }} as received_at,
            if(has_wrong_width, 'wrong_column_count', null) as reject_reason,

        from {{ csv_rows(none, 'liquidations', 'tardis-csv', [
            'exchange', 'symbol', 'timestamp', 'local_timestamp', 'funding_timestamp',
            'funding_rate', 'predicted_funding_rate', 'open_interest', 'last_price', 'index_price',
            'mark_price',
        ]) }} as csv_rows

        -- Files without a header are taken for liquidations.
        where has_columns
            and has_header
    )
{%- endmacro %}
