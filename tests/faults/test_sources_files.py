"""Every contract against files as they really come: encodings, line ends, columns, separators, cut-off ends.

Rows F1, F2 and F3 of the catalogue of faults, for each contract of this project, without a database.
"""

from pathlib import Path

import pandas as pd
import pytest

from include.errors import DeliveryError
from include.landing.check import check
from include.landing.chunk import concat
from include.landing.contract import Contract, load_contracts
from include.landing.decode import Drift, SourceFile, read_chunks
from include.landing.delivery_encoding import encode_rows, exact_table
from include.landing.files import state_of
from include.landing.row_hash import row_hashes
from include.sources.measure import measured
from tests.support.good_rows import good_rows

CONTRACTS = load_contracts()
NAMES = [f"{contract.system}.{contract.table}" for contract in CONTRACTS]
every_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=NAMES)
ROWS = 5
STRANGE = "贷款㐀𠀀é"  # two, four and four bytes in GB18030, the last no Chinese at all


def content(contract: Contract, file_format: str = "csv", encoding: str = "utf-8") -> bytes:
    """The bytes of a sound file whose plain text columns hold characters of every length."""
    rows = good_rows(contract, ROWS)
    for row in rows:
        for name in free_texts(contract):
            row[name] = STRANGE
    frame = pd.DataFrame(rows, columns=[column.name for column in contract.columns], dtype=object)
    return encode_rows(exact_table(frame, contract.table), file_format, encoding)


def free_texts(contract: Contract) -> list[str]:
    """Text columns that hold whatever people write."""
    return [
        column.name
        for column in contract.columns
        if column.type == "text" and not column.one_of and not column.pattern and column.name not in contract.key
    ]


def read(data: bytes, contract: Contract, folder: Path, *, name: str = "t.csv", encoding: str = "utf-8"):
    """Good rows, their hashes in the order of the file, and the warnings."""
    path = folder / name
    path.write_bytes(data)
    drift = Drift()
    file = SourceFile(path, name, name.split(".")[1], name.endswith(".gz"), encoding, 1, state_of(path))
    chunks = list(read_chunks(file, contract, drift))
    if not chunks:
        return 0, [], drift.warnings
    checked = check(concat(chunks), contract)
    return int(checked.is_good.sum()), row_hashes(checked.canonical, contract).tolist(), drift.warnings


@every_contract
def test_the_same_rows_are_the_same_in_every_form_a_file_can_have(contract: Contract, tmp_path: Path) -> None:
    plain = content(contract)
    good, hashes, warnings = read(plain, contract, tmp_path)
    assert (good, warnings) == (ROWS, [])
    names = [column.name for column in contract.columns]
    for data, options in (
        (b"\xef\xbb\xbf" + plain, {}),
        (plain.removesuffix(b"\n"), {}),
        (plain.replace(b"\n", b"\r\n"), {}),
        (content(contract, encoding="gb18030"), {"encoding": "gb18030"}),
        (content(contract, "jsonl"), {"name": "t.jsonl"}),
        (content(contract, "parquet"), {"name": "t.parquet"}),
        (reordered(plain, list(reversed(range(len(names))))), {}),
    ):
        assert read(data, contract, tmp_path, **options) == (ROWS, hashes, [])


def reordered(data: bytes, order: list[int]) -> bytes:
    lines = [line.split(",") for line in data.decode().splitlines()]
    return ("\n".join(",".join(line[at] for at in order) for line in lines) + "\n").encode()


@every_contract
def test_an_added_column_is_a_warning_and_a_lost_or_doubled_one_refuses_the_file(
    contract: Contract, tmp_path: Path
) -> None:
    plain = content(contract).decode()
    added = "\n".join(f"{line},{'rate_new' if at == 0 else '1'}" for at, line in enumerate(plain.splitlines()))
    good, _, warnings = read(added.encode(), contract, tmp_path)
    assert good == ROWS
    assert warnings == ["t.csv: columns that the contract does not state, not loaded: rate_new"]
    for column in contract.columns:
        lost = plain.replace(column.name, f"{column.name}_x", 1) if plain.startswith(column.name) else None
        lost = lost or plain.replace(f",{column.name}", f",{column.name}_x", 1)
        with pytest.raises(DeliveryError, match=r"is missing|twice"):
            read(lost.encode(), contract, tmp_path)
    with pytest.raises(DeliveryError, match="twice"):
        read(plain.replace("\n", f",{contract.columns[0].name}\n", 1).encode(), contract, tmp_path)


@every_contract
@pytest.mark.parametrize("separator", [";", "\t", "|"], ids=["semicolons", "tabs", "bars"])
def test_another_separator_is_named(contract: Contract, separator: str, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="separated by"):
        read(content(contract).replace(b",", separator.encode()), contract, tmp_path)


@every_contract
def test_a_wrong_encoding_is_refused_with_its_byte(contract: Contract, tmp_path: Path) -> None:
    plain = content(contract)
    if not free_texts(contract):
        plain = plain.replace(b"\n", "\n贷".encode(), 1)
    with pytest.raises(DeliveryError, match=r"byte \d+ cannot be read"):
        read(plain.decode().encode("utf-16"), contract, tmp_path)
    with pytest.raises(DeliveryError, match=r"byte \d+ cannot be read"):
        read(plain.decode().encode("gb18030"), contract, tmp_path)
    with pytest.raises(DeliveryError, match=r"byte \d+ cannot be read"):
        read(plain[:-1] + "贷".encode()[:2], contract, tmp_path)  # cut in the middle of a character


@every_contract
def test_a_file_cut_off_in_its_last_row_counts_or_sums_to_something_else(contract: Contract, tmp_path: Path) -> None:
    """What a manifest states beside the file then no longer fits: rows, or the sum of the control column."""
    path = tmp_path / f"{contract.table}.csv"
    path.write_bytes(content(contract))
    whole = measured(path, contract, "utf-8")
    assert whole.row_count == ROWS
    data = path.read_bytes()
    last = data.rfind(b"\n", 0, -1) + 1
    path.write_bytes(data[:last])
    cut = measured(path, contract, "utf-8")
    assert cut.row_count == ROWS - 1
    assert cut.sha256 != whole.sha256
    if contract.control_column is not None:
        assert cut.control_total != whole.control_total


@every_contract
def test_a_line_break_and_a_quote_inside_a_cell_are_text(contract: Contract, tmp_path: Path) -> None:
    columns = [column.name for column in contract.columns]
    plain = contract.columns[columns.index(free_texts(contract)[0])] if free_texts(contract) else None
    if plain is None or plain.personal_data:
        return
    rows = good_rows(contract, ROWS)
    rows[2][plain.name] = 'he said "later",\nand left'
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    data = encode_rows(exact_table(frame, contract.table), "csv")
    assert read(data, contract, tmp_path)[0] == ROWS
