"""The bureau's API as a source: it fails, throttles, repeats and truncates; every page comes once, or nothing lands."""

import json
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.errors import DeliveryError, PostloanError, SourceError
from include.landing.contract import contracts_of, load_systems
from include.landing.contract_source import HttpApi
from include.settings import CONTRACTS_DIR
from include.sources import http_api
from include.sources.connection import SourceConnection, from_environment
from include.sources.http_api import HttpFetch
from tests.support.bureau_api import TOKEN, Answer, Bureau, bureau_api, page_of
from tests.support.source_systems import lender

DAY = date(2026, 1, 5)
REPORTS = "/api/batches/2026-01-05/reports"
SIZE = 3


def report(number: int, **changed: Any) -> dict[str, Any]:
    """One pull as the bureau writes it; the debt is a JSON number on purpose."""
    return {
        "pull_id": f"P{number}",
        "borrower_id": f"B{number}",
        "pull_date": "2026-01-05",
        "bureau_code": "PBOC",
        "consent_id": "C1",
        "inquiry_purpose_code": "POST_LOAN",
        "bureau_score": 640,
        "currency": "CNY",
        "total_debt_amount": 1234.50,
        "unsecured_debt_amount": None,
        "credit_limit_amount": None,
        "credit_used_amount": None,
        "open_lender_count": 2,
        "inquiry_30d_count": 0,
        "inquiry_90d_count": 1,
    } | changed


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    source = {"kind": "http_api", "connection": "bureau", "page_size": SIZE, "attempts": 3, "timeout_seconds": 0.5}
    tables = {}
    for table, path in (("bureau_report", "reports"), ("bureau_tradeline", "tradelines")):
        ours = yaml.safe_load((CONTRACTS_DIR / "bureau" / f"{table}.yml").read_text(encoding="utf-8"))
        columns = [{"name": column["name"]} for column in ours["columns"]]
        tables[table] = {"columns": columns, "source": {"path": f"/batches/{{business_date}}/{path}"}}
    with lender(tmp_path_factory.mktemp("contracts"), "bureau", source, **tables):
        yield


@pytest.fixture
def bureau(contracts: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bureau]:
    monkeypatch.setattr(http_api, "FIRST_WAIT_SECONDS", 0.01)
    with bureau_api() as api:
        monkeypatch.setenv("POSTLOAN_CONNECTION_BUREAU", api.url)
        api.rows[REPORTS] = [report(number) for number in range(8)]
        yield api


def source() -> HttpApi:
    stated = load_systems()["bureau"].source
    assert isinstance(stated, HttpApi)
    return stated


def fetched(folder: Path, connection: SourceConnection | None = None) -> list[dict[str, Any]] | None:
    """The rows of the reports of the day; None when there is no batch."""
    path = folder / "bureau_report.jsonl"
    with HttpFetch(source(), "bureau", connection or from_environment("bureau"), DAY.isoformat()) as api:
        if not api.fetch(contracts_of("bureau")["bureau_report"], path):
            assert not path.exists()
            return None
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def refused(folder: Path) -> str:
    with pytest.raises(SourceError) as error:
        fetched(folder)
    assert error.value.next_command == "postloan fetch bureau 2026-01-05"
    assert "Nothing of the date was landed" in error.value.what
    return error.value.what


def test_every_page_is_read_once_and_numbers_stay_as_they_were_written(bureau: Bureau, tmp_path: Path) -> None:
    rows = fetched(tmp_path)
    assert rows is not None
    assert [row["pull_id"] for row in rows] == [f"P{number}" for number in range(8)]
    assert rows[0]["total_debt_amount"] == "1234.5", "the digits that were sent, never a float"
    assert bureau.asked == [(REPORTS, 1), (REPORTS, 2), (REPORTS, 3)]


def test_a_number_that_a_float_would_change_is_kept(bureau: Bureau, tmp_path: Path) -> None:
    def exact(page: int, times: int, usual: Answer) -> Answer:
        return 200, {}, usual[2].replace(b"1234.5", b"9999999999999999.99")

    bureau.faults.append(exact)
    rows = fetched(tmp_path)
    assert rows is not None
    assert rows[7]["total_debt_amount"] == "9999999999999999.99"


def test_a_date_without_a_batch_is_no_error(bureau: Bureau, tmp_path: Path) -> None:
    bureau.rows.clear()
    assert fetched(tmp_path) is None


def test_an_empty_batch_is_an_empty_table(bureau: Bureau, tmp_path: Path) -> None:
    bureau.rows[REPORTS] = []
    assert fetched(tmp_path) == []


