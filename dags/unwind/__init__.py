"""Unwind: a warehouse of crypto liquidations and leverage stress.

The floors, lowest first. A package or module imports from its own floor's earlier names and from
the floors below, never upwards (tests/test_floors.py):

- errors, texts, file_formats, progress, locks, settings, clock, connections, durable, children,
  scratch, memory, database, printing: what everything stands on
- estimates: what venues did not publish, estimated from what they did
- episodes: how far one liquidation brings about the next
- simulator: a market, served in the venues' own formats
- http: requests to venues
- venues: one file per venue
- recorder: the venues' streams, written to segments
- landing: the raw zone, the ledger, imports
- warehouse: dbt, gates, releases
- spark: facts and marts on Apache Spark
- page: a release as one HTML file
- superset: a dashboard of the marts for Superset
- claims: sentences about liquidations, judged on a release
- watch: what has changed since it was last notified
- outputs: copies elsewhere, in PostgreSQL and in object storage
- demo, standalone: the whole, on one machine
- cli: the `unwind` command
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("unwind")
except PackageNotFoundError:
    # Taken from a folder, without having been installed.
    __version__ = "0+unknown"
