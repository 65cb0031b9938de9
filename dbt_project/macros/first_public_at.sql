{#-
    Before this no public feed or statistic of a venue's derivatives can have anything: the venue's
    date where it is known, with its source, and else the date of `any`. The command line refuses
    hours before that of `any` as well (unwind.landing.land.FIRST_PUBLIC_AT).
-#}
{% macro first_public_dates() -%}
    {{ return({
        "any": ("2017-01-01", "before the first public statistic of any of them"),
        "binance": ("2019-09-08", "https://data.binance.vision: the first day of futures"),
        "bybit": ("2018-11-01", "the inverse perpetual opened in November 2018"),
        "htx": ("2018-12-10", "its first contracts opened as Huobi DM"),
        "dydx": ("2023-10-26", "the first block of the dYdX chain; v3 is not this venue"),
        "hyperliquid": ("2023-02-01", "the closed alpha of its mainnet"),
        "lighter": ("2025-01-01", "the private beta of its mainnet, early in 2025"),
    }) }}
{%- endmacro %}


{#-
    The instant of first_public_dates as a SQL expression: a timestamp for a venue's name, a case
    over the column `venue` without one.
-#}
{% macro first_public_at(venue) -%}
    {%- set dates = first_public_dates() -%}
    {%- if venue -%}
        timestamp '{{ dates.get(venue, dates["any"])[0] }}'
    {%- else -%}
        case venue
            {%- for name, date in dates.items() if name != "any" %}
            when '{{ name }}' then timestamp '{{ date[0] }}'
            {%- endfor %}
            else timestamp '{{ dates["any"][0] }}'
        end
    {%- endif -%}
{%- endmacro %}
