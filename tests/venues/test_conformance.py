"""The checks that every venue must pass: messages by value, repeated, extended and incomplete.

Each venue has four kinds of imports: its messages; the same received later; the long one with an
unknown field; and the long one without each of its required fields.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.liquidations.liquidation_imports import Built, at, built, take_in_text
from tests.venues.cases import Message, VenueCases, all_cases
from unwind.settings import Home
from unwind.venues import venues
from unwind.warehouse.dbt import DBT_PROJECT

CASES = all_cases()
LATER = "2026-06-30T12:00:07.000000Z"
CONTEXT_MODELS = (
    "fct_open_interest",
    "fct_funding",
    "fct_prices",
    "fct_long_short_ratio",
    "dim_instruments",
)


def _row(payload: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        payload = payload[step]
    return payload


def _with_unknown_field(cases: VenueCases) -> Any:
    payload = copy.deepcopy(cases.long.payload)
    row = _row(payload, cases.row_at)
    if isinstance(row, list):
        row.append({"unexpected": 1})
    else:
        row["unexpected"] = {"nested": [1, None]}
    return payload


def _without_each_required(cases: VenueCases) -> Iterator[Any]:
    for key in cases.required:
        payload = copy.deepcopy(cases.long.payload)
        row = _row(payload, cases.row_at)
        if isinstance(row, list):
            row[key] = None
        else:
            del row[key]
        yield payload


def _imports(cases: VenueCases) -> Iterator[tuple[str, str, str]]:
    """Name, format and text of every import of a venue's messages."""
    by_format = sorted(cases.messages, key=lambda message: message.import_format)
    for format, members in groupby(by_format, key=lambda message: message.import_format):
        messages: list[Message] = list(members)
        yield f"messages-{format}", format, "".join(one.line() for one in messages)
        if format in ("frames", "rest"):
            yield f"later-{format}", format, "".join(one.line(LATER) for one in messages)
    long = cases.long
    yield "unknown", long.import_format, long.line(LATER, _with_unknown_field(cases))
    missing = "".join(long.line(LATER, payload) for payload in _without_each_required(cases))
    yield "missing", long.import_format, missing
    if cases.context:
        yield "context", "rest", "".join(one.line() for one in cases.context)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder: Path = tmp_path_factory.mktemp("conformance")
    home = Home(folder / "home")
    batches = {}
    for venue, cases in CASES.items():
        for name, format, text in _imports(cases):
            file = f"{venue}-{name}.ndjson"
            batches[f"{venue} {name}"] = take_in_text(home, folder, venue, format, file, text)
    return built(home, batches, *CONTEXT_MODELS)


every_venue = pytest.mark.parametrize("venue", CASES)


def test_every_venue_has_its_cases() -> None:
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())
    assert set(CASES) == set(project["vars"]["venues"])
    assert set(CASES) <= set(venues())


@every_venue
def test_each_message_becomes_its_facts_by_value(warehouse: Built, venue: str) -> None:
    expected = sorted(
        (
            (one.instrument, at(one.event_at), one.liquidated_side, one.event_kind),
            (one.base_asset, one.price_kind, Decimal(one.quantity_base)),
            (Decimal(one.price_usd), Decimal(one.notional_usd)),
            at(one.published_at) if one.published_at else None,
        )
        for message in CASES[venue].messages
        for one in message.becomes
    )
    facts = warehouse.rows("select * from marts.fct_liquidations where venue = ?", venue)
    assert (
        sorted(
            (
                (one["instrument"], one["event_at"], one["liquidated_side"], one["event_kind"]),
                (one["base_asset"], one["price_kind"], one["quantity_base"]),
                (one["price_usd"], one["notional_usd"]),
                one["published_at"],
            )
            for one in facts
        )
        == expected
    )


@every_venue
def test_a_message_received_twice_or_with_an_unknown_field_is_the_same_facts(
    warehouse: Built, venue: str
) -> None:
    cases = CASES[venue]
    long = cases.long.becomes[0]
    (fact,) = warehouse.rows(
        "select sightings from marts.fct_liquidations"
        " where venue = ? and instrument = ? and event_at = ? and liquidated_side = 'long'"
        " and event_kind = ? and notional_usd = ?",
        venue,
        long.instrument,
        at(long.event_at),
        long.event_kind,
        Decimal(long.notional_usd),
    )
    times_received = 2 if cases.long.import_format in ("frames", "rest") else 1
    assert fact["sightings"] == times_received + 1


@every_venue
def test_nothing_of_the_messages_is_quarantined(warehouse: Built, venue: str) -> None:
    good = [
        batch
        for name, batch in warehouse.batches.items()
        if name.startswith(f"{venue} ") and not name.endswith(" missing")
    ]
    assert good
    assert (
        warehouse.rows(
            "select reject_reason, raw_line from marts.quarantined_liquidations"
            " where batch_id in (select unnest(?))",
            good,
        )
        == []
    )


@every_venue
def test_a_row_without_a_required_field_is_quarantined(warehouse: Built, venue: str) -> None:
    quarantined = warehouse.quarantined(f"{venue} missing")
    assert [row["raw_line"] for row in quarantined] == [
        place for place, _ in enumerate(CASES[venue].required, start=1)
    ]
    assert warehouse.accounting(f"{venue} missing")["accepted"] == 0


observations = pytest.mark.parametrize(
    ("venue", "place"),
    [
        pytest.param(venue, place, id=f"{venue}: {one.name}")
        for venue, cases in CASES.items()
        for place, one in enumerate(cases.context)
    ],
)


@observations
def test_a_context_answer_becomes_its_row_by_value(
    warehouse: Built, venue: str, place: int
) -> None:
    observation = CASES[venue].context[place]
    key = {name: value for name, value in observation.row.items() if isinstance(value, str | bool)}
    conditions = " and ".join(f"{name} = ?" for name in key)
    found = warehouse.rows(
        f"select * from marts.{observation.table} where venue = ? and {conditions}",
        venue,
        *key.values(),
    )
    assert len(found) == 1, f"{len(found)} rows of {observation.table} with {key}"
    numbers = {name: value for name, value in observation.row.items() if name not in key}
    actual = {name: None if found[0][name] is None else float(found[0][name]) for name in numbers}
    assert actual == {
        name: None if value is None else pytest.approx(value, rel=1e-9)
        for name, value in numbers.items()
    }


def test_no_row_is_later_than_its_answer(warehouse: Built) -> None:
    # The cases contain unfinished steps and bars, which as first sightings would win.
    for table, known_at in (
        ("fct_open_interest", "observed_at"),
        ("fct_long_short_ratio", "observed_at"),
        ("fct_prices", "close_at"),
    ):
        assert (
            warehouse.rows(
                f"select venue, instrument, {known_at} from marts.{table}"
                f" where {known_at} > received_at"
            )
            == []
        )
