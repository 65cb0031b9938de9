select
    dataset, count(distinct venue) as venues,
    max(covers_to_at) filter (where status = 'ok') as complete_to_at,
    max(sealed_at) as sealed_at,
    count(*) filter (where status = 'failed' and covers_to_at > {hour} - interval 23 hours)
        as failed_24h,
    count(*) filter (where status = 'partial' and covers_to_at > {hour} - interval 23 hours)
        as partial_24h
from landing_outcomes
group by all
order by dataset
