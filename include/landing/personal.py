"""Personal data at landing: a token and a masked form go to the raw table, the value itself, encrypted, to the vault.

Tokens are made a chunk at a time, each different value once. What the vault is to keep is written, already encrypted,
to a temporary file while the rows are sent, and follows them in the same transaction: memory stays that of a chunk.
"""

import tempfile
from collections.abc import Sequence
from typing import IO

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from include.landing.contract import Column, Contract
from include.landing.copy_rows import HEADER, TRAILER, RowWriter
from include.privacy import HIDDEN, KeyRing, masked, normalised
from include.settings import Settings
from include.vault.keys import KEY_LOCK, registered
from include.warehouse.connection import connect
from include.warehouse.roles import LOADER

COPY_BYTES = 1024**2


def personal_columns(contract: Contract) -> tuple[Column, ...]:
    """The columns whose values only the vault may hold."""
    return tuple(column for column in contract.columns if column.personal_data is not None)


class Guard:
    """The keys of one landing, checked against those that the warehouse was loaded with."""

    def __init__(self, connection: psycopg.Connection, settings: Settings) -> None:
        self._settings = settings
        connection.execute("select pg_advisory_xact_lock_shared(%s)", (KEY_LOCK,))
        self.tokens = registered(connection, settings, "token")
        self.seals = registered(connection, settings, "vault")
        self._erased = {
            "borrower_id": _ids(connection, "select borrower_id from vault.erased_borrower"),
            "loan_id": _ids(
                connection,
                "select loan_id from raw.core_banking__loan_contract "
                "where borrower_id in (select borrower_id from vault.erased_borrower)",
            ),
        }
        # A value keeps the token that it was first given. Tokens of former keys are final, so another connection may
        # look for them while this one is sending rows.
        self._former = self.tokens.former
        self._lookup: psycopg.Connection | None = None

    def close(self) -> None:
        if self._lookup is not None:
            self._lookup.close()

    def tokens_of(self, kind: str, normal: Sequence[str]) -> list[str]:
        """The tokens of different normalised values: those that the vault knows, new ones for the others."""
        tokens = self.tokens.tokens(kind, normal)
        open_places = list(range(len(normal)))
        for version in self._former:
            if not open_places:
                break
            older = self.tokens.tokens(kind, [normal[place] for place in open_places], version)
            known = self._known(older)
            left = []
            for place, token in zip(open_places, older, strict=True):
                if token in known:
                    tokens[place] = token
                else:
                    left.append(place)
            open_places = left
        return tokens

    def is_erased(self, subject_column: str | None, subjects: pa.Array) -> np.ndarray:
        """The mask of rows whose subject asked to be forgotten: their values are not kept again."""
        erased = self._erased.get(subject_column or "", [])
        if not erased:
            return np.zeros(len(subjects), bool)
        return pc.fill_null(pc.is_in(subjects, pa.array(erased)), False).to_numpy(zero_copy_only=False)

    def has_erased(self, subject_column: str | None, subject: str | None) -> bool:
        """Whether this one borrower or loan belongs to somebody who asked to be forgotten."""
        return subject is not None and subject in self._erased.get(subject_column or "", [])

    def _known(self, tokens: list[str]) -> set[str]:
        if self._lookup is None:
            self._lookup = connect(self._settings, role=LOADER, application_name="land-tokens", autocommit=True)
        return set(
            _ids(self._lookup, "select token from vault.personal_value where token = any(%s)", tokens)  # by its key
        )


