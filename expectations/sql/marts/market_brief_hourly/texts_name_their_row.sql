-- Every brief begins with its headline, names its hour, regime, class and missing venues, and ends
-- with the command of its own row.
-- why: A text of another row, or without a fact that the row has, misleads whoever reads only it.
-- failure: {unexpected_count} briefs of market_brief_hourly do not name what their row has, the first
--   {example}
select
    hour_at,
    base_asset,
    headline
from {batch}
where
    not starts_with(brief, headline)
    or not contains(
        headline,
        substr(hour_at::varchar, 12, 5) || ' UTC on ' || day(hour_at) || ' '
        || monthname(hour_at) || ' ' || year(hour_at)
    )
    or not ends_with(
        brief,
        '"hour_at = ''' || left(hour_at::varchar, 16)
        || ''' and base_asset = ''' || base_asset || '''".'
    )
    or not contains(brief, coalesce('regime is ' || regime || ':', ''))
    or not contains(brief, if(unwind_class = 'mixed', 'No rule of', coalesce(unwind_class, '')))
    or (missing_venue_list != '') != contains(brief, 'Nothing was received from')
