"""Forgets one borrower: what the vault holds, masked forms, texts that were refused, files that were delivered.

Tokens stay where they are, so published rows, row hashes and manifests stand; without a value behind them they name
nobody. Whatever is delivered of the borrower later gets its tokens and is not kept. Run again, it does what is left.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from include.errors import PostloanError, RefusedError
from include.landing.contract import Contract, load_systems
from include.landing.personal import personal_columns
from include.privacy import HIDDEN, KeyRing
from include.settings import Settings
from include.vault.keys import KEY_LOCK, registered
from include.vault.traces import HeldFile, Person, files_that_hold, names_any, personal_contracts
from include.warehouse.connection import connect
from include.warehouse.ledger import landed_batch_ids
from include.warehouse.roles import PRIVACY

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Erasure:
    """What was taken away. ``values_shared``: left, because somebody else has the same; ``waiting``: not landed yet."""

    borrower_id: str
    values_erased: int
    values_shared: int
    texts_erased: int
    files_removed: tuple[str, ...]
    waiting: tuple[str, ...]


def erase(settings: Settings, borrower_id: str, *, reason: str, actor: str, approver: str) -> Erasure:
    """Forget a borrower for good. Raises RefusedError before anything is done when that may not be.

    Waits for landings that are under way. Files that were delivered and not landed yet are named, not removed.
    """
    if not reason.strip() or not actor.strip() or not approver.strip():
        raise RefusedError("an erasure has a reason, somebody who does it and somebody who approves it")
    if actor.strip().casefold() == approver.strip().casefold():
        raise RefusedError(f"{actor} cannot approve their own erasure: it cannot be taken back")
    with connect(settings, role=PRIVACY, application_name="postloan:erase", autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (KEY_LOCK,))
        with connection.transaction():
            person = _person(connection, borrower_id)
            ring = registered(connection, settings, "token")
            if names_any(" ".join((reason, actor, approver)), person.tokens, ring):
                raise RefusedError("the reason names personal data of the borrower; it would be kept for good")
            held = list(files_that_hold(settings, person, _landed(connection), ring))
            shared = _held_by_others(connection, person)
            _forget_masked_forms(connection, person)
            erased = connection.execute(
                "update vault.personal_value set sealed = null, is_erased = true "
                "where token = any(%s) and not is_erased",
                (sorted(person.tokens - shared),),
            ).rowcount
            texts = _forget_refused_texts(connection, person, ring)
            connection.execute(
                "insert into vault.erased_borrower values (%s) on conflict do nothing", (person.borrower_id,)
            )
            removed = tuple(_name(settings, file) for file in held if file.is_landed)
            connection.execute(
                "insert into ops.erasure_event (borrower_id, actor, approver, reason, values_erased, values_shared, "
                "quarantine_texts_erased, files_removed) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                (person.borrower_id, actor, approver, reason, erased, len(shared), texts, list(removed)),
            )
        # after the commit: killed here, the files are found again by the next erase of the same borrower
        for file in held:
            if file.is_landed:
                file.path.unlink(missing_ok=True)
    waiting = tuple(_name(settings, file) for file in held if not file.is_landed)
    log.info("borrower %s is forgotten: %d values, %d texts, %d files", borrower_id, erased, texts, len(removed))
    return Erasure(borrower_id, erased, len(shared), texts, removed, waiting)


def _person(connection: psycopg.Connection, borrower_id: str) -> Person:
    loans = connection.execute(
        "select distinct loan_id from raw.core_banking__loan_contract where borrower_id = %s order by 1", (borrower_id,)
    ).fetchall()
    person = Person(borrower_id, tuple(loan for (loan,) in loans), frozenset())
    tokens: set[str] = set()
    is_known = bool(loans)
    for contract in personal_contracts():
        rows = connection.execute(
            sql.SQL("select distinct {} from {} where {} = any(%s)").format(
                sql.SQL(", ").join(_token_columns(contract)), _rows(contract), _subject(contract)
            ),
            (person.ids(contract),),
        ).fetchall()
        is_known = is_known or bool(rows)
        tokens |= {token for row in rows for token in row if token is not None}
    (is_refused,) = connection.execute(
        "select exists (select from quarantine.rows where subject_id = %s)", (borrower_id,)
    ).fetchone() or (False,)
    if not is_known and not is_refused:
        raise PostloanError(f"no delivery has named a borrower {borrower_id}")
    return Person(person.borrower_id, person.loan_ids, frozenset(tokens))


def _held_by_others(connection: psycopg.Connection, person: Person) -> frozenset[str]:
    """Tokens that rows of people who were not forgotten state as well: a shared phone, an employer's name."""
    forgotten = {
        "borrower_id": "select borrower_id from vault.erased_borrower",
        "loan_id": "select loan_id from raw.core_banking__loan_contract "
        "where borrower_id in (select borrower_id from vault.erased_borrower)",
    }
    shared: set[str] = set()
    for contract in personal_contracts():
        for column in _token_columns(contract):
            shared |= {
                token
                for (token,) in connection.execute(
                    sql.SQL(
                        "select distinct {token} from {rows} where {token} = any(%s) and {subject} <> all(%s) "
                        "and {subject} not in ({forgotten})"
                    ).format(
                        token=column,
                        rows=_rows(contract),
                        subject=_subject(contract),
                        forgotten=sql.SQL(forgotten[str(contract.subject_column)]),
                    ),
                    (sorted(person.tokens), person.ids(contract)),
                )
            }
    return frozenset(shared)


def _forget_masked_forms(connection: psycopg.Connection, person: Person) -> None:
    for contract in personal_contracts():
        for column in personal_columns(contract):
            connection.execute(
                sql.SQL("update {} set {masked} = %s where {} = any(%s) and {masked} <> %s").format(
                    _rows(contract), _subject(contract), masked=sql.Identifier(f"{column.name}_masked")
                ),
                (HIDDEN, person.ids(contract), HIDDEN),
            )


def _forget_refused_texts(connection: psycopg.Connection, person: Person, ring: KeyRing) -> int:
    """Texts of rows about the person, and of rows that do not say whose they are where a value stands in them."""
    about = [person.borrower_id, *person.loan_ids]
    unread = [
        (batch_id, line_no)
        for batch_id, line_no, text in connection.execute(
            "select batch_id, line_no, raw_text from vault.quarantine_text "
            "join quarantine.rows as refused using (batch_id, line_no) where subject_id is null"
        )
        if names_any(text, person.tokens, ring)
    ]
    return connection.execute(
        "delete from vault.quarantine_text as kept using quarantine.rows as refused "
        "where kept.batch_id = refused.batch_id and kept.line_no = refused.line_no "
        "and (refused.subject_id = any(%s) or (kept.batch_id, kept.line_no) in "
        "(select * from unnest(%s::bigint[], %s::bigint[])))",
        (about, [batch_id for batch_id, _ in unread], [line_no for _, line_no in unread]),
    ).rowcount


def _landed(connection: psycopg.Connection) -> set[int]:
    return set().union(*(landed_batch_ids(connection, system) for system in load_systems()))


def _name(settings: Settings, file: HeldFile) -> str:
    return str(Path(file.path).relative_to(settings.landing))


def _token_columns(contract: Contract) -> list[sql.Identifier]:
    return [sql.Identifier(f"{column.name}_token") for column in personal_columns(contract)]


def _rows(contract: Contract) -> sql.Identifier:
    return sql.Identifier("raw", contract.raw_name)


def _subject(contract: Contract) -> sql.Identifier:
    return sql.Identifier(str(contract.subject_column))
