{#-
    The common end of the staging models of liquidation sums that others report.

    Arguments: source, whose sums they are (none: the column `venue`); relation, a CTE as for
    staged_observations with exchange (its name as the source writes it), instrument (a contract, or
    a coin where the source sums over an exchange's contracts), asset (the coin as the source writes
    it), observed_at (the bar's start), bar_seconds, long_usd and short_usd; in_base, whether the
    sums may be in coins:
    long_base and short_base, then, where those in dollars are null.
    Columns: those of staged_observations, exchange, bar_seconds, long_usd, short_usd. `venue` is the
    source.
-#}
{% macro staged_reported_liquidations(source, relation, in_base=false) -%}
{%- set numbers = {'long_usd': 'not_negative', 'short_usd': 'not_negative'} -%}
{%- set checks = {
    'unfinished_bar': is_unfinished(seconds_after('observed_at', 'bar_seconds')),
    'garbled_symbol': "coalesce(asset, '') = ''",
} -%}
{%- if in_base -%}
    {%- do numbers.update({'long_base': 'not_negative', 'short_base': 'not_negative'}) -%}
    {%- do checks.update({
        'missing_field':
            'coalesce(long_usd, long_base) is null or coalesce(short_usd, short_base) is null'
    }) -%}
{%- endif -%}
{{ staged_observations(
    source,
    relation,
    numbers=numbers,
    required=['exchange', 'bar_seconds'] + ([] if in_base else ['long_usd', 'short_usd']),
    kept=['exchange', 'bar_seconds'],
    parsed_symbol='struct_pack('
        ~ 'venue_asset := asset, quote_asset := null::varchar, contract_type := null::varchar'
        ~ ')',
    checks=checks,
) }}
{%- endmacro %}


{#-
    The venue that an exchange's name means, in any case and punctuation; null where the project does
    not cover it. Its names stand under `publication` in dbt_project.yml.
-#}
{% macro venue_of_exchange(column) -%}
    case regexp_replace(lower({{ column }}), '[^a-z0-9]', '', 'g')
        {%- for venue in var('venues') %}
        {%- set published = publication_of(venue) %}
        {%- for name in [published['name']] + published.get('also_called', []) %}
        when '{{ modules.re.sub("[^a-z0-9]", "", name | lower) }}' then '{{ venue }}'
        {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}
