"""A lender's own PostgreSQL as a source: by watermark and whole, one snapshot, exact, late commits and gaps covered.

The source is a second database with a login of its own that may read and nothing else.
"""

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from include.errors import DeliveryError, PostloanError, SourceError
from include.jobs.fetch import fetch, fetch_again, fetch_or_go_on
from include.jobs.land import land
from include.landing.manifest import read_manifest
from include.settings import Settings
from include.warehouse.migrate import migrate
from tests.support.landing_rows import query
from tests.support.source_database import TABLES, Source
from tests.support.source_systems import ACCOUNT, MOVEMENT, lender, put_contracts

PASSWORD = "s3cret-of-the-source"
SOURCE = {
    "kind": "database",
    "connection": "old_core",
    "ready": {"table": "core.batch_status", "column": "business_date"},
    "overlap_minutes": 120,
}
DAY = date(2026, 1, 5)
NEXT, LATER = date(2026, 1, 6), date(2026, 1, 7)


ACCOUNT_BY_DATE = ACCOUNT | {"source": {"table": "core.account_by_date", "as_of": "biz_date"}}
USUAL = {
    "account": ACCOUNT | {"source": {"table": "core.account"}},
    "movement": MOVEMENT | {"source": {"table": "core.movement", "watermark": "updated_at"}},
}


@contextmanager
def changed(folder: Path, *, source: dict = SOURCE, **tables: dict) -> Iterator[None]:
    """Other contracts of the same lender, until the end."""
    put_contracts(folder, "old_core", source, **USUAL | tables)
    yield
    put_contracts(folder, "old_core", SOURCE, **USUAL)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("contracts")
    with lender(folder, "old_core", SOURCE, **USUAL):
        yield folder


@pytest.fixture(scope="module")
def template(server, template_warehouse: str, contracts: Path, tmp_path_factory) -> str:
    """A warehouse that knows the lender's tables, made once."""
    name = "template_sources_database"
    server.create_database(name, template=template_warehouse)
    migrate(server.settings_for(name, tmp_path_factory.mktemp("template")))
    return name


@pytest.fixture
def settings(server, template: str, tmp_path: Path) -> Iterator[Settings]:
    server.create_database("sources_database", template=template)
    yield server.settings_for("sources_database", tmp_path / "home")
    server.drop_database("sources_database")


@pytest.fixture(scope="module")
def source_server(server) -> Iterator[str]:
    """The address of the lender's database, as its owner."""
    name = "old_core_of_a_lender"
    server.create_database(name)
    with psycopg.connect(server.facts.url("postgres", name), autocommit=True) as owner:
        owner.execute(f"create role old_core_reader login password '{PASSWORD}'")
        owner.execute(f"grant connect on database {name} to old_core_reader")
    yield server.facts.url("postgres", name)
    server.drop_database(name)
    with psycopg.connect(server.facts.url("postgres", "postgres"), autocommit=True) as owner:
        owner.execute("drop role old_core_reader")


