select
    release_id, run_id, built_at, first_hour_at, last_hour_at, code_version, batches, batches_new,
    gate_outcome, gate_warnings
from release
