"""Where a borrower's personal data stands beside the vault's own rows: landed files, texts that were refused."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from include.landing.chunk import Chunk
from include.landing.contract import Contract, contracts_of, load_contracts
from include.landing.decode import Drift, SourceFile, read_chunks
from include.landing.discover import Delivery, find_deliveries, safe_file
from include.landing.files import state_of
from include.landing.load import batch_ids
from include.landing.personal import personal_columns
from include.privacy import KINDS, KeyRing, normalised
from include.settings import Settings

PIECE = re.compile(r'[,;|\t\r\n"]+')
WORD = re.compile(r"\s+")
LONGEST_PIECE = 200


@dataclass(frozen=True)
class Person:
    """A borrower as the warehouse knows them: numbers of the lender's own, and tokens."""

    borrower_id: str
    loan_ids: tuple[str, ...]
    tokens: frozenset[str]

    def ids(self, contract: Contract) -> list[str]:
        """What the subject column of a table states for this person."""
        return [self.borrower_id] if contract.subject_column == "borrower_id" else list(self.loan_ids)


@dataclass(frozen=True)
class HeldFile:
    """A delivered file with rows of the person. One that has not been landed yet is still needed."""

    path: Path
    is_landed: bool


def names_any(text: str, tokens: frozenset[str], ring: KeyRing) -> bool:
    """Whether a value of these tokens stands in a text, as a cell of it or as a word."""
    pieces = {piece.strip() for piece in PIECE.split(text)} | set(WORD.split(text))
    return bool(tokens_of_any_kind([piece for piece in pieces if 1 < len(piece) <= LONGEST_PIECE], ring) & tokens)


def tokens_of_any_kind(values: list[str], ring: KeyRing) -> set[str]:
    """Every token that these texts could have, whatever they are."""
    found: set[str] = set()
    for kind in KINDS:
        normal = normalised(kind, pa.array(values, pa.string())).to_pylist()
        for version in ring.keys:
            found |= set(ring.tokens(kind, normal, version))
    return found


def personal_contracts() -> list[Contract]:
    """The tables that state personal data of somebody."""
    return [contract for contract in load_contracts() if contract.holds_personal_data and contract.subject_column]


def files_that_hold(settings: Settings, person: Person, landed: set[int], ring: KeyRing) -> Iterator[HeldFile]:
    """Every delivered file with a row of the person, in the order of its path. Reads all files of personal tables."""
    for system in sorted({contract.system for contract in personal_contracts()}):
        for delivery in find_deliveries(settings.landing, system, known_until=date.max):
            is_landed = batch_ids(delivery) <= landed
            for file, contract in _personal_files(settings, delivery):
                if any(_holds(chunk, contract, person, ring) for chunk in read_chunks(file, contract, Drift())):
                    yield HeldFile(file.path, is_landed)


def _personal_files(settings: Settings, delivery: Delivery) -> Iterable[tuple[SourceFile, Contract]]:
    contracts = contracts_of(delivery.manifest.system)
    for stated in delivery.manifest.tables:
        contract = contracts.get(stated.table)
        if contract is None or not contract.holds_personal_data or contract.subject_column is None:
            continue
        for file in stated.ordered_files:
            path = delivery.folder / file.name
            if path.exists():  # removed for somebody else
                path = safe_file(settings.landing, delivery, file)
                yield (
                    SourceFile(
                        path, file.name, file.file_format, file.is_compressed, stated.encoding, 1, state_of(path)
                    ),
                    contract,
                )


def _holds(chunk: Chunk, contract: Contract, person: Person, ring: KeyRing) -> bool:
    subjects = chunk.columns[str(contract.subject_column)]
    if pc.any(pc.is_in(subjects, pa.array(person.ids(contract), pa.string()))).as_py():
        return True
    unreadable = pc.is_null(subjects)
    if not pc.any(unreadable).as_py():
        return False
    # a row that does not say whose it is may be theirs all the same
    for column in personal_columns(contract):
        values = chunk.columns[column.name].filter(unreadable).drop_null()
        normal = normalised(str(column.personal_data), values).to_pylist()
        for version in ring.keys:
            if person.tokens & set(ring.tokens(str(column.personal_data), normal, version)):
                return True
    return False
