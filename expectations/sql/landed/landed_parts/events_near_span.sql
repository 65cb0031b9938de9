-- At most outside_span_share_critical of a part's events lie in the future or, with the newest of
-- their format, more than eight days back.
-- why: A changed time unit or time zone puts a whole feed into the wrong hours.
-- failure: {far_outside_span_count} of {dated_count} rows of {venue} in {batch_id} date their
--   events far outside its span (they run from {first_event_at} to {last_event_at}); the part is
--   held
-- action: check the time unit and time zone of the venue's format; look at
--   quarantined_liquidations, then re-seal the batch or run `unwind release-hold {batch_id}
--   {venue}`
select
    batch_id,
    venue,
    dated_count,
    far_outside_span_count,
    first_event_at,
    last_event_at,
    far_outside_span_count as unexpected_count
from {batch}
cross join gate.limits as limits
where
    dated_count >= limits.skewed_rows_judged_from
    and far_outside_span_share > limits.outside_span_share_critical
