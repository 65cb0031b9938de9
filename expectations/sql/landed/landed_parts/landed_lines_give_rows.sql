-- If lines of liquidations landed, staging accounts for some of them.
-- why: Lines without a liquidation are counted too; no rows at all means that no model reads the
--   lines.
-- severity: warning
-- failure: {venue} landed {landed_lines} lines of liquidations in {batch_id} and staging produced
--   no rows from them
-- action: nothing if the venue was quiet; if it persists, look at the lines (`unwind status` names
--   the objects)
select
    batch_id,
    venue,
    landed_lines,
    line_count
from {batch}
where landed_lines > 0 and line_count = 0
