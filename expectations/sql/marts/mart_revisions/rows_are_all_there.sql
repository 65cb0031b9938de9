-- The newest revisions are as many as their release wrote.
-- why: A missing revision leaves a changed figure unexplained, and the former state comes out wrong.
-- failure: {unexpected_count} releases have another number of rows in mart_revisions than they wrote,
--   the first {example}
with

written as (

    select
        release_id,
        revisions
    from warehouse.marts.published_releases
    where revisions > 0
    qualify published_at = max(published_at) over ()

),

found as (

    select
        release_id,
        count(*) as revisions
    from {batch}
    group by release_id

)

select
    written.release_id,
    written.revisions as revisions_written,
    coalesce(found.revisions, 0) as revisions_found
from written
left join found
    on written.release_id = found.release_id
where written.revisions != coalesce(found.revisions, 0)
