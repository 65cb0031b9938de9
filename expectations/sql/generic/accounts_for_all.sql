-- staged = accepted + repeated + quarantined, in every row.
-- name: nothing_dropped
-- why: A row that is neither counted nor quarantined is lost without any sign.
-- failure: {unexpected_count} parts of batches in $mart do not account for every staged row, the
--   first {example}
select *
from {batch}
where staged is distinct from accepted + repeated + quarantined
