"""Rotation: a new token key for values that are new, a new vault key for everything that the vault holds.

A value that the vault knows keeps its token, so that new rows join old ones; former token keys are kept to recognise
it. Former vault keys are taken away once nothing is sealed with them. Killed anywhere, run again, it goes on.
"""

import logging
from dataclasses import replace

import psycopg

from include.errors import PostloanError
from include.privacy import KeyRing, Purpose, key_file, load_keys, with_next_version, without_former, write_keys
from include.settings import Settings
from include.vault.keys import KEY_LOCK, registered
from include.warehouse.connection import connect
from include.warehouse.roles import OWNER

log = logging.getLogger(__name__)
BATCH_ROWS = 20_000


def rotate(settings: Settings, purpose: Purpose, *, actor: str) -> tuple[int, int]:
    """Make a new key current. Returns its version and how many values were sealed again.

    Waits for landings that are under way. With keys from a setting, the new version has to be among them.
    """
    with connect(settings, role=OWNER, application_name="postloan:rotate", autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (KEY_LOCK,))
        with connection.transaction():
            used = registered(connection, settings, purpose)
        ring = _with_new_key(settings, used, load_keys(settings, purpose))
        if ring.current != used.current:
            _make_current(connection, ring)
        sealed_again = _seal_again(connection, ring) if purpose == "vault" else 0
        connection.execute(
            "insert into ops.key_event (purpose, version, actor, values_sealed_again) values (%s, %s, %s, %s)",
            (purpose, ring.current, actor, sealed_again),
        )
        if purpose == "vault":
            connection.execute("delete from vault.key where purpose = 'vault' and not is_current")
            ring = without_former(ring)
        if not _is_stated(settings, purpose):
            write_keys(key_file(settings, purpose), ring)
    log.info("%s key v%d is current, %d values were sealed again", purpose, ring.current, sealed_again)
    return ring.current, sealed_again


def _with_new_key(settings: Settings, used: KeyRing, held: KeyRing) -> KeyRing:
    """The keys with the one that is to become current: one that is there and unused, or a new one, kept before use."""
    newest = max(held.keys)
    if newest > used.current:
        return replace(held, current=newest)
    if used.purpose == "vault" and len(held.keys) > 1:  # killed while sealing again: go on with that
        return replace(held, current=used.current)
    if _is_stated(settings, used.purpose):
        name = f"POSTLOAN_{used.purpose.upper()}_KEYS"
        raise PostloanError(
            f"the keys come from {name}: add version {newest + 1} to it, keep the others, and run again"
        )
    ring = with_next_version(held)
    write_keys(key_file(settings, used.purpose), replace(ring, current=used.current))
    return ring


def _make_current(connection: psycopg.Connection, ring: KeyRing) -> None:
    with connection.transaction():
        connection.execute("update vault.key set is_current = false where purpose = %s", (ring.purpose,))
        connection.execute(
            "insert into vault.key (purpose, version, fingerprint, is_current) values (%s, %s, %s, true)",
            (ring.purpose, ring.current, ring.fingerprint(ring.current)),
        )


def _seal_again(connection: psycopg.Connection, ring: KeyRing) -> int:
    """Open with the former key, seal with the current one, a batch a transaction."""
    done, last = 0, ""
    while rows := connection.execute(
        "select token, sealed, key_version from vault.personal_value "
        "where token > %s and key_version <> %s and not is_erased order by token limit %s",
        (last, ring.current, BATCH_ROWS),
    ).fetchall():
        tokens = [token for token, _, _ in rows]
        values = [ring.open(token, sealed, version) for token, sealed, version in rows]
        with connection.transaction():
            connection.execute(
                "update vault.personal_value as kept set sealed = again.sealed, key_version = %s "
                "from unnest(%s::text[], %s::bytea[]) as again (token, sealed) where kept.token = again.token",
                (ring.current, tokens, ring.seal(tokens, values)),
            )
        done, last = done + len(rows), tokens[-1]
    return done


def _is_stated(settings: Settings, purpose: Purpose) -> bool:
    return (settings.token_keys if purpose == "token" else settings.vault_keys) is not None
