"""A source that names, codes and dates things its own way lands as ours; whatever it did not declare is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from include.cli import app
from include.errors import DeliveryError
from include.landing import mapping
from include.landing.check import _judge, check
from include.landing.chunk import Chunk, concat
from include.landing.contract import Column, Contract
from include.landing.decode import Drift, SourceFile, raw_rows, read_chunks
from include.landing.files import state_of
from include.landing.row_hash import row_hashes
from include.settings import CONTRACTS_DIR
from include.sources.measure import measured
from tests.support.good_rows import good_row
from tests.support.landing_checks import checked_rows

OURS = yaml.safe_load((CONTRACTS_DIR / "payments" / "repayment_transaction.yml").read_text(encoding="utf-8"))
MAPPING: dict[str, dict[str, Any]] = {
    "transaction_id": {"source_name": "交易流水号"},
    "loan_id": {"source_name": "借据 编号"},
    "value_date": {"source_name": "交易日期", "date_format": "YYYYMMDD"},
    "booking_date": {"source_name": "交易日期", "date_format": "YYYYMMDD"},
    "currency": {"constant": "CNY"},
    "amount": {"source_name": "金额"},
    "transaction_type": {"source_name": "类型", "codes": {"01": "REPAYMENT", "02": "REVERSAL"}},
    "reversal_of_transaction_id": {"source_name": "原流水号"},
    "method_code": {"absent": True},
    "is_derived": {"constant": "false"},
}
HEADER = "交易流水号,借据 编号,交易日期,金额,类型,原流水号"


def mapped(**changes: dict[str, Any]) -> Contract:
    columns = [column | MAPPING[column["name"]] | changes.get(column["name"], {}) for column in OURS["columns"]]
    return Contract.model_validate(OURS | {"columns": columns})


def read(path: Path, contract: Contract, encoding: str = "utf-8") -> Chunk:
    chunks = list(read_chunks(source_of(path, encoding), contract, Drift()))
    return concat(chunks)


def source_of(path: Path, encoding: str = "utf-8") -> SourceFile:
    return SourceFile(path, path.name, path.suffix[1:], False, encoding, 1, state_of(path))


def csv_file(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / "repayment_transaction.csv"
    path.write_bytes(("\n".join([header, *rows]) + "\n").encode(encoding))
    return path


def test_a_row_of_the_source_is_the_same_row_as_ours(tmp_path: Path) -> None:
    theirs = mapped()
    checked = check(read(csv_file(tmp_path, "T1,0007,20260105,100.00,01,"), theirs), theirs)
    assert checked.is_good.all()
    ours = Contract.model_validate(OURS)
    row = {
        "transaction_id": "T1", "loan_id": "0007", "value_date": "2026-01-05", "booking_date": "2026-01-05",
        "currency": "CNY", "amount": "100.00", "transaction_type": "REPAYMENT", "reversal_of_transaction_id": None,
        "method_code": None, "is_derived": "false",
    }  # fmt: skip
    expected = row_hashes(checked_rows(ours, [row]).canonical, ours)
    assert row_hashes(checked.canonical, theirs).tolist() == expected.tolist()


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_the_mapping_is_the_same_for_every_format(file_format: str, tmp_path: Path) -> None:
    row = {
        "交易流水号": "T1",
        "借据 编号": "0007",
        "交易日期": "20260105",
        "金额": "5.00",
        "类型": "02",
        "原流水号": "T0",
    }
    path = tmp_path / f"repayment_transaction.{file_format}"
    if file_format == "csv":
        csv_file(tmp_path, ",".join(row.values()))
    elif file_format == "jsonl":
        path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        pq.write_table(pa.table({name: [value] for name, value in row.items()}), path)
    chunk = read(path, mapped())
    assert {name: column[0].as_py() for name, column in chunk.columns.items()} == {
        "transaction_id": "T1", "loan_id": "0007", "value_date": "2026-01-05", "booking_date": "2026-01-05",
        "currency": "CNY", "amount": "5.00", "transaction_type": "REVERSAL", "reversal_of_transaction_id": "T0",
        "method_code": None, "is_derived": "false",
    }  # fmt: skip


def test_whole_numbers_of_parquet_may_be_codes_and_dates_and_a_float_may_not(tmp_path: Path) -> None:
    contract = mapped(transaction_type={"codes": {"1": "REPAYMENT"}})
    columns = {"交易流水号": ["T1"], "借据 编号": ["L1"], "金额": ["5.00"], "原流水号": pa.nulls(1, pa.string())}
    path = tmp_path / "repayment_transaction.parquet"
    pq.write_table(pa.table(columns | {"交易日期": [20260105], "类型": [1]}), path)
    assert check(read(path, contract), contract).is_good.all()
    pq.write_table(pa.table(columns | {"交易日期": [20260105.0], "类型": [1]}), path)
    with pytest.raises(DeliveryError, match="the column 交易日期 is double"):
        read(path, contract)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param("T1,L1,20260105,1.00,03,", ("unknown_code", "transaction_type", "类型: 01, 02"), id="a new code"),
        pytest.param(
            "T1,L1,20260105,1.00,REPAYMENT,", ("unknown_code", "transaction_type", "类型: 01, 02"), id="our own code"
        ),
        pytest.param("T1,L1,20260105,1.00, 01,", ("unknown_code", "transaction_type", "类型"), id="a blank"),
        pytest.param(
            "T1,L1,2026-01-05,1.00,01,", ("wrong_date_format", "value_date", "交易日期: YYYYMMDD"), id="an ISO date"
        ),
        pytest.param("T1,L1,260105,1.00,01,", ("wrong_date_format", "value_date", "交易日期"), id="a two-digit year"),
        pytest.param("T1,L1,20260105 ,1.00,01,", ("wrong_date_format", "value_date", "交易日期"), id="a blank after"),
        pytest.param("T1,L1,２０２６0105,1.00,01,", ("wrong_date_format", "value_date", "交易日期"), id="wide digits"),
        pytest.param("T1,L1,00000000,1.00,01,", ("no_such_date", "value_date", "交易日期"), id="zeros for no date"),
        pytest.param("T1,L1,20260230,1.00,01,", ("no_such_date", "value_date", "交易日期"), id="30 February"),
        pytest.param("T1,L1,18991231,1.00,01,", ("date_out_of_range", "value_date", "交易日期"), id="before 1900"),
        pytest.param("T1,L1,,1.00,01,", ("not_stated", "value_date", "交易日期"), id="no date"),
        pytest.param("T1,L1,20260105,1.0.0,01,", ("not_an_exact_decimal", "amount", "金额"), id="no amount"),
        pytest.param("T1,L1,20260105,-1.00,01,", ("rule_broken", "amount", "repayment_above_zero"), id="a broken rule"),
    ],
)
def test_what_the_source_did_not_declare_is_refused_in_its_own_words(
    row: str, reason: tuple[str, str, str], tmp_path: Path
) -> None:
    path = csv_file(tmp_path, "T0,L1,20260104,1.00,01,", row)
    contract = mapped()
    checked = check(read(path, contract), contract)
    assert checked.is_good.tolist() == [True, False]
    problem = checked.problems[checked.problem[1] - 1]
    assert (problem.code, problem.column) == reason[:2]
    assert reason[2] in problem.text
    assert raw_rows(source_of(path), [2])[2].text == row, "the quarantine keeps what was delivered"


def test_a_local_time_becomes_a_moment_by_the_offset_that_the_contract_declares(tmp_path: Path) -> None:
    ours = yaml.safe_load((CONTRACTS_DIR / "contact_center" / "contact_event.yml").read_text(encoding="utf-8"))
    stated = {"source_name": "开始时间", "date_format": "YYYY/MM/DD hh:mm:ss", "utc_offset": "+08:00"}
    columns = [
        column
        | (stated if column["name"] == "started_at" else {"constant": "x"} if column["name"] == "agent_id" else {})
        for column in ours["columns"]
    ]
    contract = Contract.model_validate(ours | {"columns": columns})
    names = contract.delivered_names
    values = {contract.column(name).delivered_as: value for name, value in good_row(contract).items()}
    path = tmp_path / "contact_event.csv"
    rows = [
        values | {"开始时间": text} for text in ("2026/01/05 08:00:00", "2026/01/05 08:00:00+08:00", "2026/1/5 8:00:00")
    ]
    lines = [",".join(names), *(",".join(row[name] or "" for name in names) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    checked = check(read(path, contract), contract)
    assert checked.is_good.tolist() == [True, False, False]
    assert checked.canonical["started_at"][0].as_py().startswith("2026-01-05T00:00:00")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", "0.180000"),
        ("18.25", "0.182500"),
        ("18.250000", "0.182500"),
        ("0", "0.000000"),
        ("7.5", "0.075000"),
        ("36.0000", "0.360000"),
        ("18.25001", None),
        ("1e1", None),
        ("18%", None),
        (" 18", None),
        ("NaN", None),
    ],
)
def test_a_rate_in_percent_becomes_a_fraction_to_the_last_digit_or_is_refused(text: str, value: str | None) -> None:
    column = Column(name="rate", type="decimal(9,6)", description="a rate", hundredths=True)
    values, _ = mapping._mapped(column, pa.array([text]))
    judged = _judge(column, values)
    assert (judged.canonical[0].as_py() if not judged.faults else None) == value


def test_a_lost_column_is_named_as_its_sender_knows_it(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "T1,L1,20260105,1.00,01,", header=HEADER.replace("金额", "交易金额"))
    with pytest.raises(DeliveryError, match="the column 金额 is missing; the header has: 交易流水号"):
        read(path, mapped())


def test_a_column_that_we_fill_ourselves_is_not_read_from_the_file(tmp_path: Path) -> None:
    drift = Drift()
    path = csv_file(tmp_path, "T1,L1,20260105,1.00,01,,USD", header=f"{HEADER},currency")
    (chunk,) = read_chunks(source_of(path), mapped(), drift)
    assert chunk.columns["currency"].to_pylist() == ["CNY"]
    assert drift.warnings == [
        "repayment_transaction.csv: columns that the contract does not state, not loaded: currency"
    ]


def test_gb18030_with_chinese_headers_is_read_like_any_other(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "流水㐀𠀀,借据一,20260105,1.00,01,", encoding="gb18030")
    chunk = read(path, mapped(), "gb18030")
    assert chunk.columns["transaction_id"].to_pylist() == ["流水㐀𠀀"]
    assert measured(path, mapped(), "gb18030").control_total == "1.00"


def test_rows_keep_their_marks_when_chunks_are_taken_apart_and_put_together(tmp_path: Path) -> None:
    rows = [f"T{number},L1,{'soon' if number % 3 == 0 else '20260105'},1.00,01," for number in range(9)]
    whole = read(csv_file(tmp_path, *rows), mapped())
    parts = [whole.take(whole.line_no <= 4), whole.take(whole.line_no > 4)]
    clean, last = whole.split(whole.line_no > 8)
    for chunk in (whole, concat(parts), concat([clean, last])):
        assert check(chunk, mapped()).is_good.tolist() == [number % 3 != 0 for number in range(9)]


@pytest.fixture
def lender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with this lender's contract."""
    from include.settings import load_settings

    folder = tmp_path / "contracts" / "payments"
    folder.mkdir(parents=True)
    columns = [{"name": name, **how} for name, how in MAPPING.items()]
    stated = {"system": "payments", "table": "repayment_transaction", "columns": columns}
    path = folder / "repayment_transaction.yml"
    path.write_text(yaml.safe_dump(stated, allow_unicode=True), encoding="utf-8")
    monkeypatch.setenv("POSTLOAN_CONTRACTS_DIR", str(folder.parent))
    monkeypatch.setenv("POSTLOAN_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    yield tmp_path
    load_settings.cache_clear()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def test_contract_check_says_who_delivers_what_and_names_every_mistake_at_once(lender: Path) -> None:
    code, said = run("contract", "check")
    assert code == 0
    assert "payments: daily, required, from files: repayment_transaction (yours)" in said
    assert "bureau: monthly, optional, from files: bureau_report, bureau_tradeline" in said
    path = lender / "contracts" / "payments" / "repayment_transaction.yml"
    stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    stated["columns"] = [column for column in stated["columns"] if column["name"] != "amount"]
    path.write_text(yaml.safe_dump(stated), encoding="utf-8")
    (lender / "contracts" / "workforce").mkdir()
    (lender / "contracts" / "workforce" / "system.yml").write_text("system: workforce\ncadence: hourly\n")
    code, said = run("contract", "check", str(lender / "contracts"))
    assert code == 1
    assert "the columns amount are missing" in said
    assert "workforce/system.yml cannot be used: cadence" in " ".join(said.split())


def test_a_constant_that_every_row_would_be_refused_for_is_found_by_the_check(lender: Path) -> None:
    path = lender / "contracts" / "payments" / "repayment_transaction.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("constant: CNY", "constant: yuan"), encoding="utf-8")
    code, said = run("contract", "check", str(lender / "contracts"))
    assert code == 1
    assert "the constant of currency" in said


def test_contract_try_counts_and_shows_bad_lines_masked_and_loads_nothing(lender: Path) -> None:
    path = csv_file(lender, "T1,L1,20260105,1.00,01,", "T2,张三,20260105,1.00,03,", "T1,L1,20260105,1.00,01,")
    code, said = run("contract", "try", "payments", str(path))
    assert code == 1
    assert "3 rows: 1 good, 1 bad, 1 exact duplicates; control total 3.00" in said
    assert "1 x 类型: the code is none of those that the contract states (类型: 01, 02)" in said
    assert "line 3: x9,某某,99999999,9.99,99," in said
    assert "张三" not in said
    good = csv_file(lender, "T1,L1,20260105,1.00,01,")
    assert run("contract", "try", "payments", str(good))[0] == 0
    assert not (lender / "home").exists()


def test_manifest_is_written_for_a_sender_who_cannot_and_says_what_landing_will_find(lender: Path) -> None:
    folder = lender / "home" / "landing" / "payments" / "2026-01-05"
    folder.mkdir(parents=True)
    csv_file(folder, "T1,L1,20260105,1.10,01,", "T2,L1,20260105,soon,01,", encoding="gb18030")
    code, said = run("manifest", "payments", "2026-01-05", "--encoding", "gb18030")
    assert code == 0
    assert "repayment_transaction.csv: 2 rows, control total 1.10" in said
    stated = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert stated["tables"][0]["encoding"] == "gb18030"
    assert run("manifest", "payments", "2026-01-05", "--encoding", "gb18030")[0] == 0, "again is the same"
    csv_file(folder, "T1,L1,20260105,1.10,01,", encoding="gb18030")
    code, said = run("manifest", "payments", "2026-01-05", "--encoding", "gb18030")
    assert code == 1
    assert "has a manifest already" in said


def test_manifest_names_files_that_nobody_claims_and_tables_without_a_file(lender: Path) -> None:
    folder = lender / "home" / "landing" / "payments" / "2026-01-05"
    folder.mkdir(parents=True)
    assert "holds no file of repayment_transaction" in run("manifest", "payments", "2026-01-05")[1]
    (folder / "还款.csv").write_text("x\n", encoding="utf-8")
    code, said = run("manifest", "payments", "2026-01-05")
    assert code == 1
    assert "还款.csv is claimed by no table" in said
    assert run("manifest", "payments", "2026-01-06")[0] == 1