class Guarded:
    """The personal columns of a chunk: ``tokens`` and ``masked`` by column name, as long as the chunk."""

    def __init__(self, guard: Guard, contract: Contract, canonical: dict[str, pa.Array], is_good: np.ndarray) -> None:
        self._values: dict[str, pa.Array] = {}
        self.tokens: dict[str, pa.Array] = {}
        self.masked: dict[str, pa.Array] = {}
        self._contract = contract
        subject = contract.subject_column
        self._is_erased = np.zeros(len(is_good), bool)
        if subject is not None:
            self._is_erased = guard.is_erased(subject, canonical[subject])
        for column in personal_columns(contract):
            # what a refused row states is nobody's number: it is not looked at
            values = pc.if_else(pa.array(is_good), canonical[column.name], pa.scalar(None, pa.string()))
            encoded = values.dictionary_encode()
            kind = str(column.personal_data)
            normal = normalised(kind, encoded.dictionary)
            different = normal.dictionary_encode()  # several spellings, one value
            tokens = pa.array(guard.tokens_of(kind, different.dictionary.to_pylist()), pa.string())
            shown = masked(kind, different.dictionary)
            codes = different.indices.take(encoded.indices)
            self._values[column.name] = values
            self.tokens[column.name] = tokens.take(codes)
            self.masked[column.name] = pc.if_else(
                pc.and_(pa.array(self._is_erased), codes.is_valid()), HIDDEN, shown.take(codes)
            )

    def vault_rows(self, positions: np.ndarray, seals: KeyRing) -> memoryview:
        """What the vault is to keep of the rows at these positions, each token once a column."""
        blocks = [self._vault_rows_of(column, positions, seals) for column in personal_columns(self._contract)]
        return memoryview(b"".join(blocks))

    def _vault_rows_of(self, column: Column, positions: np.ndarray, seals: KeyRing) -> memoryview:
        # rows of those who may be kept come first: a value that two people share is kept for the one of them
        places = positions[np.argsort(self._is_erased[positions], kind="stable")]
        tokens = self.tokens[column.name].take(pa.array(places))
        encoded = tokens.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy()
        _, first = np.unique(codes, return_index=True)
        first = first[codes[first] >= 0]
        places = places[first]
        is_erased = self._is_erased[places]
        chosen = tokens.take(pa.array(first))
        values = self._values[column.name].take(pa.array(places)).to_pylist()
        sealed = pa.array(seals.seal(chosen.to_pylist(), values), pa.binary())
        writer = RowWriter(len(places), 5)
        writer.text(chosen)
        writer.text(pa.array([str(column.personal_data)] * len(places), pa.string()))
        writer.text(pc.if_else(pa.array(is_erased), pa.scalar(None, pa.binary()), sealed))
        writer.integer(np.full(len(places), seals.current, np.int32))
        writer.value(pa.array(is_erased))
        return writer.finish()


class VaultFile:
    """Vault rows on their way: in a temporary file of this process, encrypted, until the raw rows are sent."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="postloan-vault-")  # noqa: SIM115 - closed by close()
        self._file.write(HEADER)
        self._is_empty = True

    def add(self, rows: memoryview) -> None:
        self._is_empty = self._is_empty and not len(rows)
        self._file.write(rows)

    def send(self, connection: psycopg.Connection) -> None:
        """Hand the rows over. A value that is there stays as it is, unless it was erased and is somebody else's too."""
        self._file.write(TRAILER)
        self._file.seek(0)
        if not self._is_empty:
            connection.execute("drop table if exists pg_temp.landing_personal")
            connection.execute(
                "create temporary table landing_personal (token text, kind text, sealed bytea, key_version integer, "
                "is_erased boolean) on commit drop"
            )
            with connection.cursor() as cursor, cursor.copy("copy landing_personal from stdin (format binary)") as copy:
                while block := self._file.read(COPY_BYTES):
                    copy.write(block)
            connection.execute(
                "insert into vault.personal_value (token, kind, sealed, key_version, is_erased) "
                "select distinct on (token) token, kind, sealed, key_version, is_erased from landing_personal "
                "order by token, is_erased on conflict (token) do nothing"
            )
            # two statements: "on conflict do update" would need the right to read what is sealed
            connection.execute(
                "update vault.personal_value as kept set sealed = came.sealed, key_version = came.key_version, "
                "is_erased = false from landing_personal as came "
                "where came.token = kept.token and kept.is_erased and not came.is_erased "
                "and exists (select from vault.erased_borrower)"
            )
        self.close()

    def close(self) -> None:
        self._file.close()


def _ids(connection: psycopg.Connection, statement: str, *parameters: object) -> list[str]:
    return [row[0] for row in connection.execute(statement.encode(), parameters or None)]
