-- Accepted rows have the side long, short or unknown.
-- why: Public tools often get the side wrong; a value that staging did not map must not pass as a
--   side.
-- failure: {unknown_side_word_count} accepted rows of {venue} in {batch_id} have a side other than
--   long, short or unknown; the part is held
-- action: correct stg_{venue}__liquidations and refresh again
select
    batch_id,
    venue,
    unknown_side_word_count,
    unknown_side_word_count as unexpected_count
from {batch}
where unknown_side_word_count > 0
