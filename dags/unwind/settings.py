"""Where things lie on disk, and where each venue is reached."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from unwind.errors import SettingError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
RECONCILED_ASSETS_VARIABLE = "UNWIND_RECONCILED_ASSETS"
# Each further asset is some fifty questions a day, of the forty a minute that a free key allows.
RECONCILED_ASSETS = "BTC,ETH,SOL"


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
        named = os.environ.get("UNWIND_HOME")
        try:
            return cls(Path(named or PROJECT_ROOT / "data").resolve())
        except (OSError, RuntimeError) as error:
            raise SettingError(f"UNWIND_HOME is {named!r}, which leads nowhere: {error}") from None

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
    def temp(self) -> Path:
        """What processes keep while they work, and databases spill; see unwind.scratch."""
        return self.root / "temp"

    @property
    def simulation_mark(self) -> Path:
        """There where the demo has filled the home with a simulated market."""
        return self.root / "SIMULATED"

    @property
    def is_simulated(self) -> bool:
        """Real venues are not to be landed into a simulated market."""
        return self.simulation_mark.exists()


def reconciled_assets() -> list[str]:
    """The assets whose totals are asked of those who sum up liquidations, as in `BTC,ETH,SOL`.

    Raises SettingError where `UNWIND_RECONCILED_ASSETS` names none.
    """
    text = os.environ.get(RECONCILED_ASSETS_VARIABLE, "").strip() or RECONCILED_ASSETS
    assets = [asset.strip().upper() for asset in text.split(",") if asset.strip()]
    if not assets:
        raise SettingError(
            f"{RECONCILED_ASSETS_VARIABLE} names no asset: {text!r}; write them as "
            f"{RECONCILED_ASSETS}"
        )
    return assets


def count_from_env(name: str, default: int) -> int:
    """A whole number above zero from an environment variable. Raises SettingError."""
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(f"{name} is {text!r}; set it to a whole number above zero")
    return int(text)


def connection_variable(conn_id: str) -> str:
    """The environment variable of a connection, as Airflow names it."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def endpoint(conn_id: str, default: str) -> str:
    """The base URL of a connection, without a trailing slash.

    Read from `AIRFLOW_CONN_<CONN_ID>`, in either form that Airflow takes: JSON
    (`{"host": "https://..."}`) or URI (`https://host:port/path`). Without it, and where the JSON
    holds only a password, the venue's own host.
    Raises SettingError when the variable is set but cannot be read or names no host.
    """
    url, password = _connection(conn_id)
    if not url and (password or not _is_set(conn_id)):
        return default.rstrip("/")
    if not urlsplit(url).netloc:
        # Never the value itself: it may hold a key.
        raise SettingError(
            f"{connection_variable(conn_id)} names no host; set it to a URL such as {default!r}"
        )
    return url.rstrip("/")


def password(conn_id: str) -> str:
    """The password of a connection, which is the user's key; empty where there is none."""
    return _connection(conn_id)[1]


def _is_set(conn_id: str) -> bool:
    return bool(os.environ.get(connection_variable(conn_id), "").strip())


def _connection(conn_id: str) -> tuple[str, str]:
    """URL and password of a connection's variable, each empty where it is not given."""
    value = os.environ.get(connection_variable(conn_id), "").strip()
    try:
        return _from_json(value) if value.startswith("{") else _from_uri(value)
    except ValueError:
        raise SettingError(
            f"{connection_variable(conn_id)} cannot be read; write a URL, or JSON such as "
            '{"host": "https://...", "password": "..."}'
        ) from None


def _from_json(value: str) -> tuple[str, str]:
    fields = json.loads(value)
    host, password = fields.get("host") or "", fields.get("password") or ""
    if not host:
        return "", password
    if "://" not in host:
        host = f"{fields.get('schema') or fields.get('conn_type') or 'https'}://{host}"
    port = fields.get("port")
    return f"{host}:{port}" if port else host, password


def _from_uri(value: str) -> tuple[str, str]:
    # Airflow's own get_uri() writes http://host/https and http://https%3A%2F%2Fhost for one host.
    parts = urlsplit(value)
    password = unquote(parts.password or "")
    host = unquote(parts.netloc.rpartition("@")[2])
    if not host:
        return "", password
    if "://" in host:
        return host + parts.path, password
    if parts.path in ("/http", "/https", "/ws", "/wss"):
        return f"{parts.path[1:]}://{host}", password
    return f"{parts.scheme}://{host}{parts.path}", password
