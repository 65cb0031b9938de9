select
    release_id, built_at, first_hour_at, last_hour_at, gate_outcome, gate_warnings, batches,
    batches_new, code_version
from release
