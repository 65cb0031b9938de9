{% for venue in var('venues') -%}
{% set published = publication_of(venue) -%}
{% for rule in published['rules'] -%}
select
    '{{ venue }}' as venue,
    '{{ published["name"] }}' as venue_name,
    '{{ rule.get("source_kind", "any") }}' as source_kind,
    '{{ rule["rule"] }}' as publication_rule,
    {{ "'" ~ rule.get("publication_window", "clock") ~ "'"
        if rule["rule"].startswith("one_per_") else "null" }}::varchar as publication_window,
    timestamp '{{ rule.get("valid_from", "1970-01-01") }}' as valid_from,
    {{ "timestamp '" ~ rule["valid_to"] ~ "'" if "valid_to" in rule else "null::timestamp" }}
        as valid_to,
    '{{ rule["price_kind"] }}' as price_kind,
    '{{ rule["source"] }}' as source,
{% if not loop.last %}union all{% endif %}
{% endfor -%}
{% if not loop.last %}union all{% endif %}
{% endfor %}
