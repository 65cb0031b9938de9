-- Every symbol follows the grammar of its venue.
-- why: A new contract family starts with symbols that the warehouse cannot parse yet.
-- severity: warning
-- failure: {unexpected_count} symbols follow no known grammar of their venue, the first {example}
-- action: add the grammar to macros/venues and refresh with --full (docs/add-a-venue.md);
--   marts.unrecognised_symbols lists them
select
    venue,
    dataset,
    symbol,
    sum(occurrences)::bigint as occurrences
from {batch}
group by all
order by occurrences desc, venue asc, dataset asc, symbol asc
