"""Turns the files of a table into chunks of text values, whatever their format, and finds drift on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from include.errors import DeliveryError
from include.landing.chunk import Chunk
from include.landing.contract import Contract, contract_path
from include.landing.mapping import canonical


@dataclass(frozen=True)
class SourceFile:
    """A delivered file that was found sound: its format, and the number of its first row in the batch."""

    path: Path
    name: str
    file_format: str
    is_compressed: bool
    encoding: str
    first_line_no: int
    # size and times when its digest was taken: the same file is read a second time
    state: tuple[int, int, int]


@dataclass
class Drift:
    """Differences between a file and its contract that do no harm; they are kept in the ledger."""

    warnings: list[str] = field(default_factory=list)

    def added_columns(self, file: SourceFile, names: list[str]) -> None:
        if names:
            added = ", ".join(names)
            self.warnings.append(f"{file.name}: columns that the contract does not state, not loaded: {added}")


@dataclass(frozen=True)
class RawRow:
    """A row as it was delivered: the line on which it begins, and its text."""

    file_name: str
    file_line_no: int
    text: str


def read_chunks(file: SourceFile, contract: Contract, drift: Drift) -> Iterator[Chunk]:
    """The rows of the file. Raises DeliveryError for a wrong encoding, a missing or doubled column, a broken file."""
    for chunk in _reader(file).read_chunks(file, contract, drift):
        yield canonical(chunk, contract)


def raw_rows(file: SourceFile, line_numbers: list[int]) -> dict[int, RawRow]:
    """The delivered text of a few rows, by their number in the batch: a second look at the file."""
    return _reader(file).raw_rows(file, sorted(line_numbers))


def columns_of(header: list[str], file: SourceFile, contract: Contract, drift: Drift) -> list[str]:
    """The columns that the source has to state, all found in the header. Raises DeliveryError for breaking drift.

    Order does not matter; an added column is a warning.
    """
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise breaking(file, contract, f"the header names {_shown(doubled, contract)} twice")
    stated = contract.delivered_names
    missing = [name for name in stated if name not in header]
    if missing:
        what = f"the column {', '.join(missing)} is missing; the header has: {_shown(header, contract)}"
        raise breaking(file, contract, what)
    drift.added_columns(file, [name for name in header if name not in stated])
    return stated


def _shown(names: list[str], contract: Contract) -> str:
    """Names of a header for a message. Without a header, the first line is a person: then only names that we know."""
    if not contract.holds_personal_data:
        return ", ".join(names)[:300]
    known = [name for name in names if name in contract.delivered_names]
    others = len(names) - len(known)
    return ", ".join(known + [f"{others} names that the contract does not state"] * bool(others))[:300]


def breaking(file: SourceFile, contract: Contract, what: str) -> DeliveryError:
    """Drift that the contract does not allow: the whole delivery is refused."""
    return DeliveryError(
        f"{file.path}: {what}. The contract of {contract.system}.{contract.table} does not allow that; "
        "nothing of the delivery was loaded",
        next_command=f"cat {contract_path(contract.system, contract.table)}",
    )


class _Reader(Protocol):
    """What the module of a format offers. The columns of its chunks are still those of the source."""

    def read_chunks(self, file: SourceFile, contract: Contract, drift: Drift) -> Iterator[Chunk]: ...

    def raw_rows(self, file: SourceFile, line_numbers: list[int]) -> dict[int, RawRow]: ...


def _reader(file: SourceFile) -> _Reader:
    from include.landing import decode_csv, decode_jsonl, decode_parquet  # they import this module

    readers: dict[str, _Reader] = {"csv": decode_csv, "jsonl": decode_jsonl, "parquet": decode_parquet}
    return readers[file.file_format]
