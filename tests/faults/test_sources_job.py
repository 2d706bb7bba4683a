"""Fetching as a job: killed anywhere it leaves nothing that looks complete; a bureau that fails stops no day."""

import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from include.cli import app
from include.errors import PostloanError, RefusedError, SourceError
from include.jobs.fetch import fetch, fetch_again, fetch_or_go_on, has_landed, next_use
from include.jobs.land import land
from include.landing.discover import find_deliveries
from include.settings import CONTRACTS_DIR, Settings, load_settings
from include.sources import http_api
from include.warehouse.connection import connect
from tests.support.bureau_api import Bureau, bureau_api
from tests.support.good_rows import good_rows
from tests.support.landing_rows import query
from tests.support.source_systems import lender

DAY = date(2026, 1, 5)
SOURCE = {"kind": "http_api", "connection": "bureau", "page_size": 3, "attempts": 2, "catch_up_days": 3}
PATHS = {"bureau_report": "reports", "bureau_tradeline": "tradelines"}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    tables = {}
    for table, path in PATHS.items():
        ours = yaml.safe_load((CONTRACTS_DIR / "bureau" / f"{table}.yml").read_text(encoding="utf-8"))
        columns = [{"name": column["name"]} for column in ours["columns"]]
        tables[table] = {"columns": columns, "source": {"path": f"/batches/{{business_date}}/{path}"}}
    with lender(tmp_path_factory.mktemp("contracts"), "bureau", SOURCE, **tables):
        yield


@pytest.fixture
def bureau(contracts: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bureau]:
    monkeypatch.setattr(http_api, "FIRST_WAIT_SECONDS", 0.01)
    with bureau_api() as api:
        monkeypatch.setenv("POSTLOAN_CONNECTION_BUREAU", api.url)
        yield api


def batch(bureau: Bureau, day: date, first: int = 1) -> None:
    """Put a batch of the date on the API: five reports, five accounts."""
    from include.landing.contract import contracts_of

    for table, contract in contracts_of("bureau").items():
        rows = good_rows(contract, 5, first)
        bureau.rows[f"/api/batches/{day}/{PATHS[table]}"] = [dict(row) for row in rows]


def files(settings: Settings) -> dict[str, bytes]:
    root = settings.landing / "bureau"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def killed_at(point: str, settings: Settings) -> None:
    """Fetch in a process of its own that dies there."""

    def child() -> None:
        os.environ["POSTLOAN_FAIL"] = point
        fetch(DAY, "bureau", settings)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("point", ["fetch:mid", "fetch:before_files", "fetch:before_manifest", "fetch:after"])
def test_a_fetch_that_is_killed_leaves_nothing_that_looks_complete_and_ends_the_same(
    point: str, bureau: Bureau, settings: Settings
) -> None:
    batch(bureau, DAY)
    killed_at(point, settings)
    complete = find_deliveries(settings.landing, "bureau", known_until=DAY)
    assert len(complete) == (1 if point == "fetch:after" else 0)
    assert land(DAY, "bureau", settings).is_complete == (point == "fetch:after")
    fetch(DAY, "bureau", settings)
    whole = files(settings)
    assert sorted(whole) == [
        "2026-01-05/bureau_report.jsonl",
        "2026-01-05/bureau_tradeline.jsonl",
        "2026-01-05/manifest.json",
    ]
    calm = settings.model_copy(update={"landing_dir": settings.home / "calm"})
    if point != "fetch:after":  # there it has landed, and nothing is fetched again
        fetch(DAY, "bureau", calm)
        assert files(calm) == whole


def test_a_batch_is_fetched_landed_and_never_asked_for_again(bureau: Bureau, settings: Settings) -> None:
    batch(bureau, DAY)
    assert fetch(DAY, "bureau", settings).rows == 10
    landed = land(DAY, "bureau", settings)
    assert {one.table: one.rows_in for one in landed.batches} == {"bureau_report": 5, "bureau_tradeline": 5}
    assert has_landed(DAY, "bureau", settings)
    folder = settings.landing / "bureau" / "2026-01-05"
    assert folder.stat().st_mode & 0o077 == 0, "reports on people are their owner's alone"
    assert [path.name for path in folder.iterdir() if path.stat().st_mode & 0o077] == []
    asked = len(bureau.asked)
    assert fetch(DAY, "bureau", settings).is_there
    assert all(str(DAY) not in path for path, _ in bureau.asked[asked:])


def test_a_batch_that_was_missed_is_fetched_by_one_of_the_next_days(bureau: Bureau, settings: Settings) -> None:
    batch(bureau, DAY)
    later = DAY + timedelta(days=3)
    result = fetch(later, "bureau", settings)
    assert not result.is_there, "there is no batch of this date itself"
    assert [Path(path).parent.name for path in result.put] == ["2026-01-05"]
    assert fetch(later + timedelta(days=1), "bureau", settings).put == (), "four days are too long ago"


