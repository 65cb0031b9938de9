{#-
    tBTCF0:USTF0 is BTC in USDt; all linear. Spot margin pairs (tBTCUSD) fit nothing, nor do contracts
    of paper trading (tTESTBTCF0:TESTUSDTF0).
-#}
{% macro bitfinex__symbol_parts(column) -%}
    {{ return({
        "venue_asset": "case when not starts_with(" ~ column ~ ", 'tTEST') then "
            ~ name_part(column, "^t({letters}+)F0:({letters}+)F0$", 1) ~ " end",
        "quote_asset": "replace(nullif(regexp_extract("
            ~ column ~ ", ':([A-Z0-9]+)F0$', 1), ''), 'UST', 'USDT')",
        "contract_type": "'linear'",
    }) }}
{%- endmacro %}


{#-
    Rows of Bitfinex's status of contracts in the batches being built; see rest_rows. A row is a
    list: key, time, -, last price, spot price, -, insurance fund, -, next funding at, accrued,
    step, -, current funding, -, -, mark price, -, -, open interest.
-#}
{% macro bitfinex_status() -%}
    (
        select
            *,
            entry ->> 0 as instrument,
            {{ epoch_ms_at("entry ->> 1") }} as observed_at,

        from {{ rest_rows('bitfinex', 'status', ['/v2/status/deriv']) }}

        -- Paper trading is no market.
        where entry is null or not starts_with(coalesce(entry ->> 0, ''), 'tTEST')
    )
{%- endmacro %}


{#- The dataset that lists the venue's contracts. -#}
{% macro bitfinex__listing_dataset() %}{{ return('status') }}{% endmacro %}
