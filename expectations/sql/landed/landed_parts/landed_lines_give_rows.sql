-- Where lines of liquidations landed, staging accounts for some of them.
-- why: Lines that hold no liquidation are counted too; nothing at all means that no model reads
--   them.
-- severity: warning
-- failure: {venue} landed {landed_lines} lines of liquidations in {batch_id} and staging made
--   nothing of them
-- action: nothing if the venue was quiet; if it lasts, look at the lines (`unwind status` names the
--   objects)
select
    batch_id,
    venue,
    landed_lines,
    line_count
from {batch}
where landed_lines > 0 and line_count = 0
