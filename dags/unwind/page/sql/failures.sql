select expectation, suite, severity, batch_id, venue, unexpected_count, message
from gate_results
where run_id = (select run_id from release) and not success
order by severity, suite, expectation, batch_id, venue
limit 50
