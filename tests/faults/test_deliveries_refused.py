"""Bad deliveries as they really come: refused as a whole, with the place and the next command, or row by row."""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from include.errors import DeliveryError
from include.jobs.land import land
from include.landing.decode import read_chunks
from include.landing.delivery_writer import write_delivery
from include.settings import Settings
from tests.support.landing_rows import payment, payments, query

DAY = date(2026, 1, 5)
ROWS = 1000
TABLES = (
    "raw.payments__repayment_transaction",
    "raw.payments__repayment_transaction__superseded",
    "ops.load_batch",
    "ops.load_file",
    "quarantine.rows",
    "vault.quarantine_text",
)


def deliver(settings: Settings, *, bad: int = 0, rows: int = ROWS, **options: object) -> Path:
    """A delivery of which the first ``bad`` rows cannot be read; returns the path of its manifest."""
    content = [payment(f"T{number:05d}", amount="soon" if number < bad else "10.00") for number in range(rows)]
    return write_delivery(settings.landing, "payments", DAY, {"repayment_transaction": payments(*content)}, **options)


def data_file(manifest: Path) -> Path:
    return next(path for path in manifest.parent.iterdir() if path.name.startswith("repayment_transaction"))


def restate(manifest: Path, **values: object) -> None:
    """Let the manifest say something else of its file."""
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    stated["tables"][0]["files"][0] |= values
    manifest.write_text(json.dumps(stated), encoding="utf-8")


def rewrite(manifest: Path, change: Callable[[bytes], bytes], **values: object) -> None:
    """Change the file's bytes and let the manifest state their digest: the source itself sent this."""
    path = data_file(manifest)
    path.write_bytes(change(path.read_bytes()))
    restate(manifest, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), **values)


def refused(settings: Settings) -> str:
    """The error of landing; asserts that nothing of the delivery is in the warehouse and a next command is named."""
    with pytest.raises(DeliveryError) as error:
        land(DAY, "payments", settings)
    for table in TABLES:
        assert query(settings, f"select count(*) from {table}") == [(0,)], table
    assert error.value.next_command
    return str(error.value)


def test_a_file_that_is_not_the_one_of_its_manifest_is_refused(settings: Settings) -> None:
    manifest = deliver(settings)
    with data_file(manifest).open("ab") as file:
        file.write(b"T9,")  # somebody is still writing
    assert "still being written" in refused(settings)


def test_a_file_that_somebody_writes_to_while_it_is_landed_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data_file(deliver(settings))

    def write_between(*arguments: object) -> object:
        with path.open("ab") as file:
            file.write(b"\n")
        return read_chunks(*arguments)

    monkeypatch.setattr("include.landing.passes.read_chunks", write_between)
    assert "was changed while it was being landed" in refused(settings)


def test_a_file_cut_off_after_its_manifest_was_made_is_refused(settings: Settings) -> None:
    manifest = deliver(settings)
    data_file(manifest).write_bytes(data_file(manifest).read_bytes()[:-37])
    assert "cut off" in refused(settings)


def test_a_file_cut_off_by_the_source_is_refused_by_its_row_count(settings: Settings) -> None:
    manifest = deliver(settings)
    rewrite(manifest, lambda data: data[: data.rfind(b"\n", 0, -1) + 1])
    assert "holds 999 rows, its manifest says 1000" in refused(settings)


def test_a_file_cut_off_inside_its_last_row_is_refused_by_its_total(settings: Settings) -> None:
    manifest = deliver(settings)
    rewrite(manifest, lambda data: data[: data.rfind(b"10.00") + 1])
    assert "the sum of amount is 9991.00, its manifest says 10000.00" in refused(settings)


def test_a_missing_line_end_at_the_end_of_a_file_is_no_fault(settings: Settings) -> None:
    manifest = deliver(settings)
    rewrite(manifest, lambda data: data.removesuffix(b"\n"))
    assert land(DAY, "payments", settings).batches[0].rows_loaded == ROWS


