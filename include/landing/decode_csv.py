"""CSV: a header line, commas, double quotes; an empty cell, quoted or not, is a value that is not stated."""

import csv
import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from include.errors import DeliveryError
from include.landing.chunk import WELL_FORMED, WRONG_NUMBER_OF_CELLS, Chunk
from include.landing.contract import Contract
from include.landing.decode import Drift, RawRow, SourceFile, breaking, columns_of
from include.landing.files import read_utf8
from include.landing.records import Records, read_records

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_chunks(file: SourceFile, contract: Contract, drift: Drift) -> Iterator[Chunk]:
    """See ``decode.read_chunks``."""
    header: list[str] | None = None
    line_no = file.first_line_no
    for records in _records(file):
        skipped = 0
        if header is None:
            header = _header(records, file, contract)
            columns_of(header, file, contract, drift)
            skipped = 1
        if len(records) > skipped:
            yield _chunk(records, skipped, header, line_no, file, contract)
            line_no += len(records) - skipped
    if header is None:
        raise breaking(file, contract, "the file is empty; even without rows it needs its header")


def raw_rows(file: SourceFile, line_numbers: list[int]) -> dict[int, RawRow]:
    """See ``decode.raw_rows``."""
    found = {}
    wanted = iter(line_numbers)
    number = next(wanted, None)
    first = file.first_line_no - 1  # the header is record 0
    for records in _records(file):
        while number is not None and number < first + len(records):
            text = records.text(number - first).decode()
            found[number] = RawRow(file.name, records.line(number - first), text)
            number = next(wanted, None)
        if number is None:
            break
        first += len(records)
    return found


def _records(file: SourceFile) -> Iterator[Records]:
    blocks = read_utf8(file.path, encoding=file.encoding, is_compressed=file.is_compressed)
    return read_records(blocks, file.path, quoted=True)


def _header(records: Records, file: SourceFile, contract: Contract) -> list[str]:
    text = records.text(0).decode()
    header = next(csv.reader(io.StringIO(text, newline="")), [])
    for separator, name in SEPARATORS.items():
        if len(header) == 1 and text.count(separator) >= len(contract.delivered_names) - 1:
            raise breaking(file, contract, f"cells are separated by {name}, not by commas")
    return header


def _chunk(
    records: Records, skipped: int, header: list[str], line_no: int, file: SourceFile, contract: Contract
) -> Chunk:
    ragged: dict[int, list[str]] = {}

    def keep_ragged(row: pacsv.InvalidRow) -> str:
        ragged[row.number - 1 - skipped] = next(csv.reader(io.StringIO(row.text, newline="")), [])
        return "skip"

    names = contract.delivered_names
    table = pacsv.read_csv(
        pa.BufferReader(records.data),
        pacsv.ReadOptions(
            column_names=header, use_threads=False, skip_rows=skipped, block_size=len(records.data) + records.longest
        ),
        pacsv.ParseOptions(newlines_in_values=records.has_quotes, invalid_row_handler=keep_ragged),
        pacsv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,  # read_utf8 did
        ),
    ).combine_chunks()
    expected = len(records) - skipped
    if table.num_rows + len(ragged) != expected:
        raise DeliveryError(
            f"{file.path}: between lines {records.line(skipped)} and {records.line(len(records) - 1)} a quote is left "
            f"open or stands inside a cell; {expected} records became {table.num_rows + len(ragged)}"
        )
    numbers = np.arange(line_no, line_no + expected, dtype=np.int64)
    columns = {name: _one_array(table.column(name)) for name in names}
    if not ragged:
        return Chunk(columns, numbers, np.full(expected, WELL_FORMED, np.int8))
    positions = np.array(sorted(ragged))
    for name in names:
        at = header.index(name)
        cells = [ragged[row][at] or None if at < len(ragged[row]) else None for row in positions]
        columns[name] = pa.concat_arrays([columns[name], pa.array(cells, pa.string())])
    is_ragged = np.isin(np.arange(expected), positions)
    malformed = np.full(expected, WELL_FORMED, np.int8)
    malformed[table.num_rows :] = WRONG_NUMBER_OF_CELLS
    return Chunk(columns, np.concatenate([numbers[~is_ragged], numbers[is_ragged]]), malformed)


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], pa.string())])
