"""Where things lie on disk, and what the environment may set."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

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
    # The folder of the two files that are built; a rebuild has one of its own until it is out.
    building: str = "warehouse"

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
    def withdrawals(self) -> Path:
        return self.root / "ledger" / "withdrawals"

    @property
    def recorder(self) -> Path:
        return self.root / "recorder"

    @property
    def warehouse_dir(self) -> Path:
        return self.root / self.building

    @property
    def warehouse_db(self) -> Path:
        return self.warehouse_dir / "warehouse.duckdb"

    @property
    def staging_db(self) -> Path:
        return self.warehouse_dir / "staging.duckdb"

    @property
    def identity(self) -> Path:
        """The home's own id, by which its files know it; a copy of the home is the same home."""
        return self.root / ".home-id"

    @property
    def dbt_target(self) -> Path:
        """The parsed project, which every build of this home uses."""
        return self.root / "warehouse" / "dbt_target"

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
