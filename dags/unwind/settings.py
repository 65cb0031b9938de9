"""Where things lie on disk, and where each venue is reached."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

PROJECT_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """The folder of everything generated; one per warehouse.

    Nothing in it is needed by the code: deleting `warehouse/` costs a rebuild, deleting `raw/` or
    `ledger/` loses recorded data.
    """

    root: Path

    @classmethod
    def from_env(cls) -> Home:
        """`UNWIND_HOME`, or `data/` in the project's folder."""
        return cls(Path(os.environ.get("UNWIND_HOME") or PROJECT_ROOT / "data").resolve())

    @property
    def raw_objects(self) -> Path:
        return self.root / "raw" / "objects"

    @property
    def raw_lines(self) -> Path:
        return self.root / "raw" / "lines"

    @property
    def landed(self) -> Path:
        return self.root / "ledger" / "landed"

    @property
    def batches(self) -> Path:
        return self.root / "ledger" / "batches"

    @property
    def hold_releases(self) -> Path:
        return self.root / "ledger" / "hold_releases"

    @property
    def recorder(self) -> Path:
        return self.root / "recorder"

    @property
    def warehouse_dir(self) -> Path:
        return self.root / "warehouse"

    @property
    def warehouse_db(self) -> Path:
        return self.warehouse_dir / "warehouse.duckdb"

    @property
    def staging_db(self) -> Path:
        return self.warehouse_dir / "staging.duckdb"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def current(self) -> Path:
        """A symlink to the release that readers see."""
        return self.root / "current"

    @property
    def gates(self) -> Path:
        """Great Expectations results and Data Docs."""
        return self.root / "gx"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def simulation_mark(self) -> Path:
        """There where the demo has filled the home with a simulated market."""
        return self.root / "SIMULATED"

    @property
    def is_simulated(self) -> bool:
        """Real venues are not to be landed into a simulated market."""
        return self.simulation_mark.exists()


def endpoint(conn_id: str, default: str) -> str:
    """The base URL of a connection, without a trailing slash.

    Read from `AIRFLOW_CONN_<CONN_ID>`, in either form that Airflow takes: JSON
    (`{"host": "https://..."}`) or URI (`https://host:port/path`). Without it, the venue's own host.
    Raises ValueError when the variable is set but names no host.
    """
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    value = os.environ.get(variable, "").strip()
    if not value:
        return default.rstrip("/")
    url = _url_from_json(value) if value.startswith("{") else _url_from_uri(value)
    if not urlsplit(url).netloc:
        raise ValueError(
            f"{variable} names no host: {value!r}; set it to a URL such as {default!r}"
        )
    return url.rstrip("/")


def _url_from_json(value: str) -> str:
    fields = json.loads(value)
    host = fields.get("host") or ""
    if "://" not in host:
        host = f"{fields.get('schema') or fields.get('conn_type') or 'https'}://{host}"
    port = fields.get("port")
    return f"{host}:{port}" if port else host


def _url_from_uri(value: str) -> str:
    # Airflow's own get_uri() writes http://host/https and http://https%3A%2F%2Fhost for one host.
    parts = urlsplit(value)
    host = unquote(parts.netloc)
    if "://" in host:
        return host + parts.path
    if parts.path in ("/http", "/https", "/ws", "/wss"):
        return f"{parts.path[1:]}://{host}"
    return f"{parts.scheme}://{host}{parts.path}"
