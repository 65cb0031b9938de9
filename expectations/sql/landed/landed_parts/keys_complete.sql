-- Accepted rows have an instrument, a raw position, an event time and its hour.
-- why: Without them a row can neither be counted nor traced, and the marts gate would stop every
--   venue because of one.
-- failure: {keyless_count} accepted rows of {venue} in {batch_id} lack an instrument, a raw
--   position, an event time or its hour; the part is held
-- action: correct stg_{venue}__liquidations and refresh again
select
    batch_id,
    venue,
    keyless_count,
    keyless_count as unexpected_count
from {batch}
where keyless_count > 0
