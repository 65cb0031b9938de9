{{ config(group='internal') }}
-- Each staged row of every venue is there once: a place in the raw zone gives one row of a model.
{% set datasets = [
    'liquidations', 'instruments', 'open_interest', 'funding', 'prices', 'long_short_ratio',
    'volumes',
] %}
{% for venue in var('venues') %}
{% for dataset in datasets %}
select
    '{{ venue }}' as venue,
    '{{ dataset }}' as dataset,
    batch_id,
    raw_object,
    raw_line,
    row_in_line,
    count(*) as copies,

from {{ ref('stg_' ~ venue ~ '__' ~ dataset) }}

group by all

having count(*) > 1
{% if not loop.last %}union all{% endif %}
{% endfor %}
{% if not loop.last %}union all{% endif %}
{% endfor %}
