"""The same rows are the same rows in every format and encoding; what is broken is refused and says where."""

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import DeliveryError
from include.landing import records as records_module
from include.landing.chunk import Chunk, concat
from include.landing.contract import contracts_of
from include.landing.decode import Drift, SourceFile, raw_rows, read_chunks
from include.landing.files import state_of
from include.landing.prepare import prepare
from include.landing.records import read_records
from tests.support.landing_rows import LOAN, PAYMENT, loan, payment

TRANSACTION = contracts_of("payments")["repayment_transaction"]
LOAN_CONTRACT = contracts_of("core_banking")["loan_contract"]
HEADER = ",".join(PAYMENT)
ROW = "T1,L1,2026-01-05,2026-01-05,CNY,100.00,REPAYMENT,,BANK,false"
EMPTY_IN_QUOTES = ROW.replace(",,", ',"",')
AWKWARD = ROW.replace("BANK", '"a,""b""\nc"')


def source(path: Path, encoding: str = "utf-8") -> SourceFile:
    file_format = path.name.removesuffix(".gz").rsplit(".", 1)[1]
    return SourceFile(path, path.name, file_format, path.suffix == ".gz", encoding, 1, state_of(path))


def read(path: Path, encoding: str = "utf-8", contract=TRANSACTION) -> Chunk:
    return concat(list(read_chunks(source(path, encoding), contract, Drift())))


def csv_file(folder: Path, content: bytes | str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def ids(chunk: Chunk) -> list[str | None]:
    return chunk.columns["transaction_id"].to_pylist()


def json_lines(rows: list[dict]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def parquet(path: Path, rows: list[dict]) -> Path:
    table = pa.table(
        {
            name: pa.array(
                [
                    None
                    if row[name] is None
                    else Decimal(row[name])
                    if name.endswith(("_amount", "_rate")) or name == "amount"
                    else date.fromisoformat(row[name])
                    if name.endswith("_date")
                    else int(row[name])
                    if name == "instalment_count"
                    else row[name] == "true"
                    if name == "is_derived"
                    else row[name]
                    for row in rows
                ]
            )
            for name in rows[0]
        }
    )
    pq.write_table(table, path)
    return path


def as_csv(rows: list[dict]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(value or "" for value in row.values()) for row in rows)]) + "\n"


def _json_value(name: str, value: str | None) -> object:
    if name == "is_derived":
        return value == "true"
    return int(value) if name == "instalment_count" and value else value


@pytest.mark.parametrize(
    ("contract", "rows"),
    [
        (TRANSACTION, [PAYMENT, payment("T2", amount="0.10", method_code=None)]),
        (LOAN_CONTRACT, [LOAN, loan("借-2", instalment_count=None, annual_interest_rate=None, branch_code=None)]),
    ],
)
def test_the_same_rows_have_the_same_hashes_in_every_format(contract, rows, tmp_path: Path) -> None:
    numbers = [{name: _json_value(name, value) for name, value in row.items()} for row in rows]
    files = [
        csv_file(tmp_path, as_csv(rows), "t.csv"),
        csv_file(tmp_path, json_lines(rows), "t.jsonl"),
        csv_file(tmp_path, json_lines(numbers), "t-1.jsonl"),
        parquet(tmp_path / "t.parquet", rows),
    ]
    for path in list(files):
        files.append(tmp_path / f"{path.name}.gz")
        files[-1].write_bytes(gzip.compress(path.read_bytes()))
    hashes = {}
    for path in files:
        prepared = prepare(read(path, contract=contract), contract)
        assert prepared.is_loadable.all(), path.name
        hashes[path.name] = prepared.hashes.tobytes()
    gb = csv_file(tmp_path, as_csv(rows).encode("gb18030"), "t-gb.csv")
    hashes["gb18030"] = prepare(read(gb, "gb18030", contract), contract).hashes.tobytes()
    assert len(set(hashes.values())) == 1, hashes


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{HEADER}\n{ROW}\n", id="as usual"),
        pytest.param(f"{HEADER}\n{ROW}", id="no line end at the end"),
        pytest.param(f"\ufeff{HEADER}\n{ROW}\n", id="byte order mark: the first column is not lost"),
        pytest.param(f"{HEADER}\r\n{ROW}\r\n", id="CRLF"),
        pytest.param(f"{HEADER}\r\n{ROW}", id="CRLF, no line end at the end"),
        pytest.param(f"{HEADER}\n\n{ROW}\n\n\n", id="empty lines"),
        pytest.param(f"{HEADER}\r\n\r\n{ROW}\r\n", id="empty CRLF lines"),
        pytest.param(f'{HEADER}\n"T1","L1",{ROW[6:]}\n', id="quotes that nobody needs"),
        pytest.param(f"{HEADER}\n{EMPTY_IN_QUOTES}\n", id="an empty value in quotes"),
    ],
)
def test_a_csv_file_is_read_however_it_was_written(content: str, tmp_path: Path) -> None:
    chunk = read(csv_file(tmp_path, content))
    assert {name: column.to_pylist() for name, column in chunk.columns.items()} == {
        name: [value] for name, value in PAYMENT.items()
    }


