-- There is one row: that of the release before this build.
-- why: A release without its own row cannot be identified.
-- failure: marts.release has {example} of the release that this warehouse was last published as
-- action: nothing is published; refresh with --full
select
    count(*) as rows_found,
    max(release_id) as release_id
from {batch}
having
    count(*) > 1
    or count(*) = 0 and exists (select 1 from staging.ops.built_batches)
