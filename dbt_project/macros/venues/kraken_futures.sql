{#-
    PF_XBTUSD and FF_XBTUSD_260327 are linear; PI_XBTUSD and FI_XBTUSD_260327 inverse. Lists spell
    them in small letters too. Indices (in_xbtusd) and reference rates fit nothing.
-#}
{% macro kraken_futures__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^(?:PF|PI|FF|FI)_({letters}+)USD(?:_[0-9]{{6}})?$", 1),
        "quote_asset": "'USD'",
        "contract_type": "if(starts_with("
            ~ column ~ ", 'PI_') or starts_with(" ~ column ~ ", 'FI_'), 'inverse', 'linear')",
    }) }}
{%- endmacro %}


{#- Rows of Kraken's tickers of futures in the batches being built; see rest_rows. -#}
{% macro kraken_futures_tickers() -%}
    (
        select
            *,
            upper(entry ->> 'symbol') as instrument,
            {{ iso_at("server_time") }} as observed_at,

        from {{ rest_rows(
            'kraken_futures', 'tickers', ['/derivatives/api/v3/tickers'], rows_at='$.tickers',
            answered={'server_time': '$.serverTime'}
        ) }}

        -- Indices (IN_) and reference rates (RR_) are no contracts.
        where entry is null
            or not regexp_matches(upper(coalesce(entry ->> 'symbol', '')), '^(IN|RR)_')
    )
{%- endmacro %}
