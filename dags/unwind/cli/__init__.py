"""The `unwind` command: the edge of the program, with the clock, files and terminal.

Exit codes: 0 done, 1 a gate or a job failed, 2 wrong usage, 128 plus a signal's number where one
stopped it (130 by Ctrl-C); `check` has more, for its verdicts. Errors are one plain sentence on
standard error.
"""

from unwind.cli import building, copies, health, landing, reading, services
from unwind.cli.application import app, main

# In the order of `unwind --help`.
for _command in (
    services.demo,
    services.replay,
    landing.land,
    landing.record,
    landing.import_,
    building.refresh,
    reading.sql,
    reading.metric,
    reading.check,
    reading.watch,
    reading.page,
    reading.releases,
    building.release_hold,
    building.withdraw,
    health.status,
    health.doctor,
    health.gate_docs,
    health.dbt_docs,
    reading.lineage,
    reading.explain,
    reading.verify,
    reading.export,
    copies.copy_to_postgres,
    copies.push,
    copies.pull,
    services.up,
    services.down,
):
    app.command(name=_command.__name__.strip("_").replace("_", "-"))(_command)

__all__ = ["app", "main"]