def test_a_value_with_comma_quote_and_line_break_stays_one_value(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{HEADER}\n{AWKWARD}\nT2{ROW[2:]}\n")
    chunk = read(path)
    assert chunk.columns["method_code"].to_pylist() == ['a,"b"\nc', "BANK"]
    assert raw_rows(source(path), [2])[2].file_line_no == 4


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinese_of_two_and_four_bytes_is_read_in_both_encodings(encoding: str, tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{HEADER}\n{ROW.replace('BANK', '银行㐀𠀀')}\n".encode(encoding))
    assert read(path, encoding).columns["method_code"].to_pylist() == ["银行㐀𠀀"]


def test_a_character_may_lie_across_two_blocks_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.landing.files.BLOCK_BYTES", 7)
    for encoding in ("utf-8", "gb18030"):
        path = csv_file(tmp_path, f"{HEADER}\n{ROW.replace('BANK', '银㐀行' * 9)}\n".encode(encoding))
        assert read(path, encoding).columns["method_code"].to_pylist() == ["银㐀行" * 9]


@pytest.mark.parametrize(
    ("written", "declared", "offset"),
    [
        pytest.param("gb18030", "utf-8", len(HEADER) + 1 + ROW.index("BANK"), id="GB18030 said to be UTF-8"),
        pytest.param("utf-16", "utf-8", 0, id="UTF-16 said to be UTF-8"),
        pytest.param("utf-16", "gb18030", 0, id="UTF-16 said to be GB18030"),
    ],
)
def test_a_wrong_encoding_is_refused_with_the_byte_where_it_shows(
    written: str, declared: str, offset: int, tmp_path: Path
) -> None:
    path = csv_file(tmp_path, f"{HEADER}\n{ROW.replace('BANK', '银行')}\n".encode(written))
    with pytest.raises(DeliveryError, match=f"is not {declared} as its manifest says: byte {offset} "):
        read(path, declared)


def test_the_byte_is_named_also_far_into_a_file_and_in_a_file_cut_inside_a_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.landing.files.BLOCK_BYTES", 11)
    body = f"{HEADER}\n{ROW}\n".encode() * 3
    with pytest.raises(DeliveryError, match=f"byte {len(body) + 3} cannot be read"):
        read(csv_file(tmp_path, body + b"abc\xff"))
    with pytest.raises(DeliveryError, match=f"byte {len(body)} cannot be read"):
        read(csv_file(tmp_path, body + "银".encode()[:2]))


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        pytest.param(HEADER.replace(",amount", ""), "the column amount is missing", id="a column is missing"),
        pytest.param(HEADER.replace("amount", "Amount"), "the column amount is missing", id="a column was renamed"),
        pytest.param(HEADER + ",amount", "the header names amount twice", id="a column is there twice"),
        pytest.param(HEADER.replace(",", ";"), "separated by semicolons", id="another separator"),
        pytest.param(HEADER.replace(",", "\t"), "separated by tabs", id="tabs"),
        pytest.param("", "the file is empty", id="an empty file"),
    ],
)
def test_breaking_drift_of_the_header_refuses_the_file(header: str, complaint: str, tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{header}\n{ROW}\n" if header else "")
    with pytest.raises(DeliveryError, match=complaint) as refused:
        read(path)
    assert "nothing of the delivery was loaded" in str(refused.value)
    assert refused.value.next_command == "cat include/contracts/payments/repayment_transaction.yml"


def test_columns_in_another_order_are_fine_and_an_added_one_is_a_warning(tmp_path: Path) -> None:
    names = [*reversed(PAYMENT), "colour"]
    values = [*(value or "" for value in reversed(PAYMENT.values())), "red"]
    path = csv_file(tmp_path, f"{','.join(names)}\n{','.join(values)}\n")
    drift = Drift()
    chunk = concat(list(read_chunks(source(path), TRANSACTION, drift)))
    assert ids(chunk) == ["T1"]
    assert drift.warnings == ["t.csv: columns that the contract does not state, not loaded: colour"]


def test_a_row_with_too_many_or_too_few_cells_is_set_apart_with_what_can_be_read(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{HEADER}\n{ROW}\nT2,L2,2026-01-05\nT3{ROW[2:]},extra\nT4{ROW[2:]}\n")
    chunk = read(path)
    by_line = {int(line): row for row, line in enumerate(chunk.line_no)}
    assert sorted(by_line) == [1, 2, 3, 4]
    assert [ids(chunk)[by_line[line]] for line in (1, 2, 3, 4)] == ["T1", "T2", "T3", "T4"]
    assert [int(chunk.malformed[by_line[line]]) for line in (1, 2, 3, 4)] == [0, 1, 1, 0]
    texts = raw_rows(source(path), [2, 3])
    assert (texts[2].file_line_no, texts[2].text) == (3, "T2,L2,2026-01-05")
    assert texts[3].text.endswith(",extra")


def test_a_quote_left_open_refuses_the_file_and_says_between_which_lines(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f'{HEADER}\n{ROW}\nT2,L"2,2026-01-05\n{ROW}\n{ROW}\n')
    with pytest.raises(DeliveryError, match="a quote is left open or stands inside a cell"):
        read(path)


def test_a_record_without_an_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(records_module, "MAX_RECORD_BYTES", 1000)
    monkeypatch.setattr("include.landing.files.BLOCK_BYTES", 100)
    with pytest.raises(DeliveryError, match="begins on line 3 has no end"):
        read(csv_file(tmp_path, f'{HEADER}\n{ROW}\n"T2' + "x" * 5000))


def test_a_very_large_cell_is_one_bad_row_not_a_broken_file(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{HEADER}\n{ROW}\n{ROW.replace('BANK', 'x' * 10_000_000)}\n")
    prepared = prepare(read(path), TRANSACTION)
    assert [problem.code for problem in prepared.checked.problems] == ["too_long", "conflicting_duplicate"]


@given(
    cells=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), min_size=1, max_size=12),
    block=st.integers(1, 40),
)
def test_records_are_cut_at_the_same_places_whatever_the_size_of_the_blocks(cells: list[str], block: int) -> None:
    quoted = ['"' + cell.replace('"', '""') + '",x' for cell in cells]
    text = "\n".join(quoted).encode()
    blocks = (text[start : start + block] for start in range(0, len(text), block))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_module, "CHUNK_BYTES", 10)
        found = [
            (records.text(number), records.line(number))
            for records in read_records(blocks, "file", quoted=True)
            for number in range(len(records))
        ]
    assert [record for record, _ in found] == [cell.encode() for cell in quoted]
    lines, line = [], 1
    for cell in quoted:
        lines.append(line)
        line += 1 + cell.encode().count(b"\n")
    assert [at for _, at in found] == lines