@pytest.mark.parametrize("by", [-1, 1])
def test_a_row_count_that_is_off_by_one_refuses_the_delivery(by: int, settings: Settings) -> None:
    restate(deliver(settings), row_count=ROWS + by)
    assert f"holds 1000 rows, its manifest says {ROWS + by}" in refused(settings)


def test_a_control_total_that_is_off_by_one_cent_refuses_the_delivery(settings: Settings) -> None:
    restate(deliver(settings), control_total="10000.01")
    assert "the sum of amount is 10000.00, its manifest says 10000.01" in refused(settings)


def test_the_row_count_of_each_of_several_files_is_checked(settings: Settings) -> None:
    chunks = (payments(*(payment(f"T{file}{number}") for number in range(5))) for file in range(3))
    manifest = write_delivery(settings.landing, "payments", DAY, {"repayment_transaction": chunks})
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    stated["tables"][0]["files"][1]["row_count"] = 4
    manifest.write_text(json.dumps(stated), encoding="utf-8")
    assert "repayment_transaction-0002.csv holds 5 rows, its manifest says 4" in refused(settings)
    stated["tables"][0]["files"][1]["row_count"] = 5
    manifest.write_text(json.dumps(stated), encoding="utf-8")
    land(DAY, "payments", settings)
    assert query(settings, "select file_name, first_line_no from ops.load_file order by 1") == [
        ("repayment_transaction-0001.csv", 1),
        ("repayment_transaction-0002.csv", 6),
        ("repayment_transaction-0003.csv", 11),
    ]


@pytest.mark.parametrize("bad", [pytest.param(1, id="0.1 percent"), pytest.param(20, id="2 percent")])
def test_a_few_poisoned_rows_go_to_quarantine_and_the_rest_is_loaded(bad: int, settings: Settings) -> None:
    deliver(settings, bad=bad)
    batch = land(DAY, "payments", settings).batches[0]
    assert (batch.rows_loaded, batch.rows_quarantined) == (ROWS - bad, bad)
    assert query(settings, "select distinct reason_code, column_name from quarantine.rows") == [
        ("not_an_exact_decimal", "amount")
    ]
    totals = query(settings, "select control_total_in, control_total_loaded from ops.load_batch")[0]
    assert totals[0] == totals[1] == (ROWS - bad) * 10


@pytest.mark.parametrize("bad", [pytest.param(50, id="5 percent"), pytest.param(500, id="50 percent")])
def test_too_many_poisoned_rows_refuse_the_delivery_and_the_first_are_named(bad: int, settings: Settings) -> None:
    deliver(settings, bad=bad)
    message = refused(settings)
    assert f"{bad} bad rows and more, of 1000; at most 20" in message
    assert "repayment_transaction.csv line 2 column amount: not a plain decimal" in message
    assert "repayment_transaction.csv line 6 column amount" in message


def test_a_small_delivery_may_lose_ten_rows_and_not_eleven(settings: Settings) -> None:
    deliver(settings, bad=11, rows=15)
    assert "at most 10" in refused(settings)
    deliver(settings, bad=10, rows=15)
    assert land(DAY, "payments", settings).batches[0].rows_quarantined == 10


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(lambda data: data.replace(b",amount,", b",value,", 1), "amount is missing", id="renamed column"),
        pytest.param(lambda data: data.replace(b",amount,", b",currency,", 1), "names currency twice", id="doubled"),
        pytest.param(lambda data: data.replace(b",", b";"), "separated by semicolons", id="another separator"),
        pytest.param(lambda data: data.decode().encode("utf-16"), "byte 0 cannot be read", id="UTF-16"),
        pytest.param(lambda data: b"", "the file is empty", id="no bytes at all"),
    ],
)
def test_breaking_drift_refuses_the_delivery_as_a_whole(
    change: Callable[[bytes], bytes], complaint: str, settings: Settings
) -> None:
    rewrite(deliver(settings), change)
    assert complaint in refused(settings)


