{#- Fails with each row of the accounting in which a staged row is missing or counted twice. -#}
{% test accounts_for_all(model) %}
select * from {{ model }}
where staged != accepted + repeated + quarantined
{% endtest %}
