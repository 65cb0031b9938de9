{#-
    XBTUSD, XBTUSDT, XBTH26, XBTUSDTH26, XBT_USDT (spot, fits nothing). Which of these is linear,
    inverse or quanto no name tells: it is what its own listing says; by name, contracts in USDT are
    linear, XBT's inverse, and all others of USD quanto.
-#}
{% macro bitmex__spelling(column) -%}
    {{ return({
        "venue_asset": name_part(
            column, "^({letters}+?)(?:USDT|USDC|USD)?(?:[FGHJKMNQUVXZ][0-9]{{2}})?$", 1
        ),
        "quote_asset": "coalesce(nullif(regexp_extract("
            ~ column ~ ", '(USDT|USDC|USD)(?:[FGHJKMNQUVXZ][0-9]{2})?$', 1), ''), 'USD')",
        "contract_type": "case when regexp_matches("
            ~ column ~ ", 'USD[TC]([FGHJKMNQUVXZ][0-9]{2})?$') then 'linear' when starts_with("
            ~ column ~ ", 'XBT') then 'inverse' else 'quanto' end",
    }) }}
{%- endmacro %}


{#- Rows of BitMEX's list of open contracts in the batches being built; see rest_rows. -#}
{% macro bitmex_instruments() -%}
    (
        select
            *,
            entry ->> 'symbol' as instrument,
            {{ iso_at("entry ->> 'timestamp'") }} as observed_at,

        from {{ rest_rows('bitmex', 'instruments', ['/api/v1/instrument/active']) }}

        -- FFWCSX are perpetual, FFCCSX dated contracts; others are spot pairs and indices.
        where entry is null or (entry ->> 'typ') in ('FFWCSX', 'FFCCSX', 'FFWCSF')
    )
{%- endmacro %}


{#- What BitMEX publishes, from when to when, and who says so. -#}
{% macro bitmex__publication_rules() -%}
    {{ return({
        "venue_name": "BitMEX",
        "rules": [
            ("full", "1970-01-01", none, "limit_order",
                "https://www.bitmex.com/app/wsAPI"),
        ],
    }) }}
{%- endmacro %}
