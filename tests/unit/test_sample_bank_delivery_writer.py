"""The delivery writer: what it puts into a folder is exactly what it was given, and the manifest comes last."""

import csv
import gzip
import hashlib
import json
from datetime import date
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from include.errors import DeliveryError
from include.landing.delivery_writer import remove_delivery, write_delivery

DAY = date(2026, 1, 5)
PAYMENTS = pd.DataFrame(
    {
        "transaction_id": ["0001", "0002", "0003"],
        "loan_id": ["007", "008", None],
        "value_date": [DAY, DAY, None],
        "amount": [Decimal("12.30"), Decimal("-4.00"), Decimal("0.07")],
        "method_code": ['代"扣', "a,b", None],
        "instalment_count": pd.array([1, None, 3], dtype="Int64"),
        "is_derived": [True, False, False],
    }
)


def read_back(manifest_path):
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    file = manifest["tables"][0]["files"][0]
    data = (manifest_path.parent / file["name"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == file["sha256"]
    return manifest, file, gzip.decompress(data) if file["name"].endswith(".gz") else data


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_csv_delivery_holds_exact_text_and_its_manifest_adds_up(tmp_path, encoding, compress):
    tables = {"repayment_transaction": PAYMENTS}
    path = write_delivery(tmp_path, "payments", DAY, tables, encoding=encoding, compress=compress)
    manifest, file, data = read_back(path)
    assert path == tmp_path / "payments" / "2026-01-05" / "manifest.json"
    assert (manifest["kind"], manifest["known_date"], manifest["replaces"]) == ("daily", None, "delivery")
    assert (file["row_count"], file["control_total"]) == (3, "8.37")
    rows = list(csv.DictReader(data.decode(encoding).splitlines()))
    assert list(rows[0].values()) == ["0001", "007", "2026-01-05", "12.30", '代"扣', "1", "true"]
    assert list(rows[2].values()) == ["0003", "", "", "0.07", "", "3", "false"]


def test_json_lines_keep_amounts_as_text_and_null_as_null(tmp_path):
    tables = {"repayment_transaction": PAYMENTS}
    _, file, data = read_back(write_delivery(tmp_path, "payments", DAY, tables, file_format="jsonl"))
    rows = [json.loads(line) for line in data.decode().splitlines()]
    assert file["control_total"] == "8.37"
    assert rows[1]["amount"] == "-4.00"
    assert rows[1]["instalment_count"] is None
    assert rows[0]["method_code"] == '代"扣'
    assert rows[2]["value_date"] is None


def test_parquet_keeps_the_exact_types(tmp_path):
    path = write_delivery(tmp_path, "payments", DAY, {"repayment_transaction": PAYMENTS}, file_format="parquet")
    rows = pa.parquet.read_table(path.parent / "repayment_transaction.parquet")
    assert rows.schema.field("amount").type == pa.decimal128(18, 2)
    assert rows.schema.field("value_date").type == pa.date32()
    assert rows.column("amount").to_pylist() == [Decimal("12.30"), Decimal("-4.00"), Decimal("0.07")]


def test_chunks_become_numbered_files_and_an_empty_table_still_has_its_header(tmp_path):
    tables = {"repayment_transaction": (PAYMENTS.iloc[[row]] for row in range(3)), "nothing": PAYMENTS.iloc[:0]}
    path = write_delivery(tmp_path, "payments", DAY, tables)
    listed = json.loads(path.read_text())["tables"]
    assert [file["name"][-8:] for file in listed[0]["files"]] == ["0001.csv", "0002.csv", "0003.csv"]
    assert listed[1]["files"][0]["row_count"] == 0
    assert (path.parent / "nothing.csv").read_text().startswith("transaction_id,loan_id")


def test_the_same_frames_give_the_same_bytes_again(tmp_path):
    tables = {"repayment_transaction": PAYMENTS}
    first = write_delivery(tmp_path / "a", "payments", DAY, tables, compress=True)
    second = write_delivery(tmp_path / "b", "payments", DAY, tables, compress=True)
    assert first.read_bytes() == second.read_bytes()
    packed = (first.parent / "repayment_transaction.csv.gz").read_bytes()
    assert packed[4:8] == bytes(4), "gzip's own time stamp"


def test_corrections_and_histories_lie_in_their_own_folders_and_survive_a_new_daily_delivery(tmp_path):
    tables = {"repayment_transaction": PAYMENTS}
    known = date(2026, 1, 9)
    correction = write_delivery(tmp_path, "payments", DAY, tables, kind="correction", known_date=known)
    history = write_delivery(tmp_path, "payments", DAY, tables, kind="history", from_date=date(2025, 1, 1))
    write_delivery(tmp_path, "payments", DAY, tables, file_format="jsonl")
    write_delivery(tmp_path, "payments", DAY, tables)
    assert correction.parent.name == "2026-01-09"
    assert history.parent.name == "history"
    assert sorted(path.name for path in correction.parent.parent.iterdir() if path.is_file()) == [
        "manifest.json",
        "repayment_transaction.csv",
    ]
    remove_delivery(correction.parent.parent)
    assert correction.exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param({"tables": {"t": pd.DataFrame({"amount": [0.1]})}}, "amount", id="floats are not money"),
        pytest.param({"tables": {"t": []}}, "not even an empty one", id="a table without a frame"),
        pytest.param({"kind": "correction"}, "known", id="a correction without its known date"),
        pytest.param({"kind": "history"}, "from_date", id="a history without its first date"),
        pytest.param({"encoding": "latin-1"}, "latin-1", id="an encoding that nobody agreed on"),
    ],
)
def test_the_writer_refuses_what_it_cannot_write_exactly(tmp_path, wrong, says):
    with pytest.raises(DeliveryError, match=says):
        write_delivery(tmp_path, "payments", DAY, **{"tables": {"t": PAYMENTS}, **wrong})


def test_text_that_is_no_amount_is_written_as_it_stands_and_adds_nothing_to_the_total(tmp_path):
    frame = pd.DataFrame({"transaction_id": ["1", "2", "3"], "amount": ["10.00", "1e3", "12.345"]})
    _, file, data = read_back(write_delivery(tmp_path, "payments", DAY, {"repayment_transaction": frame}))
    assert file["control_total"] == "10.00"
    assert data.decode().splitlines()[2:] == ["2,1e3", "3,12.345"]


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_a_table_that_begins_with_an_empty_piece_is_written_as_it_is(tmp_path, file_format):
    whole = pa.Table.from_pandas(PAYMENTS, preserve_index=False)
    in_pieces = pa.concat_tables([whole.slice(0, 0), whole.slice(0, 1), whole.slice(0, 0), whole.slice(1)])
    for number in range(20):
        tables = {"repayment_transaction": in_pieces}
        path = write_delivery(tmp_path / str(number), "payments", DAY, tables, file_format=file_format)
        plain = write_delivery(
            tmp_path / "whole", "payments", DAY, {"repayment_transaction": whole}, file_format=file_format
        )
        if file_format == "parquet":
            read = [pa.parquet.read_table(place.parent / "repayment_transaction.parquet") for place in (path, plain)]
            assert read[0].equals(read[1])
        else:
            assert path.read_bytes() == plain.read_bytes()