def test_a_bureau_that_fails_is_written_down_and_stops_no_day(
    bureau: Bureau, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    bureau.faults.append(lambda *_: (500, {}, b""))
    caplog.set_level(logging.WARNING)
    assert fetch_or_go_on(DAY, "bureau", settings) is None
    assert "STALE: bureau could not be fetched" in caplog.text
    assert query(settings, "select system, outcome, detail like '%status 500%' from ops.load_attempt") == [
        ("bureau", "REFUSED", True)
    ]
    assert not land(DAY, "bureau", settings).is_complete
    assert not (settings.landing / "bureau" / ".fetch").exists()


def test_a_batch_of_which_one_table_is_missing_is_refused(bureau: Bureau, settings: Settings) -> None:
    batch(bureau, DAY)
    del bureau.rows[f"/api/batches/{DAY}/tradelines"]
    with pytest.raises(SourceError, match="has bureau_report of 2026-01-05 and no bureau_tradeline"):
        fetch(DAY, "bureau", settings)
    assert files(settings) == {}


def test_what_was_fetched_is_used_when_the_source_is_gone_before_it_could_land(
    bureau: Bureau, settings: Settings
) -> None:
    batch(bureau, DAY)
    fetch(DAY, "bureau", settings)
    bureau.faults.append(lambda *_: (500, {}, b""))
    assert fetch(DAY, "bureau", settings).is_there
    assert land(DAY, "bureau", settings).is_complete


def test_a_batch_that_was_mended_before_it_landed_replaces_the_former_one(bureau: Bureau, settings: Settings) -> None:
    batch(bureau, DAY)
    fetch(DAY, "bureau", settings)
    batch(bureau, DAY, first=100)
    fetch(DAY, "bureau", settings)
    ((_, manifest),) = [
        (one.folder, one.manifest) for one in find_deliveries(settings.landing, "bureau", known_until=DAY)
    ]
    assert b"P0100" in files(settings)["2026-01-05/bureau_report.jsonl"]
    assert manifest.table("bureau_report") is not None


def test_a_landed_batch_that_the_bureau_changed_is_a_correction_for_the_next_unpublished_date(
    bureau: Bureau, settings: Settings
) -> None:
    batch(bureau, DAY)
    with pytest.raises(RefusedError, match="there is nothing to correct"):
        fetch_again(DAY, "bureau", DAY + timedelta(days=1), settings)
    fetch(DAY, "bureau", settings)
    land(DAY, "bureau", settings)
    known = next_use(DAY, settings)
    assert known == date(2026, 1, 6)
    assert fetch_again(DAY, "bureau", known, settings).put == ()
    bureau.rows[f"/api/batches/{DAY}/reports"].pop()
    (path,) = fetch_again(DAY, "bureau", known, settings).put
    assert Path(path).parent == settings.landing / "bureau" / "2026-01-05" / "2026-01-06"
    before = files(settings)
    assert fetch_again(DAY, "bureau", known, settings).put, "not landed yet: fetched once more, the same"
    assert files(settings) == before
    with pytest.raises(RefusedError, match="is known later than that"):
        fetch_again(DAY, "bureau", DAY, settings)


def test_two_fetches_of_a_system_take_turns(bureau: Bureau, settings: Settings) -> None:
    batch(bureau, DAY)

    def child() -> None:
        fetch(DAY, "bureau", settings)

    context = multiprocessing.get_context("fork")
    children = [context.Process(target=child) for _ in range(2)]
    for process in children:
        process.start()
    for process in children:
        process.join(timeout=60)
    assert [process.exitcode for process in children] == [0, 0]
    assert len(files(settings)) == 3


def test_the_command_line_fetches_lands_and_corrects(
    bureau: Bureau, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.warehouse_url is not None
    monkeypatch.setenv("POSTLOAN_HOME", str(settings.home))
    monkeypatch.setenv("POSTLOAN_WAREHOUSE_URL", settings.warehouse_url.get_secret_value())
    load_settings.cache_clear()

    def typed(*words: str) -> str:
        return " ".join(CliRunner().invoke(app, list(words)).output.split())

    assert "the source of bureau has nothing of 2026-01-05 yet" in typed("fetch", "bureau", "2026-01-05")
    batch(bureau, DAY)
    assert "10 rows fetched. Next: postloan land 2026-01-05" in typed("fetch", "bureau", "2026-01-05")
    assert "fetch bureau: put 0" in typed("land", "2026-01-05", "--system", "bureau")
    assert "nothing to correct" in typed("fetch", "bureau", "2026-01-05")
    bureau.rows[f"/api/batches/{DAY}/reports"].pop()
    assert "a correction, first used by the run of 2026-01-06" in typed("fetch", "bureau", "2026-01-05")
    load_settings.cache_clear()


def test_nobody_fetches_from_a_system_whose_files_are_sent(bureau: Bureau, settings: Settings) -> None:
    with pytest.raises(RefusedError, match="nobody fetches from payments"):
        fetch(DAY, "payments", settings)
    assert fetch_or_go_on(DAY, "payments", settings) is None


def test_a_source_without_an_address_is_a_mistake_and_not_a_stale_source(
    bureau: Bureau, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSTLOAN_CONNECTION_BUREAU")
    with pytest.raises(PostloanError, match="nobody has said where the source 'bureau' is"):
        fetch_or_go_on(DAY, "bureau", settings)
    with connect(settings) as warehouse:
        assert warehouse.execute("select count(*) from ops.load_attempt").fetchone() == (0,)
