"""An hour of every venue, compared with what the simulated market published in it.

Once landed (REST, files and recorder segments together), and once from imported frames only: in
both, each event is one fact.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from unittest import mock

import duckdb
import pytest

from tests.narrowing import narrowed
from unwind.landing.imports import import_files
from unwind.landing.land import day_batch, hour_batch, land_venue, seal_batch
from unwind.settings import PROJECT_ROOT, Home
from unwind.simulator.episode import short_tape
from unwind.simulator.exchanges import exchanges
from unwind.simulator.market.steady import HOUR_MS, epoch_ms
from unwind.simulator.market.tape import Tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator
from unwind.venues import venues
from unwind.warehouse import gates, suites
from unwind.warehouse.explain import read_back
from unwind.warehouse.gate_context import Gate
from unwind.warehouse.lineage import sightings_of
from unwind.warehouse.miniature import Miniature
from unwind.warehouse.promises import Mart, arguments_of, marts, name_of
from unwind.warehouse.refresh import refresh

from .breaking_marts import BREAKING
from .hand_made import okx
from .tampering import (
    has_hours,
    judging,
    refusals,
    replaced,
    run,
    value_beyond,
    verdicts,
    without_a_tenth,
    without_an_hour,
)

HOUR_AT = datetime(2026, 1, 29, 14, tzinfo=UTC)
NOW = HOUR_AT + timedelta(hours=1, minutes=1)
TRADED = sorted(name for name, venue in exchanges().items() if venue.trading)
STREAMED = sorted(name for name, venue in exchanges().items() if venue.streams)
REPORTING = ("coinalyze", "coinglass")
Totals = dict[tuple[str, str], tuple[int, float]]


@pytest.fixture(scope="module")
def tape() -> Tape:
    return short_tape()


@pytest.fixture(scope="module")
def published(tape: Tape) -> Totals:
    """Events and USD of the hour by venue and side, from the market's own books."""
    found: Totals = {}
    start_ms = epoch_ms(HOUR_AT)
    for venue in TRADED:
        for one in tape.records(tape.rows(venue, start_ms, start_ms + HOUR_MS)):
            key = (venue, "long" if one.side == 0 else "short")
            events, usd = found.get(key, (0, 0.0))
            found[key] = (events + 1, usd + one.notional_usd)
    return found


def facts(home: Home) -> Totals:
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        rows = release.execute(
            "select venue, liquidated_side, count(*), sum(notional_usd)"
            " from marts.fct_liquidations where hour_at = ? and event_kind <> 'adl' group by all",
            [HOUR_AT.replace(tzinfo=None)],
        ).fetchall()
    return {(venue, side): (events, float(usd)) for venue, side, events, usd in rows}


@pytest.fixture(scope="module")
def landed(tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("landed") / "home")
    write_segments(tape, home.recorder, HOUR_AT, HOUR_AT + timedelta(hours=1))
    with Simulator(tape, now=NOW) as server:
        settings = {**server.environment(), "UNWIND_TRACKED_INSTRUMENTS": "2"}
        with mock.patch.dict(os.environ, settings):
            for venue in venues():
                land_venue(home, hour_batch(HOUR_AT), venue, lambda: NOW)
            for source in REPORTING:
                land_venue(home, day_batch(HOUR_AT), source, lambda: NOW)
    seal_batch(home, hour_batch(HOUR_AT), lambda: NOW, venues())
    seal_batch(home, day_batch(HOUR_AT), lambda: NOW)
    # An unreadable symbol, which is quarantined and listed.
    unreadable = home.root.parent / "unreadable.ndjson"
    unreadable.write_text(okx("B@D-SYMBOL", "sell", "5", "100", HOUR_AT + timedelta(minutes=5)))
    import_files(home, "okx", "frames", [unreadable], lambda: NOW)
    refresh(home, clock=lambda: NOW)
    return home


@pytest.fixture(scope="module")
def miniature(landed: Home) -> Iterator[Miniature]:
    with Miniature(landed) as found:
        yield found