def _status(code: int, **headers: str) -> Answer:
    return code, {name.replace("_", "-"): value for name, value in headers.items()}, b"{}"


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(_status(500), id="it fails"),
        pytest.param(_status(503), id="it is down for a moment"),
        pytest.param(_status(429, Retry_After="0"), id="it is throttled"),
        pytest.param((0, {}, b""), id="the connection breaks"),
        pytest.param((200, {"Hang": "1"}, b"{}"), id="it takes too long"),
        pytest.param((200, {"Cut": "40"}, page_of([report(0)], 1, SIZE)[2]), id="the answer is cut off"),
        pytest.param((200, {}, b'{"page": 2, "items": [{"pull_'), id="the JSON ends in the middle"),
        pytest.param((200, {}, b"<html>please log in</html>"), id="a proxy answers"),
        pytest.param((200, {}, b'{"page": 2, "page": 2}'), id="a member is there twice"),
    ],
)
def test_trouble_that_passes_is_waited_out(trouble: Answer, bureau: Bureau, tmp_path: Path) -> None:
    bureau.faults.append(lambda page, times, _: trouble if page == 2 and times == 0 else None)
    rows = fetched(tmp_path)
    assert rows is not None
    assert len(rows) == 8
    assert bureau.asked.count((REPORTS, 2)) == 2


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        pytest.param(_status(500), "status 500, 3 times", id="it keeps failing"),
        pytest.param(_status(418), "status 418", id="it says what nobody understands"),
        pytest.param((0, {}, b""), "the connection broke", id="it keeps hanging up"),
        pytest.param((200, {}, b'{"items": ['), "cut off", id="it keeps being cut off"),
        pytest.param(_status(404), "page 2: it does not exist, after 3 of 8 rows", id="a page is missing"),
        pytest.param(page_of([], 2, SIZE, total_count=8), "empty, after 3 of 8 rows", id="a page is empty"),
        pytest.param(
            page_of([report(n) for n in range(8)], 2, SIZE, total_count=9), "counts 9 rows", id="the total changes"
        ),
        pytest.param(page_of([report(n) for n in range(8)], 1, SIZE), "answered with page 1", id="a page is repeated"),
        pytest.param(
            page_of([report(n) for n in range(8)], 1, SIZE, page=2), "repeats page 1", id="and calls itself another"
        ),
        pytest.param(
            page_of([report(n) for n in range(-1, 7)], 2, SIZE),
            "page 2: it holds a row that page 1 held already",
            id="rows move to the next page while we read",
        ),
        pytest.param(
            page_of([report(n) for n in range(9)], 2, 6, total_count=8, items=[report(n) for n in range(3, 12)]),
            "brings the rows to 12, the API counts 8",
            id="there are more rows than it says",
        ),
        pytest.param((200, {}, b'{"page": 2, "rows": []}'), "no list items", id="it is another API now"),
        pytest.param(page_of([report(0)], 2, SIZE, total_count=8, items=["P9"]), "no JSON object", id="no rows at all"),
    ],
)
def test_what_does_not_add_up_is_refused_as_a_whole(trouble: Answer, why: str, bureau: Bureau, tmp_path: Path) -> None:
    bureau.faults.append(lambda page, times, _: trouble if page == 2 else None)
    message = refused(tmp_path)
    assert why in message
    assert "page 2" in message


def test_the_api_says_how_long_to_wait_and_is_obeyed(
    bureau: Bureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    bureau.faults.append(lambda page, times, _: _status(429, Retry_After="7") if times == 0 else None)
    assert fetched(tmp_path) is not None
    assert slept == [7.0, 7.0, 7.0]


def test_waits_grow_and_never_exceed_a_minute(bureau: Bureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    monkeypatch.setattr(http_api, "FIRST_WAIT_SECONDS", 40.0)
    bureau.faults.append(lambda page, times, _: _status(503))
    refused(tmp_path)
    assert slept == [40.0, 60.0]


def test_a_token_that_is_refused_is_not_tried_again(
    bureau: Bureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTLOAN_CONNECTION_BUREAU", bureau.url.replace(TOKEN, "old-token"))
    with pytest.raises(DeliveryError, match="refuses our token"):
        fetched(tmp_path)
    assert len(bureau.asked) == 1


def test_a_token_is_never_sent_in_the_clear_to_another_machine(
    bureau: Bureau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTLOAN_CONNECTION_BUREAU", f"http://:{TOKEN}@bureau.example/api")
    with pytest.raises(PostloanError, match="is not https") as refused:
        fetched(tmp_path)
    assert TOKEN not in str(refused.value)


def test_a_token_does_not_follow_the_api_to_another_host(bureau: Bureau, tmp_path: Path) -> None:
    bureau.faults.append(lambda *_: _status(302, Location="http://127.0.0.1:1/elsewhere"))
    assert "status 302" in refused(tmp_path)


def test_the_token_stands_in_no_log_and_no_error(
    bureau: Bureau, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bureau.faults.append(lambda page, times, _: _status(500) if page == 2 else None)
    message = refused(tmp_path)
    connection = from_environment("bureau")
    assert "asking again" in caplog.text
    assert TOKEN not in f"{caplog.text} {message} {connection!r}"