def test_json_numbers_are_kept_as_they_were_written(tmp_path: Path) -> None:
    text = json.dumps({**PAYMENT, "is_derived": False}, ensure_ascii=False)
    path = csv_file(
        tmp_path,
        "\n".join(text.replace('"100.00"', number) for number in ("100.10", "9007199254740993.01", "1e2", "12.345")),
        "t.jsonl",
    )
    assert read(path).columns["amount"].to_pylist() == ["100.10", "9007199254740993.01", "1e2", "12.345"]


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        pytest.param("{not json", 2, id="no JSON"),
        pytest.param("[1]", 2, id="a list"),
        pytest.param("[" * 100_000, 2, id="endless brackets"),
        pytest.param(json.dumps(PAYMENT)[:-1] + ', "amount": "5.00"}', 3, id="a member twice"),
        pytest.param('{"transaction_id": "T9", "loan_id": "L9"}', 4, id="members are missing"),
    ],
)
def test_a_bad_json_line_is_one_bad_row(line: str, shape: int, tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{json.dumps(PAYMENT)}\n{line}\n", "t.jsonl")
    assert read(path).malformed.tolist() == [0, shape]
    assert raw_rows(source(path), [2])[2].text == line


def test_a_nested_json_value_and_a_lone_surrogate_are_bad_values(tmp_path: Path) -> None:
    nested = json.dumps({**PAYMENT, "amount": {"value": 5}})
    surrogate = json.dumps({**PAYMENT, "transaction_id": "T2"}).replace("BANK", "\\ud800")
    prepared = prepare(read(csv_file(tmp_path, f"{nested}\n{surrogate}\n", "t.jsonl")), TRANSACTION)
    assert [problem.code for problem in prepared.checked.problems] == ["not_an_exact_decimal"]
    assert read(csv_file(tmp_path, surrogate, "t.jsonl")).columns["method_code"].to_pylist() == ["?"]


def test_a_member_that_no_json_line_has_is_a_missing_column(tmp_path: Path) -> None:
    row = {name: value for name, value in PAYMENT.items() if name != "currency"}
    with pytest.raises(DeliveryError, match="the column currency is missing"):
        read(csv_file(tmp_path, json_lines([row, row]), "t.jsonl"))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        pytest.param("amount", pa.array([1.5]), id="an amount as a float"),
        pytest.param("transaction_id", pa.array([17]), id="an id as a number"),
        pytest.param("value_date", pa.array([0], pa.timestamp("ms")), id="a date as an instant"),
        pytest.param("is_derived", pa.array([0]), id="a truth as a number"),
    ],
)
def test_a_parquet_column_of_another_type_refuses_the_file(column: str, values: pa.Array, tmp_path: Path) -> None:
    table = pq.read_table(parquet(tmp_path / "t.parquet", [PAYMENT]))
    table = table.set_column(table.column_names.index(column), column, values)
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(DeliveryError, match=f"the column {column} is .*, the contract says"):
        read(tmp_path / "t.parquet")


