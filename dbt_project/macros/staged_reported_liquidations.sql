{#-
    The common end of the staging models of other people's sums of liquidations.

    Arguments: source, whose sums they are; relation, a CTE as staged_observations wants it, with
    exchange (its name as the source writes it), instrument (a contract, or a coin where the source
    sums over an exchange's contracts), asset (the coin as the source writes it), observed_at (the
    bar's start), bar_seconds, long_usd and short_usd.
    Columns: those of staged_observations, exchange, bar_seconds, long_usd, short_usd. `venue` is the
    source.
-#}
{% macro staged_reported_liquidations(source, relation) -%}
{{ staged_observations(
    source,
    relation,
    numbers={'long_usd': 'not_negative', 'short_usd': 'not_negative'},
    required=['exchange', 'bar_seconds', 'long_usd', 'short_usd'],
    kept=['exchange', 'bar_seconds'],
    spelling='struct_pack('
        ~ 'venue_asset := asset, quote_asset := null::varchar, contract_type := null::varchar'
        ~ ')',
    checks={
        'unfinished_bar': is_unfinished('observed_at + to_seconds(bar_seconds)'),
    },
) }}
{%- endmacro %}


{#-
    The venue that an exchange's name means, in whatever case and punctuation; null where it is none
    of ours. A venue states its names in <venue>__publication_rules (venue_name, also_called).
-#}
{% macro venue_of_exchange(column) -%}
    case regexp_replace(lower({{ column }}), '[^a-z0-9]', '', 'g')
        {%- for venue in var('venues') %}
        {%- set published = context[venue ~ '__publication_rules']() %}
        {%- for name in [published['venue_name']] + published.get('also_called', []) %}
        when '{{ modules.re.sub("[^a-z0-9]", "", name | lower) }}' then '{{ venue }}'
        {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}
