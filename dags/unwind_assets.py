"""The edges between the DAGs: what one announces and another waits for.

An event is only an alarm. It says that there may be work; what the work is, the ledger says.
Whoever listens must be partition-aware (`PartitionedAssetTimetable`): a run that has a partition
key stamps it on all its events, and Airflow 3.3 hands keyed events to partition-aware DAGs alone.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from unwind_triggers import ClosedSegmentsTrigger

# Keys: the sealed hour (2026-01-29T14), the sealed day of dumps (2026-01-28), or `sweep`.
SEALED_BATCHES = Asset(name="sealed_batches", uri="unwind://ledger/batches")
# Keys: the release that was published.
MARTS = Asset(name="marts", uri="unwind://releases/current")

# No keys: the recorder has closed segments, and some may belong to hours that are sealed already.
CLOSED_SEGMENTS = Asset(
    name="closed_segments",
    uri="unwind://recorder/segments",
    watchers=[AssetWatcher(name="closed_segments", trigger=ClosedSegmentsTrigger())],
)

# One slot: DuckDB lets one process write. `unwind up` and docker-compose make the pool.
WRITER_POOL = "warehouse_writer"
