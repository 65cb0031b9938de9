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
    or not contains(headline, strftime(hour_at, '%H:%M UTC on %-d %B %Y'))
    or not ends_with(
        brief,
        '"hour_at = ''' || strftime(hour_at, '%Y-%m-%d %H:%M')
        || ''' and base_asset = ''' || base_asset || '''".'
    )
    or not contains(brief, coalesce('regime is ' || regime || ':', ''))
    or not contains(brief, if(unwind_class = 'mixed', 'No rule of', coalesce(unwind_class, '')))
    or (missing_venue_list != '') != contains(brief, 'Nothing was received from')
