{#-
    BTC-PERPETUAL and BTC-27MAR26 are inverse; SOL_USDC-PERPETUAL, BTC_USDC-27MAR26 and the like in
    USDT linear. Options and spreads have more parts and fit nothing.
-#}
{% macro deribit__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(
            column,
            "^({letters}+)(?:_USDC|_USDT)?-(?:PERPETUAL|[0-9]{{1,2}}[A-Z]{{3}}[0-9]{{2}})$",
            1
        ),
        "quote_asset": "coalesce(nullif(regexp_extract("
            ~ column ~ ", '_(USDC|USDT)-', 1), ''), 'USD')",
        "contract_type": "if(contains(" ~ column ~ ", '_'), 'linear', 'inverse')",
    }) }}
{%- endmacro %}


{#- Rows of Deribit's book summaries in the batches being built; see rest_rows. -#}
{% macro deribit_summaries() -%}
    (
        select
            *,
            entry ->> 'instrument_name' as instrument,
            {{ epoch_ms_at("entry ->> 'creation_timestamp'") }} as observed_at,

        from {{ rest_rows(
            'deribit', 'tickers', ['/public/get_book_summary_by_currency'], rows_at='$.result'
        ) }}
    )
{%- endmacro %}
