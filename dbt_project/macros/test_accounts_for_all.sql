{#- Fails with each row of the accounting in which a staged row got lost or was counted twice. -#}
{% test accounts_for_all(model) %}
select * from {{ model }}
where staged != accepted + repeated + quarantined
{% endtest %}
