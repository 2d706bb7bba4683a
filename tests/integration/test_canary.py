"""A whole day with five planted values: they are in the vault, and nowhere else."""

import gzip
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from include.daily import run_date
from include.errors import DeliveryError
from include.jobs.land import land
from include.landing.delivery_writer import write_delivery
from include.settings import Settings
from include.vault.erase import erase
from include.vault.reveal import reveal
from include.warehouse.connection import connect
from tests.conftest import TestServer
from tests.support.borrower_rows import borrower, borrowers, movement, movements
from tests.support.canary import (
    ACCOUNT,
    ADDRESS,
    CANARIES,
    IDENTITY,
    NAME,
    PHONE,
    Scan,
    scan_files,
    scan_tables,
    scan_texts,
)
from tests.support.landing_rows import query
from tests.support.small_bank import day, deliver_days

DAY = day(1)


@dataclass
class Day:
    """The day that was run, and everything that it said."""

    settings: Settings
    server: TestServer
    borrower_id: str
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def canary_day(server: TestServer, template_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    server.create_database("canary", template=template_warehouse)
    settings = server.settings_for("canary", tmp_path_factory.mktemp("canary"))
    deliver_days(settings.landing, 1, loans=20)
    lines = _Lines()
    logging.getLogger().addHandler(lines)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    try:
        land(DAY, "core_banking", settings)
        ((borrower_id,),) = query(settings, "select min(borrower_id) from raw.core_banking__loan_contract")
        one = Day(settings, server, borrower_id, lines.said)
        _refused_files(one)
        _good_and_quarantined(one)
        run_date(DAY, settings, one.said.append)
    finally:
        logging.getLogger().removeHandler(lines)
        logging.getLogger().setLevel(level)
    yield one
    server.drop_database("canary")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


def canary(borrower_id: str, **values: str | None) -> dict[str, str | None]:
    planted = {"full_name": NAME, "id_number": IDENTITY, "mobile_phone": PHONE, "home_address": ADDRESS}
    return borrower(borrower_id, **{**planted, "salary_account_number": ACCOUNT, "employer_name": NAME, **values})


def _refused_files(one: Day) -> None:
    """Deliveries that are refused whole; each says why, with file and line."""
    landing = one.settings.landing
    header, *cells = borrowers(canary(one.borrower_id)).to_csv(index=False).splitlines()
    spoilt = {
        "no header": "\n".join(cells * 2) + "\n",
        "a header that is data": cells[0] + "\n" + header + "\n",
        "doubled header": ",".join([PHONE, PHONE, *header.split(",")]) + "\n" + cells[0] + "\n",
        "not utf-8": (header + "\n" + cells[0] + "\n").encode("gb18030"),
        "semicolons": header.replace(",", ";") + "\n" + cells[0].replace(",", ";") + "\n",
        "another row count": header + "\n" + "\n".join(cells * 5) + "\n",
    }
    for what, content in spoilt.items():
        manifest = write_delivery(landing, "customer", DAY, {"borrower": borrowers(canary(one.borrower_id))})
        _replace_file(manifest, manifest.parent / "borrower.csv", content)
        with pytest.raises(DeliveryError) as refused:
            land(DAY, "customer", one.settings)
        one.said += [str(refused.value), repr(refused.value)]
        assert "not the file of its manifest" not in str(refused.value), what
    many = borrowers(*(canary(f"X{number}", birth_year=PHONE) for number in range(40)))
    for options in ({"file_format": "csv"}, {"file_format": "jsonl"}, {"file_format": "parquet"}):
        write_delivery(landing, "customer", DAY, {"borrower": many}, **options)
        with pytest.raises(DeliveryError, match=r"bad rows|another type") as refused:
            land(DAY, "customer", one.settings)
        one.said.append(str(refused.value))


def _replace_file(manifest: Path, path: Path, content: str | bytes) -> None:
    import hashlib

    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    document = json.loads(manifest.read_text(encoding="utf-8"))
    (stated,) = document["tables"][0]["files"]
    stated["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(document), encoding="utf-8")


def _good_and_quarantined(one: Day) -> None:
    """GB18030 and JSON lines, with rows that are quarantined for every kind of fault."""
    landing = one.settings.landing
    rows = borrowers(
        canary(one.borrower_id),
        canary("C2", mobile_phone=f"{PHONE}x"),
        canary("C3", birth_year=PHONE),
        canary("C4", region_code=f" {ADDRESS}"),
        canary("C5", preferred_channel_code=NAME),
        canary("C6", timezone=ADDRESS),
    )
    manifest = write_delivery(landing, "customer", DAY, {"borrower": rows}, encoding="gb18030")
    path = manifest.parent / "borrower.csv"
    lines = path.read_bytes().decode("gb18030").splitlines()
    lines[-1] = f"{NAME},{PHONE},{lines[-1]}"  # two cells too many, before all others
    lines[-2] = f"{IDENTITY},{lines[-2].split(',', 2)[2]}"  # one too few
    _replace_file(manifest, path, ("\n".join(lines) + "\n").encode("gb18030"))
    moved = movements(
        movement("M1", borrower_id=one.borrower_id, account_number=ACCOUNT, counterparty_account_number=ACCOUNT),
        movement("M2", borrower_id="C2", account_number=ACCOUNT, amount=PHONE + ".x"),
        movement("M3", borrower_id="C2", account_number=ACCOUNT, booking_date=IDENTITY),
        movement("M4", borrower_id="C2", account_number=ACCOUNT),
    )
    manifest = write_delivery(landing, "accounts", DAY, {"account_transaction": moved}, file_format="jsonl")
    path = manifest.parent / "account_transaction.jsonl"
    text = path.read_text(encoding="utf-8").splitlines()
    text[-1] = f'{{"account_number": "{ACCOUNT}", "account_number": "{PHONE}", broken'
    _replace_file(manifest, path, "\n".join(text) + "\n")
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["tables"][0]["files"][0]["control_total"] = "24000.00"
    manifest.write_text(json.dumps(document), encoding="utf-8")


def scanned(one: Day) -> Scan:
    scan = Scan()
    with connect(one.settings, role=None) as connection:
        scan_tables(scan, connection, but=["vault"])
    scan_files(scan, one.settings.home, but=[one.settings.landing])
    scan_files(scan, one.server.settings.home / "logs")
    scan_texts(scan, one.said, "said")
    return scan


def test_what_was_planted_is_in_the_vault_and_nowhere_else(canary_day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    scan = scanned(canary_day)
    with capsys.disabled():
        sys.stdout.write(f"\ncanary scan: {scan}\n")
    assert not scan.hits, "\n".join(scan.hits)
    assert scan.tables > 60
    assert scan.files > 20
    assert scan.texts > 50


def test_the_day_was_a_whole_one_and_the_values_are_in_the_vault(canary_day: Day) -> None:
    settings = canary_day.settings
    assert query(settings, "select count(*) > 0 from published.loan_position") == [(True,)]
    assert query(settings, "select reason_code from quarantine.rows order by 1") != []
    tokens = query(
        settings,
        "select full_name_token, id_number_token, mobile_phone_token, home_address_token, salary_account_number_token "
        "from raw.customer__borrower where borrower_id = %s",
        canary_day.borrower_id,
    )[0]
    reason = "the canary test looks once"
    assert [reveal(settings, token, actor="test", reason=reason) for token in tokens] == list(CANARIES.values())
    texts = query(settings, "select count(*) from vault.quarantine_text where raw_text like %s", f"%{PHONE}%")
    assert texts[0][0] >= 5


def test_the_scan_finds_a_leak_wherever_one_is_planted(canary_day: Day) -> None:
    settings = canary_day.settings
    leak = settings.exports / "leak.csv.gz"
    with connect(settings, role="postloan_owner", autocommit=True) as connection:
        connection.execute("insert into ops.load_attempt (system, business_date, outcome, detail) "
            "values ('x', %s, 'x', %s)",
                           (DAY, f"row of {NAME}"))  # fmt: skip
        leak.write_bytes(gzip.compress(json.dumps({"phone": PHONE, "name": NAME}).encode()))
        try:
            found = scanned(canary_day).hits
        finally:
            leak.unlink()
            connection.execute("delete from ops.load_attempt where system = 'x'")
    assert sorted(found) == sorted(["table ops.load_attempt: name", f"file {leak}: phone", f"file {leak}: name"])


def test_once_forgotten_the_canary_is_not_even_in_the_vault_or_a_delivered_file(canary_day: Day) -> None:
    settings = canary_day.settings
    erase(settings, canary_day.borrower_id, reason="asked for it in writing", actor="Li", approver="Wang")
    scan = Scan()
    with connect(settings, role=None) as connection:
        scan_tables(scan, connection)
    scan_files(scan, settings.home)
    left = {hit for hit in scan.hits if "quarantine_text" not in hit and "quarantine_fix" not in hit}
    assert left == set()
