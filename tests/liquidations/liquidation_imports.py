"""Imports recorded and hand-made liquidation files into a home, and builds it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from unwind.landing.imports import import_files
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import refresh, skipped
from unwind.warehouse.dbt import run_dbt

RECORDINGS = Path(
    os.environ.get("UNWIND_RECORDINGS") or PROJECT_ROOT.parent / "shared" / "recordings"
)

# Facts, quarantine and the first totals, without their downstream marts.
LIQUIDATION_MODELS = (
    "int_prices_staged",
    "int_prices_screened",
    "int_prices_unioned",
    *("int_liquidations_valued", "int_liquidation_first_sources", "int_liquidations_seen_again"),
    *("int_liquidation_grains", "int_liquidations_screened"),
    "liquidation_sightings",
    "fct_liquidations",
    "quarantined_liquidations",
    "liquidation_accounting",
    *("int_publication_rules", "dim_venues", "int_venue_coverage_hourly", "int_stream_gaps"),
    *("int_partly_published_liquidations", "int_hidden_liquidations_hourly"),
    *("int_hidden_liquidations_minutely", "venue_coverage_hourly", "liquidations_minutely"),
)


def clock_at(instant: datetime) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: instant


IMPORTED_AT = datetime(2026, 7, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    """An instant as the warehouse stores it: naive UTC."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True)
class Built:
    """The home built from some imports, the file with the marts, and each import's batch."""

    home: Home
    marts_db: Path
    batches: dict[str, str]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query over the marts, as dicts."""
        return _rows(self.marts_db, query, values)

    def staged(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query over staging, as dicts."""
        return _rows(self.home.staging_db, query, values)

    def facts(self, imported: str) -> list[dict[str, Any]]:
        """The facts whose winning sighting is in an import, in line order."""
        return self.rows(
            "select * from marts.fct_liquidations where batch_id = ?"
            " order by raw_line, row_in_line",
            self.batches[imported],
        )

    def only_fact(self, imported: str) -> dict[str, Any]:
        """The one fact of an import."""
        (fact,) = self.facts(imported)
        return fact

    def quarantined(self, imported: str) -> list[dict[str, Any]]:
        """The quarantined rows of an import, in line order."""
        return self.rows(
            "select * from marts.quarantined_liquidations where batch_id = ?"
            " order by raw_line, row_in_line",
            self.batches[imported],
        )

    def accounting(self, imported: str) -> dict[str, int]:
        """The accounting of an import's rows, summed over all hours."""
        (sums,) = self.rows(
            "select sum(staged)::bigint as staged, sum(accepted)::bigint as accepted,"
            " sum(repeated)::bigint as repeated, sum(quarantined)::bigint as quarantined,"
            " sum(headers)::bigint as headers, sum(log_lines)::bigint as log_lines,"
            " sum(other_messages)::bigint as other_messages"
            " from marts.liquidation_accounting where batch_id = ?",
            self.batches[imported],
        )
        return sums


def _rows(database: Path, query: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(query, list(values))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def take_in(home: Home, venue: str, format: str, files: Sequence[Path]) -> str:
    """Imports files as one batch; returns its id."""
    seal = import_files(home, venue, format, files, clock_at(IMPORTED_AT)).seal
    assert seal is not None
    return seal.batch.batch_id


def take_in_text(home: Home, folder: Path, venue: str, format: str, name: str, text: str) -> str:
    """Writes a file and imports it; returns the batch id."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(text.encode())
    return take_in(home, venue, format, [file])


def published(home: Home, batches: dict[str, str]) -> Built:
    """Runs a full refresh with gates, and reads what it published."""
    refresh.refresh(home, clock=clock_at(IMPORTED_AT))
    return Built(home, home.current / "warehouse.duckdb", batches)


def built(home: Home, batches: dict[str, str], *others: str) -> Built:
    """Builds the liquidation facts, and other models with what they are made of.

    The home begins with empty tables (tests.prebuilt), and so with all views.
    """
    refresh.stage(home, clock_at(IMPORTED_AT))
    refresh.gate_landed(home, clock_at(IMPORTED_AT))
    models = (*LIQUIDATION_MODELS, *(f"+{model}" for model in others))
    there = (refresh.STAGING, skipped.UNCHANGING)
    run_dbt(home, ["run", "--select", *models, "--exclude", *there])
    return Built(home, home.warehouse_db, batches)


def staged_as_few_and_as_many(
    warehouse: Built, tables: Sequence[str]
) -> tuple[list[list[dict[str, Any]]], list[list[dict[str, Any]]]]:
    """The rows of staging tables as they are, and staged again as if their lines were many."""

    def rows() -> list[list[dict[str, Any]]]:
        return [warehouse.staged(f"select * from landed.{table} order by all") for table in tables]

    few = rows()
    variables = {"UNWIND_DBT_FEW_LINES": "0"}
    run_dbt(warehouse.home, ["run", "--select", *tables], variables=variables)
    return few, rows()


def frame_line(frame: Any, received_at: str = "2026-06-30T12:00:01.000000Z") -> str:
    """One line of a recorder segment; text stays unchanged, anything else becomes JSON."""
    text = frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False)
    return json.dumps({"received_at": received_at, "frame": text}, ensure_ascii=False)


def frame_lines(*frames: Any, received_at: str = "2026-06-30T12:00:01.000000Z") -> str:
    """A recorder segment of these frames."""
    return "".join(frame_line(frame, received_at) + "\n" for frame in frames)


def rest_line(
    body: Any,
    url: str = "https://www.okx.com/api/v5/public/liquidation-orders",
    status: int = 200,
    received_at: str = "2026-06-30T12:05:00.000000Z",
) -> str:
    """One response of a venue as the connector writes it."""
    return (
        json.dumps(
            {
                "received_at": received_at,
                "request": {"url": url, "params": {"instType": "SWAP"}, "status": status},
                "body": body if isinstance(body, str) else json.dumps(body),
            }
        )
        + "\n"
    )
