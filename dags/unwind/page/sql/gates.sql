select
    suite, gate, count(*) as judged, count(*) filter (where success) as passed,
    count(*) filter (where not success and severity = 'warning') as warnings,
    count(*) filter (where not success and severity = 'critical') as critical
from gate_results
where run_id = (select run_id from release)
group by all
order by critical desc, warnings desc, gate, suite