@pytest.fixture(scope="module")
def imported(tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder: Path = tmp_path_factory.mktemp("imported")
    home = Home(folder / "home")
    later = NOW + timedelta(hours=1)
    # The hour's last events arrive in the next hour's segment.
    write_segments(tape, folder / "recorded", HOUR_AT, HOUR_AT + timedelta(hours=2))
    for venue in STREAMED:
        files = sorted((folder / "recorded" / venue).glob("*.ndjson"))
        found = [file for file in files if file.stat().st_size]
        import_files(home, venue, "frames", found, lambda: later)
    with narrowed(["fct_liquidations"]):
        refresh(home, clock=lambda: later)
    return home


def close_to(totals: Totals, venue: str) -> dict[str, tuple[int, object]]:
    return {
        side: (events, pytest.approx(usd, rel=1e-9, abs=0.01 * events))
        for (name, side), (events, usd) in totals.items()
        if name == venue
    }


def test_settled_rates_have_the_interval_of_their_contract(landed: Home, tape: Tape) -> None:
    own = {(one.venue, one.symbol): one.funding_interval_hours for one in tape.instruments}
    with duckdb.connect(str(landed.current / "warehouse.duckdb"), read_only=True) as release:
        # Deribit's funding is continuous: its rows are hourly sums.
        settled = release.execute(
            "select venue, instrument, interval_hours, interval_source, funding_at"
            " from marts.fct_funding where is_settled and venue <> 'deribit' order by all"
        ).fetchall()
    assert {venue for venue, *_ in settled} >= {"bitget", "htx", "hyperliquid", "dydx"}
    assert [row for row in settled if row[2] != own[row[0], row[1]]] == []


@pytest.mark.parametrize("venue", TRADED)
def test_mixed_delivery_gives_each_event_once(landed: Home, published: Totals, venue: str) -> None:
    found = facts(landed)
    assert {side: found[venue, side] for name, side in found if name == venue} == close_to(
        published, venue
    )


# Contract sizes of these come from the venues' listings, not from frames.
LISTED_SIZES = {"okx", "gate", "bitmex", "lighter"}


@pytest.mark.parametrize("venue", sorted(set(STREAMED) - LISTED_SIZES))
def test_imported_frames_alone_give_the_same_facts(
    imported: Home, published: Totals, venue: str
) -> None:
    found = facts(imported)
    assert {side: found[venue, side] for name, side in found if name == venue} == close_to(
        published, venue
    )


def test_events_that_two_sources_report_have_two_sightings(landed: Home) -> None:
    with duckdb.connect(str(landed.current / "warehouse.duckdb"), read_only=True) as release:
        seen_twice = release.execute(
            "select venue from marts.fct_liquidations where hour_at = ?"
            " group by venue having avg((sightings > 1)::integer) > 0.9 order by venue",
            [HOUR_AT.replace(tzinfo=None)],
        ).fetchall()
    both = {"bitfinex", "deribit", "dydx", "kraken_futures", "okx"}
    assert both <= {venue for (venue,) in seen_twice}


@pytest.mark.parametrize("venue", TRADED)
def test_a_fact_leads_back_to_the_raw_text_of_its_price(landed: Home, venue: str) -> None:
    with duckdb.connect(str(landed.current / "warehouse.duckdb"), read_only=True) as release:
        liquidation_id, raw_price, sightings = release.execute(
            "select liquidation_id::varchar, raw_price, sightings from marts.fct_liquidations"
            " where venue = ? order by notional_usd desc limit 1",
            [venue],
        ).fetchone()
    found = sightings_of(landed, liquidation_id)
    assert len(found) == sightings
    for sighting in found:
        assert raw_price in sighting.text
        assert sighting.row_in_line >= 1


def test_a_staged_row_states_when_its_batch_was_sealed(landed: Home) -> None:
    with duckdb.connect(str(landed.staging_db), read_only=True) as staging:
        rows = staging.execute(
            "select staged.venue, count(*), count_if(staged.sealed_at = batches.sealed_at)"
            " from intermediate.int_liquidations_unioned as staged"
            " left join ops.batches as batches using (batch_id) group by 1"
        ).fetchall()
    assert {venue for venue, _, _ in rows} >= set(TRADED)
    assert all(stated == count for _, count, stated in rows)


# What is landed of these has no volume, or one without a stated unit (docs/semantics.md).
WITHOUT_VOLUME = {"okx", "gate", "bitfinex", "htx"}


def hourly(home: Home, model: str, column: str) -> dict[tuple[str, str], float]:
    """A column of an intermediate model by venue and instrument, in the hour."""
    with duckdb.connect(str(home.staging_db), read_only=True) as staging:
        rows = staging.execute(
            f"select venue, instrument, {column} from intermediate.{model}"
            f" where hour_at = ? and {column} is not null",
            [HOUR_AT.replace(tzinfo=None)],
        ).fetchall()
    return {(venue, instrument): value for venue, instrument, value in rows}


def test_open_interest_at_the_hours_end_is_the_books_of_every_venue(
    landed: Home, tape: Tape
) -> None:
    found = hourly(landed, "int_instrument_open_interest_hourly", "oi_end_usd")
    assert {venue for venue, _ in found} == set(TRADED)
    end = tape.minute_of(epoch_ms(HOUR_AT) + HOUR_MS)
    books = {key: tape.oi_usd(tape.instruments[tape.instrument_number[key]], end) for key in found}
    assert found == {key: pytest.approx(usd, rel=0.02) for key, usd in books.items()}


def test_volumes_of_a_day_are_the_markets(landed: Home, tape: Tape) -> None:
    found = hourly(landed, "int_instrument_volumes_hourly", "volume_24h_usd")
    assert {venue for venue, _ in found} == set(TRADED) - WITHOUT_VOLUME
    end = tape.minute_of(epoch_ms(HOUR_AT) + HOUR_MS)
    traded = {
        key: tape.traded_usd_24h(tape.instruments[tape.instrument_number[key]], end)
        for key in found
    }
    assert found == {key: pytest.approx(usd, rel=0.02, abs=1) for key, usd in traded.items()}


def test_the_documented_comparison_matches_the_sources_sums(landed: Home) -> None:
    page = (PROJECT_ROOT / "docs" / "imports.md").read_text()
    part = page.split("\n## Other people's sums\n")[1]
    (query,) = re.findall(r"^```sql\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    with duckdb.connect(str(landed.current / "warehouse.duckdb"), read_only=True) as release:
        release.execute("set schema = 'marts'")
        found = [
            (source, venue, reported_usd, float(counted_usd))
            for source, venue, _, hour_at, reported_usd, counted_usd, _ in release.execute(
                query
            ).fetchall()
            if hour_at == HOUR_AT.replace(tzinfo=None) and counted_usd is not None
        ]
    venues_of = {
        source: len({venue for name, venue, *_ in found if name == source}) for source in REPORTING
    }
    assert venues_of == {"coinalyze": 11, "coinglass": 15}
    assert [one for one in found if abs(one[2] - one[3]) > 0.05] == []


# A build with rows in every mart, as the marts gate reads it.


@pytest.fixture(scope="module")
def gate(landed: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with judging(landed, tmp_path_factory.mktemp("judged") / "home") as opened:
        yield opened


EVERY_MART = [pytest.param(mart, id=mart.name) for mart in marts().values()]


def test_a_sound_build_is_not_refused(gate: Gate) -> None:
    assert {name: one.message for name, one in refusals(gate, list(marts())).items()} == {}


@pytest.mark.parametrize("mart", EVERY_MART)
def test_a_mart_with_every_row_twice_is_refused(mart: Mart, gate: Gate) -> None:
    twice = f"from sound_{mart.name} union all from sound_{mart.name}"
    with replaced(gate, mart.name, twice):
        assert refusals(gate, [mart.name])


@pytest.mark.parametrize("mart", EVERY_MART)
def test_a_mart_without_some_of_its_rows_is_refused(mart: Mart, gate: Gate) -> None:
    assert run(gate, f"select count(*) from sound_{mart.name}")[0][0] > 0
    with replaced(gate, mart.name, without_a_tenth(mart)):
        assert refusals(gate, [mart.name])
    if has_hours(mart):
        with replaced(gate, mart.name, without_an_hour(mart)):
            assert refusals(gate, [mart.name])


@pytest.mark.parametrize("mart", EVERY_MART)
def test_a_null_in_any_column_that_is_never_null_is_refused(mart: Mart, gate: Gate) -> None:
    columns = [column.name for column in mart.columns if column.is_not_null]
    assert columns
    nulls = ", ".join(f"null as {name}" for name in columns)
    with replaced(gate, mart.name, f"select * replace ({nulls}) from sound_{mart.name} limit 3"):
        failure = refusals(gate, [mart.name])["never_null"]
    assert "could not be judged" not in failure.message
    assert f"missing {', '.join(columns)};" in failure.message


IN_SQL_FILES = [
    (mart.name, path.stem)
    for mart in marts().values()
    for path in sorted((suites.SQL / "marts" / mart.name).glob("*.sql"))
]


@pytest.mark.parametrize(
    ("suite", "name"), [pytest.param(*one, id=".".join(one)) for one in IN_SQL_FILES]
)
def test_a_check_in_sql_fails_on_the_row_that_breaks_it(suite: str, name: str, gate: Gate) -> None:
    breaking = BREAKING[suite, name]
    mart, sql = breaking if isinstance(breaking, tuple) else (suite, breaking)
    with replaced(gate, mart, f"from sound_{mart}"):
        run(gate, sql.format(table=f"broken_{mart}"))
        (failure,) = [one for one in verdicts(gate, [suite]) if one.expectation == name]
    assert not failure.success
    assert "could not be judged" not in failure.message
    assert failure.unexpected_count >= 1
    assert "None" not in failure.message
    assert "{" not in failure.message
    assert failure.message.endswith(".")


def test_no_breaking_row_is_left_without_its_check() -> None:
    assert set(BREAKING) == set(IN_SQL_FILES)


def test_values_outside_of_a_range_or_vocabulary_are_refused(gate: Gate) -> None:
    """All columns of a mart at once: the row that breaks them lists each."""
    listed_in = {"accepted_values": ("vocabulary", "unknown"), "in_range": ("in_range", "beyond")}
    judged = 0
    for mart in marts().values():
        for kind, (name, column_of_list) in listed_in.items():
            stated = [
                (column.name, arguments_of(test))
                for column in mart.columns
                for test in column.tests
                if name_of(test) == kind
            ]
            if not stated:
                continue
            wrong = ", ".join(
                f"{value_beyond(gate, kind, arguments)} as {column}" for column, arguments in stated
            )
            tampered = f"select * replace ({wrong}) from sound_{mart.name} limit 1"
            with replaced(gate, mart.name, tampered):
                (check,) = [
                    one
                    for one in suites.expectations_of(suites.MARTS)
                    if (one.suite, one.name) == (mart.name, name)
                ]
                ((listed,),) = run(
                    gate,
                    f"select {column_of_list} from ({check.sql.format(batch=f'gate.{mart.name}')})",
                )
                assert name in refusals(gate, [mart.name]), mart.name
            assert [one.split(" ")[0] for one in listed.split(", ")] == [
                column for column, _ in stated
            ], mart.name
            judged += len(stated)
    assert judged > 300


def test_a_refusal_names_rows_batches_and_the_remedy(gate: Gate) -> None:
    (batch_id,) = run(
        gate, "select distinct batch_id from sound_fct_prices where venue = 'okx' order by 1"
    )[0]
    wrong = "if(venue = 'okx', 1e10, close_usd) as close_usd"
    broken = f"select * replace ({wrong}) from sound_fct_prices"
    with replaced(gate, "fct_prices", broken):
        message = refusals(gate, ["fct_prices"])["in_range"].message
    assert "rows of fct_prices have a value out of its range" in message
    assert "beyond close_usd 10000000000.0" in message
    assert f"Behind these rows: {batch_id}" in message
    assert f"`unwind withdraw {batch_id}` takes a batch out" in message


def test_a_notional_of_exactly_the_limit_passes_the_gate_as_it_passes_screening(
    gate: Gate,
) -> None:
    (limit,) = run(
        gate,
        "select value from staging.seeds.plausibility_limits where limit_name = 'notional_usd_max'",
    )[0]
    assert limit == 1e10
    for notional, refused in ((1e10, False), (1e10 + 1, True)):
        rows = f"select * replace ({notional!r}::decimal(38, 4) as notional_usd)"
        with replaced(gate, "fct_liquidations", f"{rows} from sound_fct_liquidations"):
            assert ("in_range" in refusals(gate, ["fct_liquidations"])) is refused


def test_a_row_of_no_hour_is_judged_with_every_build(landed: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    copytree(landed.warehouse_dir, home.warehouse_dir)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute("update marts.funding_hourly set hour_at = null where base_asset = 'BTC'")
    results = gates.check_marts(home, "run", NOW, ["funding_hourly"])
    assert "never_null" in {one.expectation for one in results if one.is_critical_failure}


def test_a_warning_does_not_stop_a_release(gate: Gate) -> None:
    rates = "select * replace (0.03 as oi_weighted_funding_8h) from sound_funding_hourly"
    with replaced(gate, "funding_hourly", rates):
        failed = [one for one in verdicts(gate, ["funding_hourly"]) if not one.success]
    assert [one.expectation for one in failed] == ["funding_rate_8h_plausible"]
    assert "withdraw" not in failed[0].message
    assert gates.run_failures(failed) == []


def test_one_missing_cent_stops_a_release(gate: Gate) -> None:
    lost = "total_usd - 0.01 as total_usd, short_usd - 0.01 as short_usd"
    rows = "(select *, row_number() over (order by short_usd desc nulls last) as place"
    rows = f"{rows} from sound_liquidations_hourly)"
    broken = (
        f"select * exclude (place) replace ({lost}) from {rows} where place = 1"
        f" union all select * exclude (place) from {rows} where place > 1"
    )
    with replaced(gate, "liquidations_hourly", broken):
        stopped = refusals(gate, ["liquidations_hourly"])["money_conserved"]
    assert stopped.unexpected_count == 1
    ((venue, base_asset),) = run(
        gate,
        "select venue, base_asset from sound_liquidations_hourly"
        " order by short_usd desc nulls last limit 1",
    )
    assert f"venue {venue}, base_asset {base_asset}" in stopped.message


def test_a_missing_column_fails_critically_instead_of_passing(gate: Gate) -> None:
    rows = "select * exclude (oi_weighted_funding_8h) from sound_funding_hourly"
    with replaced(gate, "funding_hourly", rows):
        failed = refusals(gate, ["funding_hourly"])
    assert "could not be judged" in failed["funding_rate_8h_plausible"].message
    assert "oi_weighted_funding_8h" in failed["funding_rate_8h_plausible"].message


def test_an_hour_that_is_not_being_built_is_not_judged(landed: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    copytree(landed.warehouse_dir, home.warehouse_dir)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute("insert into ops.pending_hours select max(hour_at) from ops.hours")
        newest = staging.execute("select max(hour_at) from ops.hours").fetchone()[0]
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        wrong = "update marts.liquidations_hourly set total_usd = -1 where hour_at < ?"
        warehouse.execute(wrong, [newest])
    results = gates.check_marts(home, "run", NOW, ["liquidations_hourly"])
    assert gates.run_failures(results) == []


def test_a_mart_of_the_project_that_was_not_built_stops_a_release(
    landed: Home, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    copytree(landed.warehouse_dir, home.warehouse_dir)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute("drop table marts.stress_hourly")
    results = gates.check_marts(home, "run", NOW, ["stress_hourly"])
    (missing,) = gates.run_failures(results)
    assert (missing.suite, missing.expectation) == ("stress_hourly", "table_present")


def test_the_marts_gate_judges_every_mart_of_a_small_hour(landed: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    copytree(landed.warehouse_dir, home.warehouse_dir)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute("insert into ops.pending_hours select max(hour_at) from ops.hours")
    results = gates.check_marts(home, "run", NOW)
    assert {one.suite for one in results} == {*marts(), gates.CONTINUITY}
    assert [one.message for one in results if one.is_critical_failure] == []


# From the ledger, or written at publishing: their rows do not come from other tables.
RECORDED = {
    *("gate_results", "release", "dim_hours", "landing_outcomes"),
    *("published_releases", "mart_revisions"),
}


@pytest.mark.parametrize("mart", sorted(marts().keys() - RECORDED))
def test_a_row_is_reproduced_from_its_inputs(miniature: Miniature, mart: str) -> None:
    """Every mart's own SQL gives the same row from just the rows that an explanation names."""
    rows = miniature.relations[mart].path
    miniature.give(mart, f"select * from {rows} using sample 3 rows (reservoir, 11)")
    parents = miniature.parents(mart)
    if not parents:
        assert miniature.relations[mart].is_read_from_raw
    else:
        assert read_back(miniature, mart, parents, {}, None) == ()