@pytest.fixture
def source(source_server: str, contracts: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """Its tables, empty, and what the installation knows of it."""
    place = source_server.rpartition("@")[2]
    monkeypatch.setenv("POSTLOAN_CONNECTION_OLD_CORE", f"postgresql://old_core_reader:{PASSWORD}@{place}")
    opened = Source(source_server)
    opened.connection.execute(TABLES)
    yield opened
    opened.connection.close()


def fetch_and_land(day: date, settings: Settings) -> None:
    assert fetch(day, "old_core", settings).is_there
    land(day, "old_core", settings)


def movements(settings: Settings) -> list[tuple[object, ...]]:
    """Every row that was ever loaded, by the date of its delivery."""
    return query(
        settings,
        "select movement_id, amount, _business_date from raw.old_core__movement order by _business_date, movement_id",
    )


def test_a_source_database_ends_as_an_ordinary_delivery_exact_to_the_cent(source: Source, settings: Settings) -> None:
    source.account("0007", "12.30")
    source.account("贷-1", "9999999999999999.99")
    source.movement("M1", "100.10", "2026-01-05 09:00+08", note='says "yes", 好\nand more')
    source.show(DAY)
    result = fetch(DAY, "old_core", settings)
    assert (result.is_there, result.rows) == (True, 3)
    manifest = read_manifest(Path(result.put[0]))
    assert manifest.table("account").files[0].control_total == "10000000000000012.29"
    assert land(DAY, "old_core", settings).is_complete
    assert query(settings, "select account_id, balance_amount from raw.old_core__account order by 1") == [
        ("0007", Decimal("12.30")),
        ("贷-1", Decimal("9999999999999999.99")),
    ]
    assert query(settings, "select note from raw.old_core__movement") == [('says "yes", 好\nand more',)]


def test_fetched_again_it_is_the_same_delivery_to_the_byte(source: Source, settings: Settings) -> None:
    for number in range(50):
        source.movement(f"M{number}", "1.00", f"2026-01-05 10:00:{number:02d}+08")
    source.show(DAY)
    path = Path(fetch(DAY, "old_core", settings).put[0])
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    source.execute("cluster core.movement using movement_pkey")
    assert fetch(DAY, "old_core", settings).is_there
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before
    land(DAY, "old_core", settings)
    assert fetch(DAY, "old_core", settings).put == (), "a landed date is left alone"


def test_a_date_that_the_source_has_not_ended_is_not_fetched(source: Source, settings: Settings) -> None:
    assert not fetch(DAY, "old_core", settings).is_there
    source.show(date(2026, 1, 4))
    assert not fetch(DAY, "old_core", settings).is_there
    assert list(settings.landing.rglob("*.csv")) == []


def test_the_days_window_ends_at_midnight_of_the_lenders_zone(source: Source, settings: Settings) -> None:
    source.movement("last of the day", "1.00", "2026-01-05 23:59:59.999999+08")
    source.movement("first of the next", "2.00", "2026-01-06 00:00:00+08")
    source.show(DAY)
    fetch_and_land(DAY, settings)
    assert [name for name, *_ in movements(settings)] == ["last of the day"]
    source.show(NEXT)
    fetch_and_land(NEXT, settings)
    assert [name for name, *_ in movements(settings)] == ["last of the day", "first of the next"]


def test_a_row_committed_late_comes_with_the_next_date_and_nothing_comes_twice(
    source: Source, settings: Settings
) -> None:
    source.movement("in time", "1.00", "2026-01-05 23:30+08")
    source.show(DAY)
    fetch_and_land(DAY, settings)
    source.movement("late commit", "2.00", "2026-01-05 23:59+08")
    source.movement("the next day", "3.00", "2026-01-06 09:00+08")
    source.show(NEXT)
    fetch_and_land(NEXT, settings)
    assert movements(settings) == [
        ("in time", Decimal("1.00"), DAY),
        ("late commit", Decimal("2.00"), NEXT),
        ("the next day", Decimal("3.00"), NEXT),
    ]


def test_dates_that_were_never_fetched_are_covered_by_the_next_one(source: Source, settings: Settings) -> None:
    source.movement("M5", "5.00", "2026-01-05 09:00+08")
    source.show(DAY)
    fetch_and_land(DAY, settings)
    source.movement("M6", "6.00", "2026-01-06 09:00+08")
    source.movement("M7", "7.00", "2026-01-07 09:00+08")
    source.show(LATER)
    fetch_and_land(LATER, settings)
    assert [name for name, *_ in movements(settings)] == ["M5", "M6", "M7"]


def test_a_whole_table_is_never_passed_off_as_that_of_an_earlier_date(source: Source, settings: Settings) -> None:
    source.account("A1", "1.00")
    source.show(LATER)
    with pytest.raises(DeliveryError, match="shows 2026-01-07 and no longer 2026-01-05") as refused:
        fetch(DAY, "old_core", settings)
    assert refused.value.next_command == "postloan run 2026-01-07"
    assert list(settings.landing.rglob("*.csv")) == []


def test_all_tables_show_the_same_moment_whatever_is_written_meanwhile(
    source: Source, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every account has one movement of the same amount. A writer adds both while the tables are read one by one."""
    from include.sources import database

    source.account("A1", "5.00")
    source.movement("A1", "5.00", "2026-01-05 09:00+08")
    source.show(DAY)
    real = database._write

    def write_and_be_disturbed(*arguments: object) -> int:
        written = real(*arguments)
        writer = threading.Thread(target=_add_both, args=(source,))
        writer.start()
        writer.join(timeout=10)
        assert not writer.is_alive(), "a reader holds nobody up"
        return written

    def _add_both(source: Source) -> None:
        source.account("A2", "7.00")
        source.movement("A2", "7.00", "2026-01-05 10:00+08")

    monkeypatch.setattr(database, "_write", write_and_be_disturbed)
    fetch_and_land(DAY, settings)
    assert query(settings, "select account_id from raw.old_core__account") == [("A1",)]
    assert [name for name, *_ in movements(settings)] == ["A1"]


def test_asked_again_for_a_landed_date_what_changed_becomes_a_correction(source: Source, settings: Settings) -> None:
    source.movement("stays", "1.00", "2026-01-05 09:00+08")
    source.movement("moves on", "2.00", "2026-01-05 10:00+08")
    source.show(DAY)
    fetch_and_land(DAY, settings)
    assert fetch_again(DAY, "old_core", NEXT, settings).put == (), "the source still says the same"
    source.movement("moves on", "2.50", "2026-01-06 10:00+08")  # its watermark leaves the window
    assert fetch_again(DAY, "old_core", NEXT, settings).put == (), "that is news of the next date, not of this one"
    source.movement("stays", "1.75", "2026-01-05 09:00+08")  # the past itself was changed
    result = fetch_again(DAY, "old_core", NEXT, settings)
    assert [Path(path).parent.name for path in result.put] == ["2026-01-06"]
    source.show(NEXT)
    fetch_and_land(NEXT, settings)
    assert movements(settings) == [
        ("moves on", Decimal("2.00"), DAY),
        ("stays", Decimal("1.00"), DAY),
        ("stays", Decimal("1.75"), DAY),
        ("moves on", Decimal("2.50"), NEXT),
    ]


def test_the_first_fetch_may_be_a_history_and_the_next_date_goes_on_from_there(
    source: Source, settings: Settings, contracts: Path
) -> None:
    source.movement("old", "1.00", "2025-12-01 09:00+08")
    source.movement("today", "2.00", "2026-01-05 09:00+08")
    source.show(DAY)
    with changed(contracts, source={**SOURCE, "history_from": "2025-01-01"}):
        (path,) = fetch(DAY, "old_core", settings).put
        assert Path(path).parent.name == "history"
        assert land(DAY, "old_core", settings).is_complete
        source.movement("tomorrow", "3.00", "2026-01-06 09:00+08")
        source.show(NEXT)
        fetch_and_land(NEXT, settings)
        with pytest.raises(DeliveryError, match="came as a history"):
            fetch_again(DAY, "old_core", LATER, settings)
    assert movements(settings) == [
        ("old", Decimal("1.00"), date(2025, 12, 1)),
        ("today", Decimal("2.00"), DAY),
        ("tomorrow", Decimal("3.00"), NEXT),
    ]


def test_a_watermark_without_a_zone_is_the_clock_of_the_lenders_zone(source: Source, settings: Settings) -> None:
    source.execute("set timezone to 'UTC'")
    source.movement("last of the day", "1.00", "2026-01-05 23:59:59+08")
    source.movement("first of the next", "2.00", "2026-01-06 00:00:00+08")
    source.execute(
        "alter table core.movement alter updated_at type timestamp using updated_at at time zone 'Asia/Shanghai'"
    )
    source.show(DAY)
    fetch_and_land(DAY, settings)
    assert [name for name, *_ in movements(settings)] == ["last of the day"]


@pytest.mark.parametrize("kind", ["date", "text"])
def test_a_table_that_keeps_its_dates_is_fetched_by_date_also_when_the_date_is_text(
    kind: str, source: Source, settings: Settings, contracts: Path
) -> None:
    """A snapshot a date: the past can be had as well, and dates never fetched come with the next one."""
    booked = "day::date" if kind == "date" else "to_char(day, 'YYYYMMDD')"
    days = "from generate_series('2026-01-04'::date, '2026-01-08', '1 day') as day"
    source.execute(
        "create table core.by_date as "
        f"select 'M' || to_char(day, 'FMDD') as movement_id, {booked} as booked_date, 1.00 as amount, '' as note {days}"
    )
    source.execute(
        "create table core.account_by_date as "
        f"select 'A1' as \"账号\", day::date - 365 as opened_date, 5.00 as balance_amount, day::date as biz_date {days}"
    )
    source.execute("grant select on core.by_date, core.account_by_date to old_core_reader")
    source.show(date(2026, 1, 9))
    form = {"date_format": "YYYYMMDD"} if kind == "text" else {}
    columns = [column | (form if column["name"] == "booked_date" else {}) for column in MOVEMENT["columns"]]
    by_date = MOVEMENT | {"columns": columns, "source": {"table": "core.by_date", "as_of": "booked_date"}}
    with changed(contracts, movement=by_date, account=ACCOUNT_BY_DATE):
        fetch_and_land(date(2026, 1, 4), settings)
        fetch_and_land(LATER, settings)
    assert [name for name, *_ in movements(settings)] == ["M4", "M5", "M6", "M7"]
    assert query(settings, "select rows_in from ops.load_batch where table_name = 'account' order by 1") == [(1,), (1,)]


def test_a_float_is_refused_and_says_what_to_do(source: Source, settings: Settings) -> None:
    source.execute("alter table core.movement alter amount type double precision")
    source.movement("M1", "0.10", "2026-01-05 09:00+08")
    source.show(DAY)
    with pytest.raises(DeliveryError, match=r"core\.movement\.amount is .*: it has no exact text"):
        fetch(DAY, "old_core", settings)


def test_a_column_that_the_source_lost_is_named_as_the_source_names_it(source: Source, settings: Settings) -> None:
    source.execute('alter table core.account rename "账号" to account_no')
    source.show(DAY)
    with pytest.raises(DeliveryError, match=r"core\.account has no column 账号; it has account_no"):
        fetch(DAY, "old_core", settings)


def test_a_source_that_is_down_is_named_without_its_password(
    source: Source, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("POSTLOAN_CONNECTION_OLD_CORE", f"postgresql://reader:{PASSWORD}@127.0.0.1:1/core")
    with pytest.raises(SourceError, match=r"old_core at postgresql://127\.0\.0\.1:1 cannot be read") as refused:
        fetch_or_go_on(DAY, "old_core", settings)
    assert PASSWORD not in f"{refused.value!r} {refused.value} {caplog.text}"


def test_a_database_without_a_driver_says_what_is_missing(
    source: Source, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTLOAN_CONNECTION_OLD_CORE", f"oracle+oracledb://reader:{PASSWORD}@core.example/core")
    with pytest.raises(PostloanError, match=r"oracle\+oracledb database, and no driver") as refused:
        fetch(DAY, "old_core", settings)
    assert PASSWORD not in str(refused.value)


def test_the_sources_login_is_used_for_reading_only(source: Source, settings: Settings) -> None:
    from include.sources.connection import from_environment
    from include.sources.database import _snapshot

    with pytest.raises(SourceError, match="read-only transaction"), _snapshot(from_environment("old_core")) as opened:
        opened.execution_options(stream_results=False).exec_driver_sql("create table x (i integer)")


def test_a_large_table_streams_through_little_memory(
    source: Source, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.sources import database

    source.execute(
        "insert into core.movement select 'M' || n, '2026-01-05', 1.00, repeat('x', 150), '2026-01-05 12:00+08' "
        "from generate_series(1, 30000) as n"
    )
    source.show(DAY)
    peaks = []
    real = database._write

    def write_watched(*arguments: object) -> int:
        tracemalloc.start()
        written = real(*arguments)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        return written

    monkeypatch.setattr(database, "_write", write_watched)
    assert fetch(DAY, "old_core", settings).rows == 30_000
    assert max(peaks) < 4_000_000, "the table itself is 6 MB as text"
