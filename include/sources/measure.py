"""What a file holds, found by the landing's own reading: rows, sum of the control column, and which rows are bad.

So a manifest that we write says what landing will find, to the cent, and a trial says what landing would say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from include.errors import DeliveryError
from include.landing.check import check
from include.landing.chunk import concat
from include.landing.contract import Contract
from include.landing.decode import Drift, SourceFile, raw_rows, read_chunks
from include.landing.files import sha256_of, state_of
from include.landing.manifest import ManifestFile
from include.landing.prepare import prepare
from include.landing.reasons import masked

FORMATS = ("csv", "jsonl", "parquet")
SHOWN_ROWS = 5


@dataclass(frozen=True)
class BadLine:
    """A row that landing would refuse: where, why (both languages), and the shape of its text."""

    line: int
    column: str | None
    reason: str
    masked_text: str


@dataclass
class Trial:
    """What a contract says of a file. ``reasons``: how many rows by column and reason."""

    rows: int = 0
    good: int = 0
    duplicates: int = 0
    control_total: Decimal = Decimal("0.00")
    reasons: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    first_bad: list[BadLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        return self.rows - self.good - self.duplicates


def source_file(path: Path, encoding: str, *, name: str | None = None) -> SourceFile:
    """The file as landing opens it. Raises DeliveryError for a format that it does not read."""
    shown = name or path.name
    file_format = shown.removesuffix(".gz").rpartition(".")[2]
    if file_format not in FORMATS:
        raise DeliveryError(f"{path}: files end in {', '.join(f'.{ending}' for ending in FORMATS)}, or that and .gz")
    if not path.is_file() or path.is_symlink():
        raise DeliveryError(f"{path} is no file", next_command=f"ls -l {path.parent}")
    return SourceFile(path, shown, file_format, shown.endswith(".gz"), encoding, 1, state_of(path))


def measured(path: Path, contract: Contract, encoding: str, *, name: str | None = None) -> ManifestFile:
    """The line of a manifest for this file, of which memory holds a chunk at a time."""
    file = source_file(path, encoding, name=name)
    rows, total = 0, Decimal("0.00")
    for chunk in read_chunks(file, contract, Drift()):
        checked = check(chunk, contract)
        rows += len(chunk)
        total += checked.control_sum(checked.problem >= 0)
    return ManifestFile(name=file.name, sha256=sha256_of(path), row_count=rows, control_total=str(total))


def tried(path: Path, contract: Contract, encoding: str) -> Trial:
    """Judge a file as landing would, without loading anything. Raises DeliveryError where landing would refuse it."""
    file = source_file(path, encoding)
    drift = Drift()
    chunks = list(read_chunks(file, contract, drift))
    trial = Trial(warnings=drift.warnings)
    if not chunks:
        return trial
    prepared = prepare(concat(chunks), contract)
    checked = prepared.checked
    trial.rows, trial.good = len(prepared.line_no), int(prepared.is_loadable.sum())
    trial.duplicates = int(prepared.is_duplicate.sum())
    trial.control_total = checked.control_sum(checked.problem >= 0)
    bad = [(int(line), checked.problems[number - 1]) for line, number in _refused(prepared.line_no, checked.problem)]
    trial.reasons.update((_sent_as(contract, problem.column), problem.text) for _, problem in bad)
    first = sorted(bad, key=lambda row: row[0])[:SHOWN_ROWS]
    texts = raw_rows(file, [line for line, _ in first])
    trial.first_bad = [
        BadLine(
            texts[line].file_line_no, _sent_as(contract, problem.column), problem.text, masked(texts[line].text, 200)
        )
        for line, problem in first
    ]
    return trial


def _refused(line_no: Iterable[int], problem: Iterable[int]) -> Iterator[tuple[int, int]]:
    return ((line, number) for line, number in zip(line_no, problem, strict=True) if number)


def _sent_as(contract: Contract, column: str | None) -> str | None:
    return contract.delivered_name(column) or None
