"""Which key is current is the warehouse's word: the files hold keys, ``vault.key`` says what they are to it."""

from dataclasses import replace

import psycopg

from include.errors import PostloanError
from include.privacy import KeyRing, Purpose, load_keys
from include.settings import Settings

# landings hold it shared, whoever changes keys or erases holds it alone
KEY_LOCK = 7306004


def registered(connection: psycopg.Connection, settings: Settings, purpose: Purpose) -> KeyRing:
    """The keys as this warehouse uses them; the first one is made, and remembered by its fingerprint.

    Raises PostloanError when a key that the warehouse was loaded with is missing or another.
    """
    known = _known(connection, purpose)
    ring = load_keys(settings, purpose, is_first_use=not known)
    if not known:
        connection.execute(
            "insert into vault.key (purpose, version, fingerprint, is_current) values (%s, %s, %s, true) "
            "on conflict do nothing",
            (ring.purpose, ring.current, ring.fingerprint(ring.current)),
        )
        known = _known(connection, purpose)  # another landing may have been first, with a key of its own
    where = f"the {ring.purpose} keys of this installation are not those with which this warehouse was loaded"
    for version, (fingerprint, _) in known.items():
        if version not in ring.keys:
            raise PostloanError(f"{where}: version {version} is missing. Bring back the key file, or its setting")
        if ring.fingerprint(version) != fingerprint:
            raise PostloanError(f"{where}: version {version} is another key. Bring back the key file, or its setting")
    (current,) = (version for version, (_, is_current) in known.items() if is_current)
    # a key that was made for a rotation which did not end makes nothing yet
    return replace(ring, current=current, keys={version: ring.keys[version] for version in known})


def _known(connection: psycopg.Connection, purpose: Purpose) -> dict[int, tuple[str, bool]]:
    return {
        version: (fingerprint, is_current)
        for version, fingerprint, is_current in connection.execute(
            "select version, fingerprint, is_current from vault.key where purpose = %s", (purpose,)
        )
    }