def test_parquet_decimals_of_a_larger_scale_are_exact_or_refused(tmp_path: Path) -> None:
    table = pq.read_table(parquet(tmp_path / "t.parquet", [PAYMENT, payment("T2")]))
    amounts = pa.array([Decimal("100.0000"), Decimal("100.0010")], pa.decimal128(20, 4))
    pq.write_table(table.set_column(5, "amount", amounts), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").columns["amount"].to_pylist() == ["100.00", "100.0010"]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet.gz"])
def test_a_gzip_bomb_is_refused_while_it_unpacks(name: str, tmp_path: Path) -> None:
    path = csv_file(tmp_path, gzip.compress(b"0" * 60_000_000), name)
    with pytest.raises(DeliveryError, match="gzip bomb"):
        read(path)


def test_a_gzip_file_cut_off_or_spoilt_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(f"{HEADER}\n{ROW}\n".encode())
    with pytest.raises(DeliveryError, match="ends in the middle"):
        read(csv_file(tmp_path, packed[:-9], "t.csv.gz"))
    with pytest.raises(DeliveryError, match="not a sound gzip file"):
        read(csv_file(tmp_path, packed[:20] + b"x" + packed[21:], "t.csv.gz"))
    with pytest.raises(DeliveryError, match="not a sound gzip file"):
        read(csv_file(tmp_path, f"{HEADER}\n", "t.csv.gz"))


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    packed = gzip.compress(f"{HEADER}\n".encode()) + gzip.compress(f"{ROW}\n".encode())
    assert ids(read(csv_file(tmp_path, packed, "t.csv.gz"))) == ["T1"]


def test_a_spoilt_parquet_file_is_refused(tmp_path: Path) -> None:
    whole = parquet(tmp_path / "t.parquet", [PAYMENT]).read_bytes()
    for content in (whole[:-20], b"PAR1 nothing", b""):
        with pytest.raises(DeliveryError, match="not a sound Parquet file"):
            read(csv_file(tmp_path, content, "t.parquet"))