def test_a_retyped_column_refuses_the_delivery(settings: Settings) -> None:
    rewrite(deliver(settings), lambda data: data.replace(b"2026-01-05", b"05/01/2026"))
    message = refused(settings)
    assert "at most 20 may be put in quarantine" in message
    assert "column value_date: not a date written as YYYY-MM-DD" in message


def test_a_retyped_column_refuses_also_a_delivery_of_few_rows(settings: Settings) -> None:
    rewrite(deliver(settings, rows=4), lambda data: data.replace(b"2026-01-05", b"05/01/2026"))
    assert "the column value_date has another type" in refused(settings)


def test_a_gzip_bomb_is_refused(settings: Settings) -> None:
    rewrite(deliver(settings, compress=True), lambda data: gzip.compress(b"0" * 60_000_000))
    assert "gzip bomb" in refused(settings)


def test_a_wrong_encoding_is_refused_with_its_byte(settings: Settings) -> None:
    content = payments(payment("T1", method_code="银行"))
    manifest = write_delivery(settings.landing, "payments", DAY, {"repayment_transaction": content}, encoding="gb18030")
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("gb18030", "utf-8"), encoding="utf-8")
    offset = data_file(manifest).read_bytes().index("银行".encode("gb18030"))
    assert f"is not utf-8 as its manifest says: byte {offset} " in refused(settings)


def test_a_table_that_nobody_knows_refuses_the_delivery(settings: Settings) -> None:
    manifest = deliver(settings)
    stated = json.loads(manifest.read_text(encoding="utf-8"))
    extra = {"table": "cash_flow", "files": [{**stated["tables"][0]["files"][0], "name": "cash_flow.csv"}]}
    stated["tables"].append(extra)
    manifest.write_text(json.dumps(stated), encoding="utf-8")
    assert "no contract states cash_flow" in refused(settings)


def test_a_listed_file_that_is_not_there_refuses_the_delivery(settings: Settings) -> None:
    data_file(deliver(settings)).unlink()
    assert "is listed in its manifest and is not there" in refused(settings)


def test_a_nul_character_and_a_huge_cell_are_refused_rows_and_their_text_is_kept(settings: Settings) -> None:
    manifest = deliver(settings)

    def spoil(data: bytes) -> bytes:
        lines = data.split(b"\n")
        lines[3] = lines[3].replace(b"BANK", b"BA\x00K")
        lines[5] = lines[5].replace(b"BANK", b"x" * 10_000_000)
        return b"\n".join(lines)

    rewrite(manifest, spoil)
    assert land(DAY, "payments", settings).batches[0].rows_quarantined == 2
    rows = query(
        settings,
        "select file_line_no, reason_code, column_name, length(masked_text), length(raw_text) "
        "from quarantine.rows join vault.quarantine_text using (batch_id, line_no) order by 1",
    )
    assert [row[:3] for row in rows] == [(4, "control_character", "method_code"), (6, "too_long", "method_code")]
    assert rows[1][3] == 500
    assert rows[1][4] > 10_000_000


def test_rows_with_a_cell_too_many_go_to_quarantine_with_their_line(settings: Settings) -> None:
    rewrite(deliver(settings), lambda data: data.replace(b"T00007,", b"T00007,,", 1), control_total="9990.00")
    batch = land(DAY, "payments", settings).batches[0]
    assert (batch.rows_loaded, batch.rows_quarantined) == (ROWS - 1, 1)
    assert query(settings, "select file_line_no, reason_code, masked_text from quarantine.rows") == [
        (9, "wrong_number_of_cells", "x99999,,x9,9999-99-99,9999-99-99,xxx,99.99,xxxxxxxxx,,xxxx,xxxxx")
    ]


def test_a_refused_delivery_that_is_delivered_again_in_order_is_landed(settings: Settings) -> None:
    deliver(settings, bad=500)
    refused(settings)
    deliver(settings)
    assert land(DAY, "payments", settings).batches[0].rows_loaded == ROWS
    assert query(settings, "select outcome, detail is null from ops.load_attempt order by attempt_number") == [
        ("REFUSED", False),
        ("LANDED", True),
    ]
