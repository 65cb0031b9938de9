-- Each venue states its rules in macros/venues/<venue>.sql; a rule names the kind of source that it
-- is of where the venue's sources differ.
{% for venue in var('venues') -%}
{% set published = context[venue ~ '__publication_rules']() -%}
{% for rule in published['rules'] -%}
select
    '{{ venue }}' as venue,
    '{{ published["venue_name"] }}' as venue_name,
    '{{ rule[5] if rule | length > 5 else "any" }}' as source_kind,
    '{{ rule[0] }}' as publication_rule,
    timestamp '{{ rule[1] }}' as valid_from,
    {{ "timestamp '" ~ rule[2] ~ "'" if rule[2] else "null::timestamp" }} as valid_to,
    '{{ rule[3] }}' as price_kind,
    '{{ rule[4] }}' as source,
{% if not loop.last %}union all{% endif %}
{% endfor -%}
{% if not loop.last %}union all{% endif %}
{% endfor %}
