"""Where things lie on disk, and what the environment may set."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unwind.errors import MEMORY_VARIABLE, SettingError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
HOME = "UNWIND_HOME"
KEEP_RELEASES = "UNWIND_KEEP_RELEASES"
KEEP_RELEASE_DAYS = "UNWIND_KEEP_RELEASE_DAYS"
LOG_LEVEL = "UNWIND_LOG_LEVEL"
POSTGRES_READERS = "UNWIND_POSTGRES_READERS"
# Set by the demo and by drills on recorded markets: the instant that it is there.
NOW = "UNWIND_NOW"
RECONCILED_ASSETS = "UNWIND_RECONCILED_ASSETS"
PAGE = "UNWIND_PAGE"
PRELOAD = "UNWIND_PRELOAD"
# Read by the command line itself.
RECORDER = "UNWIND_RECORDER"
SPARK_MASTER = "UNWIND_SPARK_MASTER"
SPARK_MEMORY = "UNWIND_SPARK_MEMORY"
SPARK_OPTIONS = "UNWIND_SPARK_OPTIONS"
SPARK_PYTHON = "UNWIND_SPARK_PYTHON"
STORE = "UNWIND_STORE"
TARGET = "UNWIND_TARGET"
TRACKED_INSTRUMENTS = "UNWIND_TRACKED_INSTRUMENTS"
WATCH_ASSETS = "UNWIND_WATCH_ASSETS"
WATCH_EMAIL = "UNWIND_WATCH_EMAIL"
WATCH_SEVERITY = "UNWIND_WATCH_SEVERITY"
WORKERS = "UNWIND_WORKERS"
# All that a user may set, as docs/operations.md lists them; venues' connections are Airflow's own.
VARIABLES = (
    *(HOME, KEEP_RELEASES, KEEP_RELEASE_DAYS, LOG_LEVEL, MEMORY_VARIABLE, NOW),
    *(PAGE, POSTGRES_READERS, PRELOAD, RECONCILED_ASSETS, RECORDER),
    *(SPARK_MASTER, SPARK_MEMORY, SPARK_OPTIONS, SPARK_PYTHON, STORE, TARGET),
    TRACKED_INSTRUMENTS,
    *(WATCH_ASSETS, WATCH_EMAIL, WATCH_SEVERITY, WORKERS),
)

KEPT_RELEASES, KEPT_RELEASE_DAYS = 10, 7
TRACKED = 50
# The largest counts that are taken: beyond them a typing error is likelier than a wish, and a span
# of days would leave the calendar.
MAX_RELEASES, MAX_RELEASE_DAYS = 100_000, 36_500
MAX_TRACKED = 10_000
MAX_WORKERS = 1_000
# Each further asset takes some fifty requests a day, of the forty a minute that a free key allows.
RECONCILED = "BTC,ETH,SOL"
# 2026-11-26: of fifty assets some class or regime changes in nearly every hour.
WATCHED = "ALL,BTC,ETH"
TARGETS = ("duckdb", "spark")
SEVERITIES = ("info", "warning", "critical", "off")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Spark refuses a driver of less than 450 MiB.
MIN_SPARK_MIB = 512
MAX_SPARK_MIB = 2**24


@dataclass(frozen=True)
class Settings:
    """The environment's settings. A value is checked when and where it is needed."""

    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        """`UNWIND_HOME`, or `data/` in the project's folder. Raises SettingError."""
        named = self.environment.get(HOME)
        try:
            return usable(Path(named or PROJECT_ROOT / "data").resolve(), HOME)
        except (OSError, RuntimeError) as error:
            raise SettingError(f"{HOME} is {named!r}, which leads nowhere: {error}") from None

    @property
    def home_as_stated(self) -> Path | None:
        """`UNWIND_HOME` as it is written; None where it is not."""
        named = self.environment.get(HOME)
        return Path(named) if named else None

    @property
    def now(self) -> str:
        """The instant that `UNWIND_NOW` names, as it is written; empty for the real clock."""
        return self.environment.get(NOW, "")

    @property
    def memory_limit(self) -> str:
        """The memory limit of the database as text; empty if not set."""
        return self._text(MEMORY_VARIABLE)

    @property
    def keep_releases(self) -> int:
        """How many releases are kept. Raises SettingError."""
        return self._count(KEEP_RELEASES, KEPT_RELEASES, MAX_RELEASES)

    @property
    def keep_release_days(self) -> int:
        """For how many days a release is kept. Raises SettingError."""
        return self._count(KEEP_RELEASE_DAYS, KEPT_RELEASE_DAYS, MAX_RELEASE_DAYS)

    @property
    def tracked_instruments(self) -> int:
        """How many instruments of each market are followed one by one (liquidations: always all).

        Raises SettingError.
        """
        return self._count(TRACKED_INSTRUMENTS, TRACKED, MAX_TRACKED)

    @property
    def reconciled_assets(self) -> list[str]:
        """The assets whose totals are asked of those who sum up liquidations, as in `BTC,ETH,SOL`.

        Raises SettingError where the variable names none.
        """
        text = self._text(RECONCILED_ASSETS) or RECONCILED
        assets = [asset.strip().upper() for asset in text.split(",") if asset.strip()]
        if not assets:
            raise SettingError(
                f"{RECONCILED_ASSETS} names no asset: {text!r}; write them as {RECONCILED}"
            )
        return assets

    @property
    def workers(self) -> int:
        """How many processes may work at one refresh. Raises SettingError."""
        return self._count(WORKERS, 1, MAX_WORKERS)

    @property
    def has_page(self) -> bool:
        """Whether each release gets a page. Raises SettingError where it is neither on nor off."""
        return self._is_on(PAGE)

    @property
    def preloads(self) -> bool:
        """Whether Airflow's scheduler loads what tasks need before it forks them.

        Raises SettingError where it is neither on nor off.
        """
        return self._is_on(PRELOAD)

    @property
    def watch_severity(self) -> str:
        """The least severity that is notified: info, warning, critical; off for none.

        Raises SettingError.
        """
        text = self._text(WATCH_SEVERITY).lower() or SEVERITIES[0]
        if text not in SEVERITIES:
            raise SettingError(f"{WATCH_SEVERITY} is {text!r}; set it to {', '.join(SEVERITIES)}")
        return text

    @property
    def watch_assets(self) -> list[str]:
        """The assets whose changes are notified; `*` for all, `ALL` for the market as a whole."""
        return _listed(self._text(WATCH_ASSETS) or WATCHED)

    @property
    def watch_email(self) -> list[str]:
        """The addresses that changes are sent to; none if not set."""
        return _listed(self._text(WATCH_EMAIL))

    @property
    def postgres_readers(self) -> list[str]:
        """The roles of PostgreSQL that may read the copy of the marts; none if not set."""
        return _listed(self._text(POSTGRES_READERS))

    @property
    def target(self) -> str:
        """Where facts and marts are built: duckdb, or spark. Raises SettingError."""
        text = self._text(TARGET).lower() or TARGETS[0]
        if text not in TARGETS:
            raise SettingError(f"{TARGET} is {text!r}; set it to {' or '.join(TARGETS)}")
        return text

    @property
    def spark_master(self) -> str:
        """The master of Spark, as Spark writes it; in this process where none is set."""
        return self._text(SPARK_MASTER) or "local[*]"

    @property
    def spark_memory(self) -> str:
        """The memory of Spark's driver, as Spark writes it. Raises SettingError."""
        text = self._text(SPARK_MEMORY).lower() or "2g"
        written = re.fullmatch(r"([0-9]{1,12})([mgt])b?", text)
        mib = int(written[1]) * {"m": 1, "g": 2**10, "t": 2**20}[written[2]] if written else 0
        if not MIN_SPARK_MIB <= mib <= MAX_SPARK_MIB:
            raise SettingError(
                f"{SPARK_MEMORY} is {text!r}; write it as 2g or 1500m, from {MIN_SPARK_MIB}m to"
                f" {MAX_SPARK_MIB // 2**20}t"
            )
        return text

    @property
    def spark_options(self) -> dict[str, str]:
        """Further settings of Spark by name. Raises SettingError."""
        found = {}
        for one in self._text(SPARK_OPTIONS).split():
            name, equals, value = one.partition("=")
            if not (name.startswith("spark.") and equals and value):
                raise SettingError(
                    f"{SPARK_OPTIONS} has {one!r}; write settings as spark.name=value, with spaces"
                    " between them"
                )
            found[name] = value
        return found

    @property
    def spark_python(self) -> str:
        """The Python that has the extra `spark`; empty if not set."""
        return self._text(SPARK_PYTHON)

    @property
    def store(self) -> str:
        """The place in object storage, as in `s3://bucket/prefix`; empty if not set."""
        return self._text(STORE).rstrip("/")

    def log_level(self, otherwise: str) -> str:
        """The level of what is logged, as `logging` names it. Raises SettingError."""
        text = self._text(LOG_LEVEL) or otherwise
        if text.upper() not in LOG_LEVELS:
            raise SettingError(f"{LOG_LEVEL} is {text!r}; set it to one of {', '.join(LOG_LEVELS)}")
        return text.upper()

    def _text(self, name: str) -> str:
        return self.environment.get(name, "").strip()

    def _is_on(self, name: str) -> bool:
        text = self._text(name).lower() or "on"
        if text not in {"on", "off"}:
            raise SettingError(f"{name} is {text!r}; set it to on or off")
        return text == "on"

    def _count(self, name: str, otherwise: int, most: int) -> int:
        text = self._text(name) or str(otherwise)
        # `int` refuses thousands of digits.
        number = int(text) if text.isdecimal() and len(text) <= len(str(most)) else 0
        if not 1 <= number <= most:
            raise SettingError(f"{name} is {text!r}; set it to a whole number from 1 to {most}")
        return number


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def usable(folder: Path, named_by: str) -> Path:
    """The folder itself, where databases can lie in it. Raises SettingError."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise SettingError(
            f"{named_by} is {str(folder)!a}, which is not written in UTF-8, as the database "
            "wants its paths; choose another folder"
        ) from None
    # 2026-11-28, DuckDB 1.5.6: it looks for its log elsewhere, as if parameters followed.
    if "?" in str(folder):
        raise SettingError(
            f"{named_by} is {str(folder)!r}, and the database cannot use a path with a question "
            "mark; choose another folder"
        )
    return folder


def settings() -> Settings:
    """The settings of this process, as its environment states them now."""
    return Settings(os.environ)


@dataclass(frozen=True)
class Home:
    """The folder of everything generated; one per warehouse.

    Nothing in it is needed by the code: deleting `warehouse/` costs a rebuild, deleting `raw/` or
    `ledger/` loses recorded data.
    """

    root: Path
    # The folder of the two built files; a rebuild uses another one until it is published.
    building: str = "warehouse"

    @classmethod
    def from_env(cls) -> Home:
        """`UNWIND_HOME`, or `data/` in the project's folder."""
        return cls(settings().home)

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
    def watch(self) -> Path:
        """The record of what was notified."""
        return self.root / "watch"

    @property
    def refusal(self) -> Path:
        """A note of the last build, where a gate refused it; gone with the next release."""
        return self.watch / "refused.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def temp(self) -> Path:
        """What processes keep while they work, and databases spill; see unwind.scratch."""
        return self.root / "temp"

    @property
    def simulation_mark(self) -> Path:
        """Exists where the demo has filled the home with a simulated market."""
        return self.root / "SIMULATED"

    @property
    def is_simulated(self) -> bool:
        """Real venues are not to be landed into a simulated market."""
        return self.simulation_mark.exists()
