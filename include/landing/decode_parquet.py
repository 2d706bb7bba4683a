"""Parquet: exact types only. A column of another type than its contract's is drift, as a float amount always is."""

import json
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import DeliveryError
from include.landing.chunk import CHUNK_ROWS, WELL_FORMED, Chunk
from include.landing.contract import Column, Contract
from include.landing.decode import Drift, RawRow, SourceFile, breaking, columns_of
from include.landing.files import MAX_UNPACKED_BYTES, unpack_to


def read_chunks(file: SourceFile, contract: Contract, drift: Drift) -> Iterator[Chunk]:
    """See ``decode.read_chunks``."""
    with _opened(file) as parquet:
        names = columns_of(parquet.schema_arrow.names, file, contract, drift)
        delivered = {column.delivered_as: column for column in contract.columns if column.is_delivered}
        for name, column in delivered.items():
            kind = parquet.schema_arrow.field(name).type
            if not _may_hold(kind, column):
                raise breaking(file, contract, f"the column {name} is {kind}, the contract says {column.type}")
        line_no = file.first_line_no
        for batch in _batches(parquet, file, names):
            columns = {name: _as_text(batch.column(name), column) for name, column in delivered.items()}
            numbers = np.arange(line_no, line_no + batch.num_rows, dtype=np.int64)
            line_no += batch.num_rows
            yield Chunk(columns, numbers, np.full(batch.num_rows, WELL_FORMED, np.int8))


def raw_rows(file: SourceFile, line_numbers: list[int]) -> dict[int, RawRow]:
    """See ``decode.raw_rows``; the line is the row's number in the file, the text its values as JSON."""
    found = {}
    with _opened(file) as parquet:
        first = file.first_line_no
        for batch in _batches(parquet, file, None):
            last = first + batch.num_rows
            for number in line_numbers[bisect_left(line_numbers, first) : bisect_left(line_numbers, last)]:
                row = batch.slice(number - first, 1).to_pylist()[0]
                text = json.dumps(row, ensure_ascii=False, default=str)
                found[number] = RawRow(file.name, number - file.first_line_no + 1, text)
            first = last
    return found


@contextmanager
def _opened(file: SourceFile) -> Iterator[pq.ParquetFile]:
    with tempfile.TemporaryDirectory(prefix="postloan-") as folder:
        path = file.path
        if file.is_compressed:
            path = Path(folder) / "unpacked.parquet"
            unpack_to(file.path, path)
        try:
            with pq.ParquetFile(path) as parquet:
                groups = range(parquet.metadata.num_row_groups)
                size = sum(parquet.metadata.row_group(group).total_byte_size for group in groups)
                if size > MAX_UNPACKED_BYTES:
                    raise DeliveryError(f"{file.path} unpacks to {size} bytes, more than {MAX_UNPACKED_BYTES}")
                yield parquet
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise DeliveryError(f"{file.path} is not a sound Parquet file: {error}") from error


def _batches(parquet: pq.ParquetFile, file: SourceFile, names: list[str] | None) -> Iterator[pa.RecordBatch]:
    try:
        yield from parquet.iter_batches(batch_size=CHUNK_ROWS, columns=names, use_threads=False)
    except pa.ArrowInvalid as error:
        raise DeliveryError(f"{file.path} is not a sound Parquet file: {error}") from error


def _may_hold(kind: pa.DataType, column: Column) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return True
    if column.codes is not None or column.date_format is not None:  # a code has no leading zeros to lose
        return pa.types.is_integer(kind) or (column.codes is not None and pa.types.is_boolean(kind))
    if column.type == "text":
        return False  # a number has lost its leading zeros already
    if column.is_decimal:
        return pa.types.is_decimal(kind) or pa.types.is_integer(kind)
    if column.type == "timestamp":
        return pa.types.is_timestamp(kind) and kind.tz is not None  # without a zone it names no moment
    plain = {"integer": pa.types.is_integer, "date": pa.types.is_date, "boolean": pa.types.is_boolean}
    return plain[column.type](kind)


def _as_text(values: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type):
        return pc.strftime(values.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    text = values.cast(pa.string())
    if pa.types.is_decimal(values.type) and column.is_decimal:
        scale = column.precision_and_scale[1]
        if values.type.scale > scale:
            # zeros after the last place say nothing; anything else there is left for the checks to refuse
            text = pc.replace_substring_regex(text, rf"^(-?[0-9]+\.[0-9]{{{scale}}})0+$", r"\1")
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    return text
