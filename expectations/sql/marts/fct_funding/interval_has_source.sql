-- interval_hours is null where interval_source is unknown, and nowhere else.
-- why: A rate with a source but no interval is silently left out of every mart.
-- failure: {unexpected_count} rows of fct_funding have an interval without its source or the
--   reverse, the first {example}
select
    venue,
    instrument,
    funding_at,
    is_settled,
    interval_hours,
    interval_source
from {batch}
where interval_source is null or (interval_hours is null) != (interval_source = 'unknown')
