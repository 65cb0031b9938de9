-- Accepted rows have an event kind from the vocabulary.
-- why: The kind determines what counts in totals.
-- failure: {unknown_kind_word_count} accepted rows of {venue} in {batch_id} have an unknown event
--   kind; the part is held
-- action: correct stg_{venue}__liquidations and refresh again
select
    batch_id,
    venue,
    unknown_kind_word_count,
    unknown_kind_word_count as unexpected_count
from {batch}
where unknown_kind_word_count > 0
